#!/usr/bin/env bash
# The JavaScript verifier that a test compares ours with, hash-checked, into the environment; at most once per lock.
set -euo pipefail
environment="${1:-.venv}/node"
lock="$(dirname "$0")/../tests/conformance/audit/npm"
cmp -s "$lock/package-lock.json" "$environment/package-lock.json" && [ -d "$environment/node_modules" ] && exit 0
if ! command -v npm >/dev/null; then
  echo "Missing for one test: npm. It will be skipped." >&2
  exit 0
fi
mkdir -p "$environment"
cp "$lock/package.json" "$lock/package-lock.json" "$environment/"
npm ci --prefix "$environment" --ignore-scripts --no-audit --no-fund --silent ||
  { rm -rf "$environment"; echo "Could not install for one test: @sigstore/verify. It will be skipped." >&2; }
