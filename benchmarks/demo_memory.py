"""Peak memory and time of the whole demo, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import Row

LIMIT_MB = 1500


def run() -> list[Row]:
    """Run the demo on all 30,000 customers."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "demo"
        command = [sys.executable, "-m", "service.cli", "demo", "--home", str(home), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    peak, seconds = facts["peak_megabytes"], facts["seconds"]
    return [
        Row(
            what="whole demo: peak memory, 30,000 customers, 216,000 rows",
            ours=f"{peak:,} MB in {seconds:.0f} s wall",
            peer=f"limit {LIMIT_MB:,} MB",
            ratio=peak / LIMIT_MB,
            target="at most 1",
            met=peak <= LIMIT_MB,
        )
    ]
