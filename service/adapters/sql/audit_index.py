"""The outbox of the audit log, and its index.

An entry about a change of state is committed with that change, in the outbox, and moved into the log when the
transaction has ended; so there is never a change without its entry, nor an entry about a change that did not
happen. The index says where in the log an entry is. It follows the log and can be built from it again: what
it says of an entry is there to find it, the log is the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

import sqlalchemy as sa

from audit.entry import Entry, format_entry
from audit.evidence import Place
from service.adapters.sql.errors import plain_errors
from service.adapters.sql.statements import SqlTable, insert_new
from service.adapters.sql.tables import AUDIT_ENTRY, AUDIT_INDEX, OUTBOX
from service.errors import TamperedError
from service.ports import EntryFilter

_INDEXED: Final = ("id", "at", "type", "actor", "decision", "purpose", "resource")
_SOME: Final = 10_000  # parameters of a statement


def index_rows(start: Place, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """What the index says of entries of a log from ``start`` on."""
    return [
        {"origin": start.origin, "position": start.position + n} | {f: getattr(entry, f) for f in _INDEXED}
        for n, entry in enumerate(entries)
    ]


class SqlOutbox(SqlTable):
    """``service.ports.tables.Outbox``."""

    is_used = False

    def add(self, entry: Entry) -> None:
        """Keep an entry until it is in the log."""
        self.is_used = True
        self._connection.execute(sa.insert(OUTBOX).values(id=entry.id, entry=format_entry(entry)))


class SqlAuditIndex(SqlTable):
    """Where entries are, and which of them the outbox still holds."""

    def sizes(self) -> dict[str, int]:
        """Entries indexed so far, by origin. One transaction at a time gets beyond this."""
        insert_new(self._connection, AUDIT_INDEX, {"origin": "", "size": 0})
        self._connection.execute(sa.select(AUDIT_INDEX).where(AUDIT_INDEX.c.origin == "").with_for_update())
        return {
            row.origin: row.size for row in self._connection.execute(sa.select(AUDIT_INDEX)) if row.origin
        }

    def waiting(self) -> list[bytes]:
        """What the outbox holds, in the order it came."""
        return list(self._connection.scalars(sa.select(OUTBOX.c.entry).order_by(OUTBOX.c.seq)))

    def rows(self, start: Place, stop: int) -> list[dict[str, Any]]:
        """What it says of the entries from ``start`` up to ``stop``, in order."""
        mine, place = AUDIT_ENTRY.c.origin == start.origin, AUDIT_ENTRY.c.position
        found = sa.select(AUDIT_ENTRY).where(mine, place >= start.position, place < stop).order_by(place)
        return [dict(row) for row in self._connection.execute(found).mappings()]

    def ids(self, place: Place) -> list[str]:
        """Id of the entry at a place, none where none is indexed."""
        return [row["id"] for row in self.rows(place, place.position + 1)]

    def forget(self, *origins: str) -> None:
        """Forget these logs, or all; the outbox stays."""
        for table in (AUDIT_INDEX, AUDIT_ENTRY):
            mine = table.c.origin.in_(origins) if origins else table.c.origin != ""
            self._connection.execute(sa.delete(table).where(mine))

    def extend(self, start: Place, entries: Sequence[Entry]) -> None:
        """Index the entries of a log from ``start`` on; the outbox holds them no longer."""
        if not entries:
            return
        self._connection.execute(sa.insert(AUDIT_ENTRY), index_rows(start, entries))
        ids = [entry.id for entry in entries]
        for at in range(0, len(ids), _SOME):
            self._connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.id.in_(ids[at : at + _SOME])))
        insert_new(self._connection, AUDIT_INDEX, {"origin": start.origin, "size": 0})
        mine, size = AUDIT_INDEX.c.origin == start.origin, start.position + len(entries)
        self._connection.execute(sa.update(AUDIT_INDEX).where(mine).values(size=size))

    def places(self, where: EntryFilter) -> list[Place]:
        """Places of the entries that meet a filter, oldest first."""
        columns = AUDIT_ENTRY.c
        tests: list[sa.ColumnElement[bool]] = [
            columns[name].in_(wanted)
            for name in ("id", "type", "actor", "purpose", "decision")
            if (wanted := getattr(where, name))
        ]
        if where.resource:
            tests.append(
                sa.or_(
                    columns.resource == where.resource,
                    columns.resource.startswith(f"{where.resource}/", autoescape=True),
                )
            )
        tests += [columns.at >= where.since] if where.since else []
        tests += [columns.at < where.until] if where.until else []
        found = sa.select(columns.origin, columns.position).where(*tests)
        newest = found.order_by(columns.at.desc(), columns.origin.desc(), columns.position.desc())
        return [Place(*row) for row in self._connection.execute(newest.limit(where.last))][::-1]


@dataclass(frozen=True, slots=True)
class AuditIndex:
    """Transactions over the outbox and the index of a migrated operational database."""

    engine: sa.Engine

    @contextmanager
    def __call__(self) -> Iterator[SqlAuditIndex]:
        """One transaction."""
        with plain_errors(), self.engine.begin() as connection:
            yield SqlAuditIndex(connection)

    def compare(
        self, origin: str, blocks: Iterable[tuple[Place, list[Entry]]], progress: Callable[[int, int], None]
    ) -> tuple[int, int]:
        """Numbers of a log's entries and of its index, if the two agree. Raises TamperedError."""
        with self() as index:
            size, total = index.sizes().get(origin, 0), 0
            wrong = [row["position"] for row in index.rows(Place(origin, size), 1 << 62)]
        for place, entries in blocks:
            total = place.position + len(entries)
            right = index_rows(place, entries[: max(0, size - place.position)])
            with self() as index:
                found = index.rows(place, min(size, total))
            pairs = zip_longest(right, found, fillvalue=dict[str, Any]())
            wrong += [(row or seen)["position"] for row, seen in pairs if row != seen]
            progress(total, max(size, total))
        if wrong or total < size:
            first = {"origin": origin, "position": min(wrong or [total])}
            raise TamperedError("the index is not that of the log", **first)
        return total, size

    def is_waiting(self) -> bool:
        """Whether the outbox holds anything that is committed; waits for no other transaction."""
        with plain_errors(), closing(self.engine.raw_connection()) as raw, closing(raw.cursor()) as cursor:
            cursor.execute("SELECT 1 FROM outbox LIMIT 1")
            return cursor.fetchone() is not None
