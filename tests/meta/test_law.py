"""Every clause that the jurisdiction files list has code, and the matrix page is the one the tool writes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_law_to_code_matrix_is_complete_and_current() -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "tools" / "law_matrix.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"exit {run.returncode} {run.stdout}: run `python tools/law_matrix.py`"
