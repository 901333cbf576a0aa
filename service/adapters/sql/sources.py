"""Source systems that may push, their idempotency keys, and how far growing sources were taken in."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import update

from service.adapters.sql.statements import SqlTable, insert_new, one_row, remove_where, save_state
from service.adapters.sql.tables import CURSOR, PUSH, SOURCE_SYSTEM
from service.domain.sources import PushRecord, SourceSystem
from service.errors import UsageError
from service.ports import Cursor


class SqlSources(SqlTable):
    """``service.ports.tables.SourceTable``."""

    def get(self, name: str) -> SourceSystem | None:
        """A source, None when it was never added."""
        row = one_row(self._connection, SOURCE_SYSTEM, SOURCE_SYSTEM.c.name == name)
        if row is None:
            return None
        lists = {key: frozenset(row[key].split()) for key in ("datasets", "purposes")}
        return SourceSystem(name, version=row["version"], revoked=row["revoked"], **lists)

    def save(self, source: SourceSystem, at: datetime) -> None:
        """Store a source. Raises ConflictError when its version went on meanwhile."""
        values = {
            "name": source.name,
            "datasets": " ".join(sorted(source.datasets)),
            "purposes": " ".join(sorted(source.purposes)),
            "version": source.version,
            "revoked": source.revoked,
            "changed_at": at,
        }
        if insert_new(self._connection, SOURCE_SYSTEM, values) == 0:
            columns = SOURCE_SYSTEM.c
            earlier = columns.version.in_((source.version - 1, source.version))
            save_state(self._connection, SOURCE_SYSTEM, values, columns.name == source.name, earlier)

    def pushed(self, source: str, key: str) -> PushRecord | None:
        """What became of an idempotency key, None for a new one."""
        row = one_row(self._connection, PUSH, PUSH.c.source == source, PUSH.c.key == key)
        return PushRecord(row["request"], row["batch"], row["created"]) if row else None

    def answer(self, source: str, key: str, record: PushRecord) -> None:
        """Keep an answer, or the newer time of a request that was answered before."""
        if insert_new(self._connection, PUSH, {"source": source, "key": key, **asdict(record)}) == 0:
            mine = (PUSH.c.source == source, PUSH.c.key == key, PUSH.c.created < record.created)
            self._connection.execute(update(PUSH).where(*mine).values(created=record.created))

    def forget(self, before: int, *, dry_run: bool = False) -> int:
        """Remove what was signed before (Unix seconds), or count it; returns how many."""
        return remove_where(self._connection, PUSH, PUSH.c.created < before, dry_run=dry_run)


class SqlCursors(SqlTable):
    """``service.ports.tables.CursorTable``. At most one batch of a source and dataset is ever pending."""

    def get(self, source: str, dataset: str) -> Cursor:
        """The cursor, locked for this transaction; a new source is at its start."""
        row = one_row(self._connection, CURSOR, CURSOR.c.source == source, CURSOR.c.dataset == dataset)
        return Cursor(row["done"], row["pending"]) if row else Cursor()

    def begin(self, source: str, dataset: str, upto: str) -> None:
        """Set what is pending; the same once more changes nothing.

        Raises:
            ConflictError: another batch is pending.
            UsageError: the empty position, which means that nothing is pending.
        """
        if not upto:
            raise UsageError("a batch needs a position to end at")
        start = {"source": source, "dataset": dataset, "done": "", "pending": ""}
        insert_new(self._connection, CURSOR, start)
        self._save(source, dataset, {"pending": upto}, when=("", upto))

    def finish(self, source: str, dataset: str, upto: str) -> None:
        """The pending batch is committed. Raises ConflictError when ``upto`` is not what is pending."""
        self._save(source, dataset, {"done": upto, "pending": ""}, when=(upto,) if upto else ())

    def _save(self, source: str, dataset: str, values: dict[str, str], *, when: tuple[str, ...]) -> None:
        mine = (CURSOR.c.source == source, CURSOR.c.dataset == dataset)
        save_state(self._connection, CURSOR, values, *mine, CURSOR.c.pending.in_(when))
