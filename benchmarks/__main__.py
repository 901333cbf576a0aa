"""Run every benchmark in a process of its own and write docs/reference/performance.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.report import Row

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "performance.md"
OTHERS = {"__init__", "__main__", "report", "pii_quality"}  # the last prints tables of its own
NAMES = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in OTHERS)
_RUN = """
import importlib, json, sys
from dataclasses import asdict
print(json.dumps([asdict(row) for row in importlib.import_module(sys.argv[1]).run()]))
"""


def rows() -> list[Row]:
    """All rows; a benchmark that fails fails the run."""
    found = []
    for name in NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        command = [sys.executable, "-c", _RUN, f"benchmarks.{name}"]
        one = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # CPU time, not waiting threads, for everybody
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=one)
        if run.returncode:
            raise SystemExit(f"{name} failed:\n{run.stderr}")
        found += [Row(**row) for row in json.loads(run.stdout.splitlines()[-1])]
    return found


def render(found: list[Row]) -> str:
    """The page."""
    lines = [
        "# Performance",
        "",
        "Made by `make bench`: ours and the peer in the same run, CPU seconds of one process unless a row",
        "says wall time. Read the ratios; absolute figures are those of a small shared machine.",
        "",
        "| what | ours | peer | ratio | bar | met |",
        "|---|---|---|---|---|---|",
    ]
    for r in found:
        met = "yes" if r.met else "**no**"
        lines.append(f"| {r.what} | {r.ours} | {r.peer} | {r.ratio:,.3g} | {r.target} | {met} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(rows()), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))
