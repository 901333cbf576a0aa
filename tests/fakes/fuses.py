"""The real log, database and event store, made to fail at a chosen step, before or after it took effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import polars as pl

from audit.entry import Entry
from service.adapters.events.store import DeltaEventStore
from service.adapters.sql.ops import SqlOps
from service.adapters.trail import LogTrail
from service.errors import AuditUnavailableError, StorageError
from service.ports import Deps, Ops, OpsTransaction

When = Literal["before", "undone", "after"]
WHENS: Final[tuple[When, ...]] = ("before", "undone", "after")


class Fuse:
    """Counts steps; one fails ``before`` it begins, ``undone`` at its end, or ``after`` it is durable."""

    def __init__(self, at: int | None = None, when: When = "before") -> None:
        self.steps = 0
        self._at, self._when = at, when
        self._armed: int | None = None

    @property
    def blown(self) -> bool:
        """Whether the failure has happened."""
        return self._at is not None and self.steps > self._at

    def enter(self, error: Exception) -> int:
        """Begin a step; its number."""
        number = self.steps
        self.steps += 1
        if number == self._at and self._when == "before":
            raise error
        return number

    def leave(self, number: int, when: When, error: Exception) -> None:
        """Reach a point of a step."""
        if number == self._at and when == self._when:
            raise error


class FailingTrail(LogTrail):
    """The real log behind a fuse. A log has no undo: ``undone`` fails before it appends."""

    def __init__(self, inner: LogTrail, fuse: Fuse) -> None:
        super().__init__(inner._logs, inner._index, inner._keys)
        self._fuse = fuse

    @contextmanager
    def _step(self) -> Iterator[None]:
        error = AuditUnavailableError("audit log unavailable", step="append")
        number = self._fuse.enter(error)
        self._fuse.leave(number, "undone", error)
        yield
        self._fuse.leave(number, "after", error)

    def append(self, *entries: Entry) -> None:
        """Append, or fail."""
        with self._step():
            super().append(*entries)

    def relay(self) -> None:
        """Move the outbox into the log, or fail."""
        with self._step():
            super().relay()


def failing_ops(inner: Ops, fuse: Fuse) -> Ops:
    """The real database behind a fuse: ``undone`` rolls back, ``after`` fails once committed."""

    @contextmanager
    def transaction() -> Iterator[OpsTransaction]:
        error = StorageError("database unreachable")
        number = fuse.enter(error)
        with inner() as tx:
            yield tx
            fuse.leave(number, "undone", error)
        fuse.leave(number, "after", error)

    return transaction


class WatchedEvents(DeltaEventStore):
    """The real event store behind a fuse; says when rows are about to be read."""

    def __init__(self, directory: Path, n_buckets: int, fuse: Fuse, reading: Callable[[], None]) -> None:
        super().__init__(directory, n_buckets)
        self._fuse, self._reading = fuse, reading

    def scan(self, name: str, *, bucket: int | None = None) -> pl.LazyFrame:
        """Scan, or fail."""
        error = StorageError("event store unreachable")
        number = self._fuse.enter(error)
        self._reading()
        frame = super().scan(name, bucket=bucket)
        self._fuse.leave(number, "undone", error)
        self._fuse.leave(number, "after", error)
        return frame


def wire(deps: Deps, fuse: Fuse, reading: Callable[[], None]) -> Deps:
    """The same service with every durable step behind one fuse."""
    assert isinstance(deps.audit, LogTrail)
    assert isinstance(deps.ops, SqlOps)
    trail = FailingTrail(deps.audit, fuse)
    return replace(
        deps,
        audit=trail,
        ops=failing_ops(SqlOps(deps.ops.engine, trail.relay), fuse),
        events=WatchedEvents(deps.home / "events", deps.events.n_buckets, fuse, reading),
    )
