"""Subjects in the vault: linking rows to them, making them, their keys and pseudonyms."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from privacy.errors import WrapBrokenError
from privacy.keys.epochs import Epoch, SubjectKeys, new_subject_keys, rewrap
from privacy.pseudonym.blind_index import as_binary
from privacy.pseudonym.linkage import RESIDENT_ID, Known, Linked, link
from privacy.pseudonym.purpose import SID_BYTES, permute
from service.adapters.sql.bulk import execute_many
from service.adapters.sql.vault_statements import holders, next_number, owners, wrapped_keys
from service.adapters.sql.vault_tables import ACTIVE, BLIND_INDEX, DESTROYED, SEALED, SUBJECT, SUBJECT_LINK
from service.errors import TamperedError, UnknownError


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
    """Keys of the named subjects.

    Raises:
        UnknownError: one of them is unknown or destroyed.
        TamperedError: a wrapped key does not open.
    """
    wanted = set(subjects)
    found = {number: keys for number, keys, _ in living(connection, epoch, wanted)}
    if len(found) < len(wanted):
        raise UnknownError("subject is not known")
    return found


def living(
    connection: Connection, epoch: Epoch, subjects: Collection[int] | None
) -> list[tuple[int, SubjectKeys, str]]:
    """(number, keys, state) of the living among the named subjects, or of all. Raises TamperedError."""
    rows = wrapped_keys(connection, subjects)
    try:
        return [(number, epoch.unwrap(number, wrapped), state) for number, wrapped, state in rows]
    except WrapBrokenError:
        raise TamperedError("a wrapped key does not open", epoch=epoch.id) from None


def pseudonym_frame(
    connection: Connection, epoch: Epoch, subjects: Collection[int] | None, key: bytes
) -> pl.DataFrame:
    """``_subject``, ``_sp``, ``state`` of the living among the subjects, or of all. Raises TamperedError."""
    rows = list(wrapped_keys(connection, subjects))
    try:
        sids = [epoch.sid(number, wrapped) for number, wrapped, _ in rows]
    except WrapBrokenError:
        raise TamperedError("a wrapped key does not open", epoch=epoch.id) from None
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
    """Wrap the keys of all living subjects anew. Raises TamperedError; then nothing may be committed."""
    rows = [(number, wrapped) for number, wrapped, _ in wrapped_keys(connection, None)]
    try:
        changed = [{"n": n, "w": wrapped, "e": new.id} for n, wrapped in rewrap(rows, old, new)]
    except WrapBrokenError:
        raise TamperedError("a wrapped key does not open", epoch=old.id) from None
    if changed:
        statement = update(SUBJECT).where(SUBJECT.c.number == bindparam("n"))
        connection.execute(statement.values(wrapped=bindparam("w"), epoch=bindparam("e")), changed)
