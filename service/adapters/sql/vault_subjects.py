"""Subjects in the vault: linking rows to them, making them, their keys and pseudonyms.

Lookups go in chunks, inserts by executemany. A wrapped key that does not open raises WrapBrokenError; then
nothing may be committed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

import numpy as np
import polars as pl
from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, func, insert, select, update

from privacy.keys.epochs import Epoch, SubjectKeys, new_subject_keys, rewrap
from privacy.pseudonym.blind_index import as_binary
from privacy.pseudonym.linkage import RESIDENT_ID, Known, Linked, link
from privacy.pseudonym.purpose import SID_BYTES, permute
from service.adapters.sql.statements import cut_tags, execute_many, one_blob
from service.adapters.sql.vault_tables import (
    ACTIVE,
    BLIND_INDEX,
    DESTROYED,
    SEALED,
    SUBJECT,
    SUBJECT_LINK,
    SUPPRESSION,
)
from service.errors import UnknownError

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


def link_rows(connection: Connection, epoch: Epoch, blind: pl.DataFrame, *, create: bool) -> Linked:
    """Link distinct rows of blind indexes to subjects; with ``create`` write down what is new."""
    known = Known({}, set())
    for id_type in blind.columns:
        tags = blind[id_type].drop_nulls().unique().to_list()
        known.owner.update({(id_type, tag): subject for tag, subject in owners(connection, id_type, tags)})
    if RESIDENT_ID in blind.columns:
        known.residents.update(holders(connection, RESIDENT_ID, set(known.owner.values())))
    number = next_number(connection)
    linked = link(blind.iter_rows(), blind.columns, known, next_number=number, create=create)
    enrol(connection, epoch, linked.created)
    execute_many(connection, insert(BLIND_INDEX), ("id_type", "tag", "subject"), linked.added)
    return linked


def enrol(connection: Connection, epoch: Epoch, numbers: Sequence[int]) -> None:
    """Make subjects with fresh random keys."""
    rows = [(n, ACTIVE, epoch.id, epoch.wrap(n, new_subject_keys())) for n in numbers]
    execute_many(connection, insert(SUBJECT), ("number", "state", "epoch", "wrapped"), rows)


def keys_of(connection: Connection, epoch: Epoch, subjects: Collection[int]) -> dict[int, SubjectKeys]:
    """Keys of the named subjects. Raises UnknownError when one of them is unknown or destroyed."""
    wanted = set(subjects)
    found = {number: keys for number, keys, _ in living(connection, epoch, wanted)}
    if len(found) < len(wanted):
        raise UnknownError("subject is not known")
    return found


def living(
    connection: Connection, epoch: Epoch, subjects: Collection[int] | None
) -> list[tuple[int, SubjectKeys, str]]:
    """(number, keys, state) of the living among the named subjects, or of all."""
    rows = wrapped_keys(connection, subjects)
    return [(number, epoch.unwrap(number, wrapped), state) for number, wrapped, state in rows]


def pseudonym_frame(
    connection: Connection, epoch: Epoch, subjects: Collection[int] | None, key: bytes
) -> pl.DataFrame:
    """``_subject``, ``_sp``, ``state`` of the living among the subjects, or of all."""
    rows = list(wrapped_keys(connection, subjects))
    sids = [epoch.sid(number, wrapped) for number, wrapped, _ in rows]
    return pl.DataFrame(
        {
            "_subject": pl.Series([number for number, _, _ in rows], dtype=pl.Int64),
            "_sp": permuted(sids, key),
            "state": pl.Series([state for _, _, state in rows], dtype=pl.String),
        }
    )


def permuted(sids: Sequence[bytes], key: bytes) -> pl.Series:
    """Pseudonyms of sids under a key, as a Binary series."""
    return as_binary(permute(np.frombuffer(b"".join(sids), np.uint8).reshape(-1, SID_BYTES), key))


def state_of(connection: Connection, subject: int) -> tuple[str, str]:
    """(state, epoch) of a subject. Raises UnknownError."""
    row = connection.execute(
        select(SUBJECT.c.state, SUBJECT.c.epoch).where(SUBJECT.c.number == subject)
    ).one_or_none()
    if row is None:
        raise UnknownError("subject is not known")
    return row.state, row.epoch


def bury(connection: Connection, subject: int) -> None:
    """Remove everything of a subject, its links too, but its number and the id of the epoch that ends."""
    connection.execute(delete(SEALED).where(SEALED.c.subject == subject))
    connection.execute(delete(BLIND_INDEX).where(BLIND_INDEX.c.subject == subject))
    ends = (SUBJECT_LINK.c.a == subject) | (SUBJECT_LINK.c.b == subject)
    connection.execute(delete(SUBJECT_LINK).where(ends))
    one = update(SUBJECT).where(SUBJECT.c.number == subject)
    connection.execute(one.values(state=DESTROYED, wrapped=None))


def rewrap_living(connection: Connection, old: Epoch, new: Epoch) -> None:
    """Wrap the keys of all living subjects anew."""
    rows = [(number, wrapped) for number, wrapped, _ in wrapped_keys(connection, None)]
    changed = [{"n": n, "w": wrapped, "e": new.id} for n, wrapped in rewrap(rows, old, new)]
    if changed:
        statement = update(SUBJECT).where(SUBJECT.c.number == bindparam("n"))
        connection.execute(statement.values(wrapped=bindparam("w"), epoch=bindparam("e")), changed)
