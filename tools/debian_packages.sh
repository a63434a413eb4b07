#!/usr/bin/env bash
# Debian packages that some tests use (speech synthesisers). Installed as root; otherwise those tests skip and say so.
set -euo pipefail
packages=(espeak-ng flite)
missing=()
for package in "${packages[@]}"; do
  command -v "$package" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq && apt-get install -y -qq "${missing[@]}" >/dev/null ||
    echo "opensonic: apt-get could not install ${missing[*]}; the tests that use them will skip" >&2
else
  echo "opensonic: not root, ${missing[*]} not installed; the tests that use them will skip" >&2
fi
