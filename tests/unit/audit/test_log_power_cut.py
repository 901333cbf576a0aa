"""Power cuts after every recorded system call: whatever the disk kept, nothing acknowledged is lost."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakes.audit_child import SEAL
from fakes.audit_disk import OPTIONS, Call, Disk, parse
from fakes.audit_forks import Forks, acks, outcome, traced
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from audit.errors import AuditError

pytestmark = pytest.mark.usefixtures("strace")
SCHEDULE = (2, SEAL, 130, 126, SEAL, 3, 2, SEAL, 1)  # over the end of a tile
SHORT = (2, SEAL, 3, SEAL, 1)
TOTAL = sum(SCHEDULE)
MODES = st.sampled_from(["some", "some", "some", "none", "all"])
FIXED = settings(derandomize=True, database=None, deadline=None, phases=[Phase.generate])


@dataclass(frozen=True)
class Recording:
    """What one or several processes did to a log, and from which call on the power may fail."""

    steps: Sequence[Call | bytes] = field(repr=False)
    start: int = 0

    def cut(self, at: int, seed: int, mode: str) -> tuple[dict[str, bytes], dict[int, int]]:
        """Files after a power cut before step ``at``, and what had been acknowledged."""
        disk, said = Disk(), list[bytes]()
        for step in self.steps[:at]:
            if isinstance(step, bytes):
                said.append(step)
            else:
                disk.do(step)
        return disk.after_a_power_cut(random.Random(seed), mode), acks(said)


def record(forks: Forks, directory: Path, *options: str, **request: object) -> list[Call | bytes]:
    process, output = forks.start("write", directory, **request), directory.parent / "trace"
    with traced(process, *OPTIONS, "-o", str(output), *options):
        forks.go()
    assert forks.wait() in {0, -9}
    return [*parse(output.read_text(), directory, forks.acknowledged)]


@pytest.fixture(scope="module")
def written(forks: Forks, folder: Path) -> Recording:
    """A log made and written by one process."""
    return Recording(record(forks, folder / "written", schedule=SCHEDULE))


@pytest.fixture(scope="module")
def taken_over(forks: Forks, folder: Path) -> list[Recording]:
    """Logs whose writer was killed, and which another took over before anything more was synced."""
    made = []
    for call, last in (("rename", 9), ("fsync", 24), ("fdatasync", 4), ("unlink", 4), ("ftruncate", 2)):
        for number in range(1, last + 1):
            directory = folder / f"{call}-{number}"
            inject = f"inject={call}:signal=KILL:when={number}"
            first = record(forks, directory, "-e", inject, schedule=SHORT)
            second = record(forks, directory, schedule=SHORT, first=sum(SHORT))
            made.append(Recording([*first, *second], start=len(first)))
    return made


def judge(folder: Path, found: tuple[dict[str, bytes], dict[int, int]], sent: range) -> None:
    """Lay the files out and let the next writer open them."""
    files, acknowledged = found
    directory = folder / "cut"
    shutil.rmtree(directory, ignore_errors=True)
    for path, data in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)
    result = outcome(directory, acknowledged, sent)
    assert (result.lost, result.strange) == (0, 0)


def test_recorded_calls_give_the_files_that_the_writer_left(
    folder: Path, written: Recording, taken_over: list[Recording]
) -> None:
    everything, acknowledged = written.cut(len(written.steps), 0, "all")
    there = {p.relative_to(folder / "written").as_posix(): p for p in (folder / "written").rglob("*")}
    assert everything == {name: path.read_bytes() for name, path in there.items() if path.is_file()}
    assert acknowledged == {n: n for n in range(TOTAL)}
    assert len(taken_over) == 43


def test_a_power_cut_at_any_call_loses_nothing_acknowledged(folder: Path, written: Recording) -> None:
    @settings(FIXED, max_examples=1_000)
    @given(st.integers(0, len(written.steps)), st.integers(0, 1 << 32), MODES)
    def check(at: int, seed: int, mode: str) -> None:
        judge(folder, written.cut(at, seed, mode), range(TOTAL))

    check()


def test_nor_does_one_that_follows_a_killed_writer(folder: Path, taken_over: list[Recording]) -> None:
    @settings(FIXED, max_examples=1_000)
    @given(st.sampled_from(taken_over), st.floats(0, 1), st.integers(0, 1 << 32), MODES)
    def check(recording: Recording, part: float, seed: int, mode: str) -> None:
        at = recording.start + round(part * (len(recording.steps) - recording.start))
        judge(folder, recording.cut(at, seed, mode), range(2 * sum(SHORT)))

    check()


def refuted(folder: Path, recording: Recording) -> bool:
    """Whether some power cut loses something or leaves a log that does not open."""
    for seed in range(20):
        for at in range(recording.start, len(recording.steps) + 1):
            try:
                judge(folder, recording.cut(at, seed, "some" if seed else "none"), range(2 * sum(SHORT)))
            except (AssertionError, AuditError):
                return True
    return False


@pytest.mark.parametrize("store", ["NoSegmentSync", "NoFileSync", "CutFirst", "InPlace"])
def test_a_writer_that_leaves_out_a_sync_or_cuts_too_early_is_found_out(
    forks: Forks, folder: Path, store: str
) -> None:
    assert refuted(folder, Recording(record(forks, folder / store, schedule=SHORT, store=store)))


def test_a_writer_that_builds_upon_what_was_not_synced_is_found_out(forks: Forks, folder: Path) -> None:
    directory = folder / "unsettled"
    first = record(forks, directory, "-e", "inject=fsync:signal=KILL:when=6", schedule=SHORT)
    second = record(forks, directory, schedule=SHORT, first=sum(SHORT), store="NoSettling")
    assert refuted(folder, Recording([*first, *second], start=len(first)))
