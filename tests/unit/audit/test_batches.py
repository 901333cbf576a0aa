"""Group commit: one leader a batch, everyone told, nobody waiting for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from audit.batches import Batches


class Journal:
    """Commits that wait until they are let go, and may fail."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.entered, self.go = threading.Event(), threading.Event()
        self.fail = False

    def commit(self, entries: list[bytes]) -> int:
        """Index of the first."""
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
    while len(batches._waiting) < count:
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
