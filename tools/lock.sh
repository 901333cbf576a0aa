#!/usr/bin/env bash
# Lock every dependency with hashes; no registry's address is written.
set -euo pipefail
uv="${1:-uv}"
compile=("$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url
         --custom-compile-command "make lock")
"${compile[@]}" requirements/uv.in -o requirements/uv.txt
"${compile[@]}" requirements/build.in -o requirements/build.txt
"${compile[@]}" pyproject.toml -o requirements/run.txt
"${compile[@]}" pyproject.toml --extra accurate -c requirements/run.txt -o requirements/accurate.txt
"${compile[@]}" pyproject.toml --extra streams -c requirements/accurate.txt -o requirements/streams.txt
"${compile[@]}" pyproject.toml --extra hsm -c requirements/run.txt -o requirements/hsm.txt
"${compile[@]}" pyproject.toml --extra accurate --extra streams --extra hsm --group dev \
  -c requirements/accurate.txt -c requirements/streams.txt -c requirements/hsm.txt -o requirements/dev.txt
