"""Group commit: callers that come while a commit is under way share the next one.

The first of a batch leads: it waits for its turn, commits for all who have come by then, and tells them. The
others wait to be told and need no turn of their own, so that nobody is overtaken again and again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager


class _Ticket:
    """One caller's entries; ``first`` is their index once they are durable."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = entries
        self.first: int | None = None
        self.told = threading.Lock()
        self.told.acquire()


class Batches:
    """The entries that wait for a commit."""

    def __init__(self, turn: AbstractContextManager[object], commit: Callable[[list[bytes]], int]) -> None:
        """``commit`` makes entries durable and returns the index of the first; called within ``turn``."""
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
        try:
            with self._turn:
                batch = self._take()
                first = self._commit([entry for ticket in batch for entry in ticket.entries])
            for ticket in batch:
                ticket.first = first
                first += len(ticket.entries)
        finally:  # also when the wait for the turn was interrupted: nobody may wait for ever
            for ticket in batch or self._take():
                ticket.told.release()
