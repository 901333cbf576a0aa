"""With CI=true a skipped test fails the session; on a desk it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


def run(directory: Path, body: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A session of its own with our conftest and one test file."""
    shutil.copy(TESTS / "conftest.py", directory / "conftest.py")
    (directory / "test_one.py").write_text(body)
    (directory / "pytest.ini").write_text("[pytest]\nmarkers =\n    postgres: x\n")
    clean = {name: value for name, value in os.environ.items() if name != "CI"}
    paths = {"PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(directory)]
    return subprocess.run(
        command, cwd=directory, env=clean | paths | environment, capture_output=True, text=True, check=False
    )


SKIP = "import pytest\ndef test_a(): pytest.skip('why')\n"


@pytest.mark.parametrize(
    ("body", "environment", "code"),
    [
        (SKIP, {"CI": "true"}, 1),
        (SKIP, {}, 0),
        (SKIP, {"CI": "false"}, 0),
        ("def test_a(): pass\n", {"CI": "true"}, 0),
    ],
)
def test_a_skip_fails_the_session_only_in_ci(
    tmp_path: Path, body: str, environment: dict[str, str], code: int
) -> None:
    result = run(tmp_path, body, **environment)
    assert result.returncode == code
    assert ("skipped test(s) fail this session" in result.stdout) == (code == 1)
