"""Many threads and processes turn a log over; it happens once, and each entry is kept once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from fakes.audit_forks import quick_folder
from fakes.audit_logs import entry, snapshot
from fakes.audit_shards import (
    NAME,
    key_of,
    make_shards,
    new_year,
    numbers,
    open_shards,
    settled,
)

from audit.checkpoint import verify_proof
from audit.entry import CLOSE, OPEN, Entry, format_entry, is_last
from audit.errors import (
    LogFinishedError,
    WriterEndedError,
)
from audit.log import Log
from audit.logdir import create_log, open_log
from audit.note import parse_note
from audit.shards import shard_years
from audit.verify_shards import verify_logs

TESTS = Path(__file__).parents[2]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory: this is about order, not about the disk."""
    with quick_folder() as path:
        yield path


LAST = format_entry(Entry(id="1", at=new_year(2027), type=CLOSE, actor="svc:log", resource=f"{NAME}/2027"))


def in_threads(*work: Callable[[], object]) -> None:
    """Run all at once; what one raises ends the test."""
    gate, errors = threading.Barrier(len(work)), list[BaseException]()

    def run(each: Callable[[], object]) -> None:
        gate.wait()
        try:
            each()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors


def test_a_second_process_follows_one_that_turned_over(tmp_path: Path) -> None:
    first, second = make_shards(tmp_path, 2026), open_shards(tmp_path)
    first.append(entry(10), at=new_year(2027))
    second.append(entry(11), at=new_year(2026))  # knows only the closed shard
    second.append(entry(12), at=new_year(2027))
    first.append(entry(13), at=new_year(2027))
    second.publish()
    assert numbers(tmp_path) == [0, 1, 2, 10, 11, 12, 13]
    assert first.years() == [2026, 2027]


def test_publishing_follows_one_that_turned_over(tmp_path: Path) -> None:
    first, second = make_shards(tmp_path, 2026), open_shards(tmp_path)
    first.append(entry(10), at=new_year(2027))
    assert parse_note(second.publish()).text.startswith(f"{NAME}/2027\n2\n")


@pytest.mark.parametrize("year", [2026, 2027])
def test_threads_that_find_the_shard_closed_by_another_process_follow_it(tmp_path: Path, year: int) -> None:
    for attempt in range(4):
        folder = tmp_path / str(attempt)
        shards = make_shards(folder, 2026)
        open_shards(folder).append(entry(10), at=new_year(2027))
        in_threads(*(partial(shards.append, entry(n), at=new_year(year)) for n in range(20, 28)))
        assert shards.years() == [2026, 2027]
        found, _ = settled(folder)
        assert (found[:4], sorted(found[4:])) == ([0, 1, 2, 10], [*range(20, 28)])


def test_threads_that_turn_over_at_once_do_it_once(tmp_path: Path) -> None:
    for attempt in range(4):
        folder = tmp_path / str(attempt)
        shards = make_shards(folder, 2026)
        work = [partial(shards.append, entry(n), at=new_year(2026 + n % 2)) for n in range(20, 32)]
        in_threads(*work)
        assert shards.years() == [2026, 2027]
        found, facts = settled(folder)
        assert (found[:3], sorted(found[3:])) == ([0, 1, 2], [*range(20, 32)])
        assert len(facts.logs) == 2


def test_a_thread_that_comes_late_does_not_close_the_shard_that_another_has_made(tmp_path: Path) -> None:
    """It saw the old shard as the newest, then waited while the other turned over."""
    shards = make_shards(tmp_path, 2026)
    shards._turn_over(2026, new_year(2027))
    shards._turn_over(2026, new_year(2027))
    assert shards.years() == [2026, 2027]


WRITER = """
import sys
from pathlib import Path
from fakes.audit_logs import entry
from fakes.audit_shards import new_year, open_shards
shards = open_shards(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for n in range(int(sys.argv[2]), int(sys.argv[2]) + 60):
    shards.append(entry(n), at=new_year(2026 + n % 1000 // 20))
    if n % 7 == 0:
        shards.publish()
    print(n, flush=True)
"""


