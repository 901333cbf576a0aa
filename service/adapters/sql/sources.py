"""Source systems that may push, and what became of their idempotency keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from service.adapters.sql.statements import insert_new, one_row, save_state
from service.adapters.sql.tables import PUSH, SOURCE_SYSTEM
from service.domain.sources import PushRecord, SourceSystem


class SqlSources:
    """``service.ports.SourceTable``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
            "datasets": " ".join(sorted(source.datasets)),
            "purposes": " ".join(sorted(source.purposes)),
            "version": source.version,
            "revoked": source.revoked,
            "changed_at": at,
        }
        table, new = SOURCE_SYSTEM, insert_new(self._connection, SOURCE_SYSTEM)
        if self._connection.execute(new.values(name=source.name, **values)).rowcount == 0:
            earlier = table.c.version.in_((source.version - 1, source.version))
            save_state(self._connection, table, values, table.c.name == source.name, earlier)

    def pushed(self, source: str, key: str) -> PushRecord | None:
        """What became of an idempotency key, None for a new one."""
        row = one_row(self._connection, PUSH, PUSH.c.source == source, PUSH.c.key == key)
        return PushRecord(row["request"], row["batch"], row["created"]) if row else None

    def answer(self, source: str, key: str, record: PushRecord) -> None:
        """Keep an answer, or the newer time of a request that was answered before."""
        new = insert_new(self._connection, PUSH).values(
            source=source, key=key, request=record.request, batch=record.batch, created=record.created
        )
        if self._connection.execute(new).rowcount == 0:
            mine = (PUSH.c.source == source, PUSH.c.key == key, PUSH.c.created < record.created)
            self._connection.execute(update(PUSH).where(*mine).values(created=record.created))
