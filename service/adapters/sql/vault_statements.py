"""Bulk statements of the vault: lookups in chunks, inserts by executemany. No decisions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

from sqlalchemy import BindParameter, Connection, Row, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from service.adapters.sql.bulk import cut_tags, one_blob
from service.adapters.sql.vault_tables import BLIND_INDEX, SUBJECT, SUPPRESSION

_CHUNK: Final = 10_000  # numbers per statement: its text stays well below what both databases take
_T = TypeVar("_T")

_SUBJECTS: Final[BindParameter[int]] = bindparam(
    "subjects", expanding=True, literal_execute=True
)  # numbers, written into the text
_OWNERS: Final = select(BLIND_INDEX.c.tag, BLIND_INDEX.c.subject).where(
    BLIND_INDEX.c.id_type == bindparam("id_type"), BLIND_INDEX.c.tag.in_(cut_tags())
)
_HOLDERS: Final = select(BLIND_INDEX.c.subject).where(
    BLIND_INDEX.c.id_type == bindparam("id_type"),
    BLIND_INDEX.c.subject.in_(_SUBJECTS),
)
_LIVING: Final = select(SUBJECT.c.number, SUBJECT.c.wrapped, SUBJECT.c.state).where(
    SUBJECT.c.wrapped.is_not(None)
)
_NAMED: Final = _LIVING.where(SUBJECT.c.number.in_(_SUBJECTS)).order_by(SUBJECT.c.number)
_LISTED: Final = select(SUPPRESSION.c.tag).where(SUPPRESSION.c.until > bindparam("now"))
_LISTED_OF: Final = _LISTED.where(SUPPRESSION.c.tag.in_(cut_tags()))


def chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Lists of a size a statement can take."""
    iterator = iter(values)
    while part := list(islice(iterator, _CHUNK)):
        yield part


def owners(connection: Connection, id_type: str, tags: Collection[bytes]) -> Sequence[Row[bytes, int]]:
    """(tag, subject) of the tags that are known."""
    return connection.execute(_OWNERS, {"id_type": id_type, "tags": one_blob(tags)}).all()


def holders(connection: Connection, id_type: str, subjects: Iterable[int]) -> Iterator[int]:
    """Those of the subjects that have an identifier of the type."""
    for part in chunks(subjects):
        yield from connection.scalars(_HOLDERS, {"id_type": id_type, "subjects": part}).all()


def wrapped_keys(connection: Connection, subjects: Iterable[int] | None) -> Iterator[Row[int, bytes, str]]:
    """(number, wrapped, state) of the living among the named subjects, or of all living."""
    if subjects is None:
        yield from connection.execute(_LIVING.order_by(SUBJECT.c.number))
        return
    for part in chunks(sorted(subjects)):
        yield from connection.execute(_NAMED, {"subjects": part}).all()


def listed(connection: Connection, tags: frozenset[bytes], now: datetime) -> frozenset[bytes]:
    """Those of the tags that are suppressed now. A list shorter than the tags is read whole: quicker."""
    blob = one_blob(tags)
    found = connection.scalars(_LISTED.limit(len(tags)), {"now": now}).all()
    if len(found) == len(tags):
        found = connection.scalars(_LISTED_OF, {"tags": blob, "now": now}).all()
    return tags.intersection(found)


def next_number(connection: Connection) -> int:
    """The number of the next subject; destroyed subjects keep theirs, so none is given twice."""
    return 1 + int(connection.scalar(select(func.coalesce(func.max(SUBJECT.c.number), 0))) or 0)


def upsert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that replaces the row with the same primary key."""
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = build(table)
    keys = [column.name for column in table.primary_key]
    others = {c.name: statement.excluded[c.name] for c in table.c if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=others)
