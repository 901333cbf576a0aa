#!/usr/bin/env bash
# Mutation testing of the log's pure modules: changes them bit by bit and runs their tests on each change.
# Needs about ten minutes. mutmut goes to var/, it is no dependency. At most 2 % may stay alive; these may,
# since they change nothing that can be seen:
#   encode64 "ASCII"; encode_json ensure_ascii=None, allow_nan=None (None is as good as False);
#   format_entry without ensure_ascii (an entry holds ASCII only); check_entry `>= MAX_BYTES` (the parser
#   decides then, more slowly); verify_consistency `old | -old` (same number of bits);
#   _group `start >= len(data)` (a group without a body is none); scan `> 0`, `>= 1` (it looks after 0);
#   TreeReader with a cache without limit.
set -euo pipefail
cd "$(dirname "$0")/.."
place="$PWD/var/mutation"
parts=(mutmut libcst setproctitle textual rich markdown-it-py mdit-py-plugins mdurl click coverage platformdirs
       pygments pyyaml typing_extensions linkify-it-py)
[ -d "$place/mutmut" ] || .venv/uv/bin/uv pip install -q --python .venv/bin/python --no-deps \
  --target "$place/mutmut" "${parts[@]}"
rm -rf "$place/tree"
mkdir -p "$place/tree"
cp -r audit privacy policies service tests pyproject.toml "$place/tree/"
cat >> "$place/tree/pyproject.toml" <<'TOML'

[tool.mutmut]
source_paths = ["audit/"]
only_mutate = ["audit/merkle.py", "audit/tiles.py", "audit/segment.py", "audit/entry.py", "audit/canonical.py"]
also_copy = ["privacy", "policies", "service", "tests"]
pytest_add_cli_args_test_selection = [
    "tests/unit/audit/test_refusals.py", "tests/unit/audit/test_merkle.py", "tests/unit/audit/test_tiles.py",
    "tests/unit/audit/test_segment.py", "tests/unit/audit/test_entry.py", "tests/unit/audit/test_formats.py",
    "tests/property/test_audit_formats.py", "tests/conformance/audit/test_merkle_vectors.py",
    "tests/conformance/audit/test_note_vectors.py", "tests/unit/audit/test_log.py",
]
pytest_add_cli_args = [
    "-p", "no:cacheprovider", "-p", "no:xdist", "--deselect",
    "tests/unit/audit/test_log.py::test_two_processes_append_and_publish_in_one_log",
]
TOML
cd "$place/tree"
export PYTHONPATH="$place/mutmut" PYTHONDONTWRITEBYTECODE=1
"$OLDPWD/.venv/bin/python" -m mutmut run --max-children 2
"$OLDPWD/.venv/bin/python" -m mutmut results
