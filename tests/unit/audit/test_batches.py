"""Group commit: one leader a batch, everyone told, nobody waiting for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from fakes.audit_logs import entry, small_log

from audit.batches import Batches
from audit.filestore import FileStore
from audit.segment import scan

Take = Callable[[], list[bytes]]


class Journal:
    """Commits that wait until they are let go, and may fail."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.entered, self.go = threading.Event(), threading.Event()
        self.fail = False

    def commit(self, take: Take) -> int:
        """Index of the first."""
        entries = take()
        self.entered.set()
        assert self.go.wait(10)
        if self.fail:
            raise OSError
        self.batches.append(entries)
        return sum(map(len, self.batches)) - len(entries)


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def waiting(batches: Batches, count: int) -> None:
    end = time.monotonic() + 10
    while len(batches._waiting) < count:
        assert time.monotonic() < end
        time.sleep(0.001)


def crowd(journal: Journal) -> tuple[list[threading.Thread], dict[int, object]]:
    """One caller whose commit is under way and seven who come meanwhile; what each got."""
    batches, got = Batches(threading.Lock(), journal.commit), dict[int, object]()

    def add(number: int) -> None:
        try:
            got[number] = batches.add([b"%d" % number] * (1 + number % 2))
        except OSError as error:
            got[number] = error

    threads = [in_thread(lambda: add(0))]
    assert journal.entered.wait(10)
    for number in range(1, 8):
        threads.append(in_thread(partial(add, number)))
        waiting(batches, number)
    return threads, got


def test_those_who_come_during_a_commit_share_the_next() -> None:
    journal = Journal()
    threads, got = crowd(journal)
    journal.go.set()
    for thread in threads:
        thread.join(10)
    assert [len(batch) for batch in journal.batches] == [1, 11]
    assert [got[number] for number in range(8)] == [0, 1, 3, 4, 6, 7, 9, 10]


def test_a_failed_commit_gives_its_error_to_the_leader_and_nothing_to_the_others() -> None:
    journal = Journal()
    journal.fail = True
    threads, got = crowd(journal)
    journal.go.set()
    for thread in threads:
        thread.join(10)
    assert isinstance(got[0], OSError)
    assert isinstance(got[1], OSError)  # led the seven
    assert [got[number] for number in range(2, 8)] == [None] * 6


class Interrupted:
    """A turn whose wait is interrupted, once others are waiting too."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __enter__(self) -> None:
        self.begun.set()
        assert self.go.wait(10)
        raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        raise AssertionError


def test_nobody_waits_for_a_leader_who_was_interrupted_before_the_turn() -> None:
    turn, got = Interrupted(), list[object]()
    batches = Batches(turn, lambda _: 0)

    def lead() -> None:
        with pytest.raises(KeyboardInterrupt):
            batches.add([b"a"])

    leader = in_thread(lead)
    assert turn.begun.wait(10)
    follower = in_thread(lambda: got.append(batches.add([b"b"])))
    waiting(batches, 2)
    turn.go.set()
    leader.join(10)
    follower.join(10)
    assert got == [None]


def test_who_comes_before_the_entries_are_taken_is_in() -> None:
    looks, begun, look = list[list[bytes]](), threading.Event(), threading.Event()

    def commit(take: Take) -> int:
        begun.set()
        assert look.wait(10)
        looks.append(take())
        return 5

    batches, got = Batches(threading.Lock(), commit), dict[bytes, object]()

    def add(data: bytes) -> None:
        got[data] = batches.add([data])

    threads = [in_thread(partial(add, b"a"))]
    assert begun.wait(10)
    for number, later in enumerate((b"b", b"c"), 2):
        threads.append(in_thread(partial(add, later)))
        waiting(batches, number)
    look.set()
    for thread in threads:
        thread.join(10)
    assert looks == [[b"a", b"b", b"c"]]
    assert got == {b"a": 5, b"b": 6, b"c": 7}


def test_nobody_waits_for_a_commit_that_failed_before_it_took() -> None:
    begun, go, got = threading.Event(), threading.Event(), list[object]()

    def commit(_: Take) -> int:
        begun.set()
        assert go.wait(10)
        raise ConnectionError

    batches = Batches(threading.Lock(), commit)

    def lead() -> None:
        with pytest.raises(ConnectionError):
            batches.add([b"a"])

    leader = in_thread(lead)
    assert begun.wait(10)
    follower = in_thread(lambda: got.append(batches.add([b"b"])))
    waiting(batches, 2)
    go.set()
    leader.join(10)
    follower.join(10)
    assert got == [None]


def test_a_log_takes_along_who_comes_while_another_process_holds_it(tmp_path: Path) -> None:
    log, store = small_log(tmp_path / "log", 0), FileStore(tmp_path / "log")
    got = dict[int, tuple[int, ...]]()

    def append(number: int) -> None:
        got[number] = log.append(entry(number))

    with store.lock():
        threads = list[threading.Thread]()
        for number in range(6):
            threads.append(in_thread(partial(append, number)))
            waiting(log._batches, number + 1)
    for thread in threads:
        thread.join(10)
    groups, _ = scan(store.read_pending(0))
    assert [len(group.entries) for group in groups] == [6]
    assert got == {number: (number,) for number in range(6)}
    store.close()
    log.close()
