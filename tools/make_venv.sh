#!/usr/bin/env bash
# Make a virtual environment; on Debian as root, install what Python lacks for it.
# usage: make_venv.sh PYTHON FOLDER
set -euo pipefail
python=$1 folder=$2
if ! "$python" -m venv "$folder" 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq python3-venv
    "$python" -m venv --clear "$folder"
  else
    echo "opensonic: $python cannot make a virtual environment; on Debian or Ubuntu run: sudo apt-get install python3-venv" >&2
    exit 1
  fi
fi
