"""Every system call that touches the log fails, or is the last one: nothing acknowledged is lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from fakes.audit_child import REFUSED, SEAL
from fakes.audit_disk import CALLS
from fakes.audit_forks import Forks, faults, outcome, traced

pytestmark = pytest.mark.usefixtures("strace")
SCHEDULE = (2, SEAL, 3, SEAL, 1)
SENT = range(sum(SCHEDULE))


def sweep(forks: Forks, folder: Path, fault: str, state: Path | None = None, first: int = 0) -> Counter[int]:
    """The program once for every call, with the fault at that call; how often each exit code was seen."""
    directory, codes = folder / "log", Counter[int]()
    for where, code in faults(forks, directory, "write", fault, state=state, schedule=SCHEDULE, first=first):
        codes[code] += 1
        found = outcome(directory, forks.acks(), range(first + len(SENT)))
        assert (found.lost, found.strange) == (0, 0), f"{where}: {found}"
    assert set(codes) <= ({-9} if fault == "signal=KILL" else {0, REFUSED})
    return codes


@pytest.mark.parametrize("fault", ["error=EIO", "signal=KILL"])
def test_a_new_log_survives_a_fault_at_every_call(forks: Forks, folder: Path, fault: str) -> None:
    codes = sweep(forks, folder, fault)
    assert codes.total() > 60


@pytest.mark.parametrize("fault", ["error=EIO", "signal=KILL"])
def test_recovery_survives_a_fault_at_every_call(forks: Forks, folder: Path, fault: str) -> None:
    state = folder / f"interrupted-{fault}"
    sweep_into(forks, state)
    codes = sweep(forks, folder, fault, state, first=len(SENT))
    assert codes.total() > 60


def sweep_into(forks: Forks, state: Path) -> None:
    """A log that was killed in the middle of a publication, after its tiles were written."""
    process = forks.start("write", state, schedule=SCHEDULE)
    with traced(process, "-o", "/dev/null", "-e", f"trace={CALLS}", "-e", "inject=rename:signal=KILL:when=7"):
        forks.go()
    assert forks.wait() == -9
    with (state / "pending").open("ab") as file:
        file.write(b"FDS1 torn")
    assert (state / "publishing.tmp").exists()
