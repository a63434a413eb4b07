#!/usr/bin/env bash
# Check by resolution that every dependency of the base install has a wheel for each Python and system
# that we support (needs uv). Intel Macs end at Python 3.13: onnxruntime makes no newer wheels for them.
set -uo pipefail
cd "$(dirname "$0")/.."
export MACOSX_DEPLOYMENT_TARGET=14.0
failed=0
for version in 3.10 3.11 3.12 3.13 3.14; do
  for system in x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin x86_64-apple-darwin x86_64-pc-windows-msvc; do
    [ "$version $system" = "3.14 x86_64-apple-darwin" ] && continue
    if uv pip compile --quiet pyproject.toml --python-version "$version" --python-platform "$system" \
      --only-binary :all: >/dev/null; then
      echo "ok   Python $version on $system"
    else
      echo "FAIL Python $version on $system"
      failed=1
    fi
  done
done
exit $failed
