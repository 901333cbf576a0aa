"""Every system call of a turn-over or a pruning fails, or is the last one; or the power fails at it."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from fakes.audit_child import REFUSED, SEAL
from fakes.audit_disk import OPTIONS, Call, Disk, parse
from fakes.audit_forks import Forks, acks, faults, traced
from fakes.audit_logs import entry
from fakes.audit_shards import NAME, make_shards, new_year, open_shards, settled

from audit.shards import ENTRIES, shard_years
from audit.verify_shards import verify_logs

pytestmark = pytest.mark.usefixtures("strace")
OLD = [0, 1, 2, 5]
SCHEDULE = (2026, 2027, 2027, SEAL, 2026)
FIRST = 1000


@pytest.fixture(scope="module")
def state(folder: Path) -> Path:
    """A shard with three sealed entries and one that is not, from the year before."""
    shards = make_shards(folder / "state", 2026)
    shards.append(entry(5), at=new_year(2026))
    return folder / "state"


def judge(directory: Path, acknowledged: dict[int, int], where: str) -> None:
    """Let the next process go on: nothing acknowledged is lost, one turn-over happened, all verifies."""
    found, facts = settled(directory, 2027)
    assert found[:4] == OLD, where
    sent, kept = [FIRST, FIRST + 1, FIRST + 2, FIRST + 4], found[4:]
    assert set(acknowledged) <= set(kept) <= set(sent), where
    assert kept == sorted(kept), where
    assert [log.origin for log in facts.logs] == [f"{NAME}/2026", f"{NAME}/2027"], where


@pytest.mark.parametrize("fault", ["error=EIO", "signal=KILL"])
def test_a_turn_over_survives_a_fault_at_every_call(
    forks: Forks, folder: Path, state: Path, fault: str
) -> None:
    codes: Counter[int] = Counter()
    directory = folder / "log"
    for where, code in faults(
        forks, directory, "turn_over", fault, state=state, schedule=SCHEDULE, first=FIRST
    ):
        codes[code] += 1
        judge(directory, forks.acks(), where)
    assert set(codes) <= ({-9} if fault == "signal=KILL" else {0, REFUSED})
    assert codes.total() > 80


@pytest.mark.parametrize("fault", ["error=EIO", "signal=KILL"])
def test_going_on_with_a_turn_over_survives_a_fault_at_every_call(
    forks: Forks, folder: Path, state: Path, fault: str
) -> None:
    """The old shard is closed, the new one half made."""
    begun = folder / f"begun-{fault}"
    shutil.copytree(state, begun)
    record(forks, begun, *killed_at(forks, folder, state, "rename", 0), schedule=(2027,), first=FIRST)
    assert (begun / "2027.tmp" / "tile").exists()
    codes: Counter[int] = Counter()
    directory = folder / "log"
    for where, code in faults(
        forks, directory, "turn_over", fault, state=begun, schedule=SCHEDULE, first=FIRST
    ):
        codes[code] += 1
        judge(directory, forks.acks(), where)
    assert set(codes) <= ({-9} if fault == "signal=KILL" else {0, REFUSED})
    assert codes.total() > 60


@pytest.mark.parametrize("fault", ["error=EIO", "signal=KILL"])
def test_a_pruning_goes_on_after_a_fault_at_every_call(forks: Forks, folder: Path, fault: str) -> None:
    whole = folder / f"whole-{fault}"
    shards = make_shards(whole, 2026, each=300)
    shards.append(entry(900), at=new_year(2027))
    shards.publish()
    kept = [data for _, data in shards.shard(2026).entries()]
    codes, directory = Counter[int](), folder / "log"
    for where, code in faults(forks, directory, "prune", fault, state=whole, schedule=(2026,)):
        codes[code] += 1
        handed_out = forks.acknowledged.read_bytes().count(b"\n")
        later = open_shards(directory)
        rest = list(later.prune(2026))
        assert set(rest) <= set(kept), where
        assert handed_out == len(kept) or rest == kept, where  # what nobody was handed is still there
        assert not (directory / "2026" / ENTRIES).exists(), where
        assert [log.pruned for log in verify_logs(directory).logs] == [True, False], where
    assert set(codes) <= ({-9} if fault == "signal=KILL" else {0, REFUSED})
    assert codes.total() > 10


def killed_at(forks: Forks, folder: Path, state: Path, call: str, later: int) -> tuple[str, str]:
    """Options of a tracer that kills at the naming of the new shard, or so many such calls after it."""
    directory = folder / "watched"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(state, directory)
    steps = [step for step in record(forks, directory, schedule=(2026, 2027)) if isinstance(step, Call)]
    (named,) = (n for n, step in enumerate(steps) if step.paths == ("2027.tmp", "2027"))
    ordinal = sum(step.name == call for step in steps[: named + (call == "rename")]) + later
    return "-e", f"inject={call}:signal=KILL:when={ordinal}"


# ---- power cuts -------------------------------------------------------------------------------------------


def record(forks: Forks, directory: Path, *options: str, **request: object) -> list[Call | bytes]:
    process, output = forks.start("turn_over", directory, **request), directory.parent / "trace"
    with traced(process, *OPTIONS, "-o", str(output), *options):
        forks.go()
    assert forks.wait() in {0, -9}
    return [*parse(output.read_text(), directory, forks.acknowledged)]


def lay_out(directory: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    for path, data in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)


def disk_of(state: Path) -> Disk:
    """A disk on which all that is there is durable."""
    disk = Disk()
    for path in sorted(state.rglob("*")):
        name = path.relative_to(state).as_posix()
        if path.is_dir():
            disk.do(Call("mkdir", (name,)))
        else:
            disk.do(Call("openat", (name,), creates=True))
            disk.do(Call("write", (name,), path.read_bytes()))
            disk.do(Call("fsync", (name,)))
    for path in (state, *state.rglob("*")):
        if path.is_dir():
            disk.do(Call("fsync", (path.relative_to(state).as_posix(),)))
    return disk


def cut_everywhere(folder: Path, state: Path, steps: list[Call | bytes], seeds: range) -> int:
    """Power cuts after every call, each judged; how many there were."""
    disk, said, done = disk_of(state), list[bytes](), 0
    for number, step in enumerate(steps):
        if isinstance(step, bytes):
            said.append(step)
        else:
            disk.do(step)
        for seed in seeds:
            mode = ("none", "some", "all")[min(seed, 2)] if seed < 3 else "some"
            lay_out(folder / "cut", disk.after_a_power_cut(random.Random(1000 * number + seed), mode))
            judge(folder / "cut", acks(said), f"step {number} {step!r:.80} {mode} {seed}")
            done += 1
    return done


def test_a_power_cut_at_any_call_of_a_turn_over_loses_nothing_acknowledged(
    forks: Forks, folder: Path, state: Path
) -> None:
    directory = folder / "recorded"
    shutil.copytree(state, directory)
    steps = record(forks, directory, schedule=SCHEDULE, first=FIRST)
    assert shard_years(directory) == [2026, 2027]
    assert cut_everywhere(folder, state, steps, range(5)) > 400


def test_nor_does_one_after_another_process_took_over(forks: Forks, folder: Path, state: Path) -> None:
    """The first was killed when the new shard had its name, or just before; that was not durable yet."""
    for call, later in (("rename", 0), ("fsync", 1)):
        directory = folder / f"taken-over-{call}"
        shutil.copytree(state, directory)
        first = record(
            forks,
            directory,
            *killed_at(forks, folder, state, call, later),
            schedule=(2026, 2027),
            first=FIRST,
        )
        assert (directory / ("2027.tmp" if call == "rename" else "2027")).exists()
        second = record(forks, directory, schedule=(2027, SEAL, 2026), first=FIRST + 2)
        assert cut_everywhere(folder, state, [*first, *second], range(4)) > 400
