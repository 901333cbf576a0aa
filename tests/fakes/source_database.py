"""A database of another system with one table, on SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from service.adapters.sql.export import TableExport, open_database

COLUMNS = ("mobile", "day", "channel", "amount", "text", "changed_at")
GOOD = ("15400000001", "2005-04-01", "phone", "7", "hello", "2026-01-01 00:00:00")


@dataclass
class SourceDatabase:
    """What its owner can do: anything."""

    url: str

    def __post_init__(self) -> None:
        """Connect as the owner, not as the exporter does."""
        self._engine = sa.create_engine(self.url)

    def run(self, statement: str, rows: Iterable[Sequence[object]] = ()) -> None:
        """Run a statement, once for each of the rows; their fields stand as ``:0``, ``:1`` in it."""
        values = [{str(i): value for i, value in enumerate(row)} for row in rows]
        with self._engine.begin() as connection:
            connection.execute(sa.text(statement), values or None)

    def create(self, **types: str) -> None:
        """The table ``contacts`` of the small contract, with a key and some other types."""
        kinds = {"day": "date", "amount": "numeric(14,2)", "changed_at": "timestamp"} | types
        columns = ", ".join(f"{name} {kinds.get(name, 'varchar(200)')}" for name in COLUMNS)
        self.run(f"CREATE TABLE contacts (id integer PRIMARY KEY, {columns})")

    def add(self, *rows: Sequence[object], first: int = 1) -> None:
        """Rows, their keys counted from ``first``."""
        casts = {"day": "date", "amount": "numeric", "changed_at": "timestamp"}
        postgres = self._engine.dialect.name == "postgresql"
        places = [
            f"CAST(:{i} AS {casts[c]})" if postgres and c in casts else f":{i}" for i, c in enumerate(COLUMNS)
        ]
        statement = f"INSERT INTO contacts (id, {', '.join(COLUMNS)}) VALUES (:6, {', '.join(places)})"  # noqa: S608
        self.run(statement, [(*row, n) for n, row in enumerate(rows, start=first)])

    def export(self, table: str = "contacts", watermark: str = "changed_at", lag: str = "") -> TableExport:
        """The exporter's view of it."""
        return TableExport(open_database(self.url), "core", table, watermark, lag)


def row(**changes: object) -> tuple[object, ...]:
    """A good row with some fields changed."""
    return tuple(changes.get(name, good) for name, good in zip(COLUMNS, GOOD, strict=True))
