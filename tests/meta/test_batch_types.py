"""No step of the way in can be left out: the type checker refuses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SNIPPET = """
from service.domain.batches import AdmittedBatch, PseudonymisedBatch, RawBatch, ScannedBatch
from service.ports import EventStore
from service.usecases.admission import admit_batch
from service.usecases.detection import scan_batch
from service.usecases.enrolment import pseudonymise_batch


def skip(store: EventStore, raw: RawBatch, scanned: ScannedBatch, pseudonymised: PseudonymisedBatch) -> None:
    store.append(raw)
    store.append(scanned)
    store.append(pseudonymised)
    pseudonymise_batch(raw, ...)
    admit_batch(scanned, ...)


def keep(store: EventStore, admitted: AdmittedBatch) -> None:
    store.append(admitted)
"""


def test_only_an_admitted_batch_can_be_stored_and_no_step_be_skipped(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(snippet)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    wrong = [
        line for line in result.stdout.splitlines() if "snippet.py" in line and "incompatible type" in line
    ]
    places = {int(line.split(":")[1]) for line in wrong if "Batch" in line}
    lines = SNIPPET.splitlines()
    first = lines.index("    store.append(raw)") + 1
    assert places == set(range(first, first + 5))
