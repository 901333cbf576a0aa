"""Consent records. A withdrawal is never lost: neither to a later import nor to its order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Final

import polars as pl
import polars.selectors as cs
from sqlalchemy import bindparam, delete, select, update

from service.adapters.sql.statements import SqlTable, execute_many, insert_into
from service.adapters.sql.tables import CONSENT
from service.domain.consents import ConsentKind, ConsentRecord

_TIME: Final = pl.Datetime("us", "UTC")
_KIND: Final = pl.Enum([kind.value for kind in ConsentKind])
_AWARE: Final = cs.datetime(time_zone="*")
_STORED: Final = "%Y-%m-%d %H:%M:%S%.6f"  # how SQLite keeps a time in UTC; PostgreSQL reads it as well
_FIELDS: Final = ("subject", "purpose", "kind", "given_at", "valid_until", "withdrawn_at", "notice")
_COLUMNS: Final = tuple(CONSENT.c[name] for name in _FIELDS)
_SCHEMA: Final = pl.Schema(
    {"_subject": pl.Int64()}
    | dict.fromkeys(("purpose", "kind"), pl.String())
    | dict.fromkeys(("given_at", "valid_until", "withdrawn_at"), _TIME)
    | {"notice": pl.String()}
)


class SqlConsents(SqlTable):
    """``service.ports.tables.ConsentTable``."""

    def add(self, records: Sequence[ConsentRecord] | pl.DataFrame) -> int:
        """Insert unseen records; a withdrawal that arrives for a known one is kept as well (PIPL 15)."""
        if not isinstance(records, pl.DataFrame):
            records = pl.DataFrame([astuple(record) for record in records], schema=_SCHEMA, orient="row")
        plain = records.select(_SCHEMA.names()).cast({"kind": _KIND, _AWARE: _TIME})
        rows = plain.with_columns(_AWARE.dt.strftime(_STORED))
        statement = insert_into(self._connection, CONSENT).on_conflict_do_nothing()
        new = execute_many(self._connection, statement, _FIELDS, rows.rows())
        self._mark_withdrawn(rows.filter(pl.col("withdrawn_at").is_not_null()))
        return new

    def _mark_withdrawn(self, rows: pl.DataFrame) -> None:
        keys = ("subject", "purpose", "kind", "given_at")
        statement = update(CONSENT).where(
            CONSENT.c.withdrawn_at.is_(None), *(CONSENT.c[key] == bindparam(f"k_{key}") for key in keys)
        )
        values = rows.select("withdrawn_at", "_subject", *keys[1:]).rows()
        execute_many(self._connection, statement, ["withdrawn_at"], values)

    def withdraw(self, subject: int, purpose: str, at: datetime) -> int:
        """Withdraw every standing consent of the subject to the purpose; return how many."""
        standing = (
            CONSENT.c.subject == subject,
            CONSENT.c.purpose == purpose,
            CONSENT.c.withdrawn_at.is_(None),
        )
        return self._connection.execute(update(CONSENT).where(*standing).values(withdrawn_at=at)).rowcount

    def frame(self, purpose: str | None = None) -> pl.DataFrame:
        """All records, or those of one purpose."""
        query = select(*_COLUMNS).order_by(CONSENT.c.id)
        if purpose is not None:
            query = query.where(CONSENT.c.purpose == purpose)
        rows = self._connection.execute(query).all()
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def of(self, subject: int) -> tuple[ConsentRecord, ...]:
        """One subject's records, oldest first."""
        query = select(*_COLUMNS).where(CONSENT.c.subject == subject)
        rows = self._connection.execute(query.order_by(CONSENT.c.given_at, CONSENT.c.id)).mappings()
        return tuple(ConsentRecord(**{**row, "kind": ConsentKind(row["kind"])}) for row in rows)

    def forget(self, subject: int) -> int:
        """Delete one subject's records; return how many."""
        return self._connection.execute(delete(CONSENT).where(CONSENT.c.subject == subject)).rowcount