def test_processes_that_turn_over_at_once_do_it_once(tmp_path: Path) -> None:
    make_shards(tmp_path, 2026)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(start)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
        )
        for start in (1000, 2000, 3000)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    said = list[list[int]]()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        out, _ = child.communicate(timeout=60)
        assert child.returncode == 0
        said.append([*map(int, out.split())])
    found, facts = settled(tmp_path)
    assert [log.origin for log in facts.logs] == [f"{NAME}/{year}" for year in (2026, 2027, 2028)]
    for start, numbers_said in zip((1000, 2000, 3000), said, strict=True):
        assert numbers_said == [*range(start, start + 60)]
        assert [n for n in found if n // 1000 * 1000 == start] == numbers_said  # in order, each once
    assert len(found) == 183


def test_a_turn_over_begun_for_another_year_is_finished_as_it_was_begun(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026)
    shards.newest().finish(LAST)  # and died
    other = open_shards(tmp_path)
    other.append(entry(5), at=new_year(2029))
    assert other.years() == [2026, 2027, 2029]
    other.append(entry(6), at=new_year(2026))
    other.publish()
    assert numbers(tmp_path) == [0, 1, 2, 5, 6]
    verify_logs(tmp_path)


def test_a_turn_over_is_finished_also_by_an_entry_of_the_old_year(tmp_path: Path) -> None:
    make_shards(tmp_path, 2026).newest().finish(LAST)
    (tmp_path / "2027.tmp").mkdir()
    (tmp_path / "2027.tmp" / "rest").touch()
    open_shards(tmp_path).append(entry(5), at=new_year(2026))
    assert shard_years(tmp_path) == [2026, 2027]
    assert settled(tmp_path)[0] == [0, 1, 2, 5]


def waiting(log: Log, count: int) -> None:
    while len(log._batches._waiting) < count:
        time.sleep(0.001)


def closed(folder: Path) -> Log:
    log = create_log(folder, key_of("a/b"))
    log.append(entry(0))
    log.finish(LAST)
    return log


def test_a_closed_log_takes_nothing_and_its_checkpoint_stays(tmp_path: Path) -> None:
    log = closed(tmp_path / "log")
    before = snapshot(tmp_path / "log")
    for writer in (log, open_log(tmp_path / "log", key_of("a/b"))):
        with pytest.raises(LogFinishedError) as caught:
            writer.append(entry(1))
        assert caught.value == LogFinishedError("a/b")
        assert writer.ended is None
        note = writer.publish()
        assert writer.finish(LAST) == note == writer.checkpoint()
        with pytest.raises(LogFinishedError):
            writer.publish(key_of("a/b"))
        verify_proof(writer.proof(0), entry(0), key_of("a/b").key)
        assert [data for _, data in writer.entries()] == [entry(0), LAST]
    assert snapshot(tmp_path / "log") == before


def test_a_log_closed_and_not_yet_sealed_is_closed_for_all(tmp_path: Path) -> None:
    log = create_log(tmp_path / "log", key_of("a/b"))
    other = open_log(tmp_path / "log", key_of("a/b"))
    log.append(entry(0), LAST)
    for writer in (log, other, open_log(tmp_path / "log", key_of("a/b"))):
        with pytest.raises(LogFinishedError):
            writer.append(entry(1))
    assert parse_note(other.publish()).text.startswith("a/b\n2\n")


def test_only_the_type_of_an_entry_closes_a_log() -> None:
    said = Entry(id="1", at=new_year(2027), type="a:b", actor="x", resource=CLOSE, detail=(("type", CLOSE),))
    assert is_last(LAST)
    assert not is_last(entry(1, kind=OPEN))
    assert not is_last(format_entry(Entry(id="1", at=new_year(2027), type="log:closed", actor="log:close")))
    assert not is_last(format_entry(said))


def test_all_who_share_a_commit_with_one_refused_are_refused_and_can_go_on(tmp_path: Path) -> None:
    log, refused = create_log(tmp_path / "log", key_of("a/b")), list[str]()

    def append(number: int) -> None:
        try:
            log.append(entry(number))
        except LogFinishedError as error:
            refused.append(error.origin)

    threads = [threading.Thread(target=append, args=(n,)) for n in range(6)]
    with log._turn:  # so all wait for one commit
        for thread in threads:
            thread.start()
        waiting(log, 6)
        open_log(tmp_path / "log", key_of("a/b")).finish(LAST)
    for thread in threads:
        thread.join(10)
    assert refused == ["a/b"] * 6
    assert log.ended is None
    assert parse_note(log.checkpoint()).text.startswith("a/b\n1\n")


def test_threads_that_share_a_commit_on_a_closed_shard_are_all_kept_in_the_next(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026)
    threads = [
        threading.Thread(target=partial(shards.append, entry(n), at=new_year(2026))) for n in range(10, 16)
    ]
    log = shards.newest()
    with log._turn:
        for thread in threads:
            thread.start()
        waiting(log, 6)
        open_shards(tmp_path).append(entry(9), at=new_year(2027))
    for thread in threads:
        thread.join(10)
    assert shards.years() == [2026, 2027]
    found, _ = settled(tmp_path)
    assert (found[:4], sorted(found[4:])) == ([0, 1, 2, 9], [*range(10, 16)])


def test_who_shared_a_commit_whose_leader_was_interrupted_does_not_take_the_log_for_closed(
    tmp_path: Path,
) -> None:
    shards, told = make_shards(tmp_path, 2026), list[object]()
    log = shards.newest()

    def follow() -> None:
        try:
            shards.append(entry(11), at=new_year(2026))
        except WriterEndedError as error:
            told.append(error)

    def interrupt() -> None:
        waiting(log, 1)
        follower.start()
        waiting(log, 2)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def raise_(*_: object) -> None:
        raise KeyboardInterrupt

    follower, other = threading.Thread(target=follow), threading.Thread(target=interrupt)
    previous = signal.signal(signal.SIGUSR1, raise_)
    try:
        other.start()
        with log._turn, pytest.raises(KeyboardInterrupt):  # leads; waits for the turn that this thread has
            shards.append(entry(10), at=new_year(2026))
    finally:
        signal.signal(signal.SIGUSR1, previous)
    other.join(10)
    follower.join(10)
    assert told == [WriterEndedError("interrupted")]
    assert shards.years() == [2026]
    assert settled(tmp_path)[0] == [0, 1, 2]
