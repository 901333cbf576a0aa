"""Bulk statements of the vault: lookups in chunks, inserts by executemany. No decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, TypeVar

from sqlalchemy import Connection, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from service.adapters.sql.vault_tables import BLIND_INDEX, SUBJECT, SUPPRESSION

_CHUNK: Final = 10_000  # bound values per statement: both databases allow three times as many
_T = TypeVar("_T")

_OWNERS: Final = select(BLIND_INDEX.c.tag, BLIND_INDEX.c.subject).where(
    BLIND_INDEX.c.id_type == bindparam("id_type"), BLIND_INDEX.c.tag.in_(bindparam("tags", expanding=True))
)
_HOLDERS: Final = select(BLIND_INDEX.c.subject).where(
    BLIND_INDEX.c.id_type == bindparam("id_type"),
    BLIND_INDEX.c.subject.in_(bindparam("subjects", expanding=True)),
)
_LIVING: Final = select(SUBJECT.c.number, SUBJECT.c.wrapped, SUBJECT.c.state).where(
    SUBJECT.c.wrapped.is_not(None)
)
_NAMED: Final = _LIVING.where(SUBJECT.c.number.in_(bindparam("subjects", expanding=True))).order_by(
    SUBJECT.c.number
)
_LISTED: Final = select(SUPPRESSION.c.tag).where(
    SUPPRESSION.c.tag.in_(bindparam("tags", expanding=True)), SUPPRESSION.c.until > bindparam("now")
)


def chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Lists of a size a statement can take."""
    iterator = iter(values)
    while part := list(islice(iterator, _CHUNK)):
        yield part


def owners(connection: Connection, id_type: str, tags: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """(tag, subject) of the tags that are known."""
    for part in chunks(tags):
        for row in connection.execute(_OWNERS, {"id_type": id_type, "tags": part}):
            yield bytes(row.tag), row.subject


def holders(connection: Connection, id_type: str, subjects: Iterable[int]) -> Iterator[int]:
    """Those of the subjects that have an identifier of the type."""
    for part in chunks(subjects):
        yield from connection.scalars(_HOLDERS, {"id_type": id_type, "subjects": part})


def wrapped_keys(connection: Connection, subjects: Iterable[int] | None) -> Iterator[tuple[int, bytes, str]]:
    """(number, wrapped, state) of the living among the named subjects, or of all living."""
    if subjects is None:
        for number, wrapped, state in connection.execute(_LIVING.order_by(SUBJECT.c.number)):
            yield number, bytes(wrapped), state
        return
    for part in chunks(sorted(subjects)):
        for number, wrapped, state in connection.execute(_NAMED, {"subjects": part}):
            yield number, bytes(wrapped), state


def listed(connection: Connection, tags: Iterable[bytes], now: object) -> Iterator[bytes]:
    """Those of the tags that are suppressed now."""
    for part in chunks(tags):
        yield from map(bytes, connection.scalars(_LISTED, {"tags": part, "now": now}))


def next_number(connection: Connection) -> int:
    """The number of the next subject; destroyed subjects keep theirs, so none is given twice."""
    return 1 + int(connection.scalar(select(func.coalesce(func.max(SUBJECT.c.number), 0))) or 0)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows; one with the same primary key is replaced."""
    if not rows:
        return
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = build(table)
    keys = [column.name for column in table.primary_key]
    others = {c.name: statement.excluded[c.name] for c in table.c if c.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), list(rows))
