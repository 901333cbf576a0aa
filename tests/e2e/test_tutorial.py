"""The tutorial runs as it is written: every block, in order, in a fresh directory, by the real command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def blocks(page: Path) -> list[str]:
    """The bash blocks of a page."""
    return re.findall(
        r"^```bash\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )


def test_the_tutorial_runs(tmp_path: Path) -> None:
    script = "set -euo pipefail\n" + "\n".join(blocks(ROOT / "docs" / "tutorials" / "main-job.md"))
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
    }
    run = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    assert run.stdout.count("VALID") == 3
    assert "BROKEN" not in run.stdout
