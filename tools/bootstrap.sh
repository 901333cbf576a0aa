#!/usr/bin/env bash
# Make the virtual environment and put a hash-checked uv beside it. Needs Python 3.11+ only.
set -euo pipefail
venv="$1"
python="${PYTHON:-$(command -v python3.11 || command -v python3 || true)}"
if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "Fiduciary needs Python 3.11 or newer. On Debian: apt-get install python3 python3-venv" >&2
  exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing python3-venv ..."
    apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
  else
    echo "Python's venv module is missing. As root: apt-get install python3-venv" >&2
    exit 1
  fi
fi
[ -x "$venv/bin/python" ] || "$python" -m venv --without-pip "$venv"
[ -x "$venv/uv/bin/python" ] || "$python" -m venv "$venv/uv"
"$venv/uv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
