"""Every system call that touches the log fails, or is the last one: nothing acknowledged is lost."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from fakes.audit_child import REFUSED, SEAL
from fakes.audit_disk import CALLS
from fakes.audit_forks import Forks, outcome, traced

pytestmark = pytest.mark.usefixtures("strace")
SCHEDULE = (2, SEAL, 3, SEAL, 1)
SENT = range(sum(SCHEDULE))
LINE = re.compile(r"(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)")


def touching(trace: str, directory: Path) -> list[tuple[str, int]]:
    """Each call on a file of the log, with its ordinal among the calls of its name."""
    seen: Counter[str] = Counter()
    found = list[tuple[str, int]]()
    for line in trace.splitlines():
        if match := LINE.match(line):
            seen[match[1]] += 1
            if str(directory) in match[2]:
                found.append((match[1], seen[match[1]]))
    return found


def prepare(directory: Path, state: Path | None) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    if state:
        shutil.copytree(state, directory)


def reference(forks: Forks, directory: Path, output: Path, first: int) -> list[tuple[str, int]]:
    process = forks.start("write", directory, schedule=SCHEDULE, first=first)
    with traced(process, "-y", "-o", str(output), "-e", f"trace={CALLS}"):
        forks.go()
    assert forks.wait() == 0
    return touching(output.read_text(), directory)


def sweep(forks: Forks, folder: Path, fault: str, state: Path | None = None, first: int = 0) -> Counter[int]:
    """The program once for every call, with the fault at that call; how often each exit code was seen."""
    directory = folder / "log"
    prepare(directory, state)
    codes: Counter[int] = Counter()
    for call, ordinal in reference(forks, directory, folder / "trace", first):
        prepare(directory, state)
        process = forks.start("write", directory, schedule=SCHEDULE, first=first)
        inject = f"inject={call}:{fault}:when={ordinal}"
        with traced(process, "-o", "/dev/null", "-e", f"trace={CALLS}", "-e", inject):
            forks.go()
        codes[forks.wait()] += 1
        found = outcome(directory, forks.acks(), range(first + len(SENT)))
        assert (found.lost, found.strange) == (0, 0), f"{fault} at {call} {ordinal}: {found}"
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
