"""Relays of the outbox with a step left out: each is right as long as no process dies."""

from __future__ import annotations

from audit.entry import Entry, parse_entry
from service.adapters.trail import LogTrail


class ForgetfulTrail(LogTrail):
    """Moves what waits without looking at what the log has already."""

    def relay(self) -> None:
        """Append, then follow."""
        with self._index() as index:
            if waiting := index.waiting():
                self._governance.append(*waiting, at=parse_entry(waiting[-1]).at)
            self._follow(index)


class LaterTrail(LogTrail):
    """Appends what it is given and leaves the outbox for later."""

    def append(self, *entries: Entry) -> None:
        """Only these."""
        self._append(entries)
