"""Group commit: callers that come while a commit is under way share the next one.

The first of a batch leads: it waits for its turn, commits for all who have come when the entries are taken,
and tells them. The others wait to be told and need no turn of their own, so that nobody is overtaken
again and again. All are told at once, not one by the other: beside a thread that computes, each link of such
a chain would cost a switch interval (docs/adr/0021-acknowledgement.md).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

Commit = Callable[[Callable[[], list[bytes]]], int]


class _Ticket:
    """One caller's entries; ``first`` is their index once they are durable."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = entries
        self.first: int | None = None
        self.told = threading.Lock()
        self.told.acquire()


class Batches:
    """The entries that wait for a commit."""

    def __init__(self, turn: AbstractContextManager[object], commit: Commit) -> None:
        """``commit`` makes what it takes durable and returns the index of the first; called within ``turn``.

        It should take as late as it can: whoever comes after that waits for the next one.
        """
        self._turn, self._commit = turn, commit
        self._waiting: list[_Ticket] = []
        self._lock = threading.Lock()

    def add(self, entries: Sequence[bytes]) -> int | None:
        """Index of the first once all are durable; None when the commit that took them along failed.

        Raises:
            BaseException: whatever ended the commit that this call led.
        """
        ticket = _Ticket(entries)
        with self._lock:
            leads = not self._waiting
            self._waiting.append(ticket)
        if leads:
            self._lead()
        else:
            ticket.told.acquire()
        return ticket.first

    def _take(self) -> list[_Ticket]:
        with self._lock:
            batch, self._waiting = self._waiting, []
        return batch

    def _lead(self) -> None:
        batch: list[_Ticket] = []

        def take() -> list[bytes]:
            batch.extend(self._take())
            return [entry for ticket in batch for entry in ticket.entries]

        try:
            with self._turn:
                first = self._commit(take)
            for ticket in batch:
                ticket.first = first
                first += len(ticket.entries)
        finally:  # also when the wait for the turn was interrupted: nobody may wait for ever
            for ticket in batch or self._take():
                ticket.told.release()
