"""Persons in the vault: which subjects are one person, who is restricted, all sealed identifiers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, Engine, select

from privacy.errors import SealBrokenError, WrapBrokenError
from privacy.keys.envelope import open_sealed
from privacy.keys.epochs import Epoch
from privacy.keys.keyring import Keyring
from service.adapters.keys.files import EpochFiles
from service.adapters.sql import vault_subjects as people
from service.adapters.sql.errors import plain_errors
from service.adapters.sql.statements import upsert
from service.adapters.sql.vault_tables import KEY_EPOCH, RESTRICTED, SEALED, SUBJECT, SUBJECT_LINK
from service.domain.links import Link, LinkState, group, standing
from service.errors import TamperedError, UnknownError
from service.ports import Clock

_BLOCK: Final = 2_000  # people whose identifiers are open at a time


class VaultPersons:
    """The part of ``SqlVault`` that knows persons, and the transactions of all of it."""

    def __init__(self, engine: Engine, keyring: Keyring, files: EpochFiles, clock: Clock) -> None:
        self._engine = engine
        self._keyring = keyring
        self._files = files
        self._clock = clock

    def links(self) -> tuple[Link, ...]:
        """Every link, proposed and undone ones too, oldest first."""
        with self._transaction() as connection:
            return _links(connection)

    def save_links(self, links: Sequence[Link]) -> None:
        """Store new links, or the newest decision about known ones."""
        with self._transaction() as connection:
            for link in links:
                row = asdict(link) | {"evidence": " ".join(link.evidence)}
                connection.execute(upsert(connection, SUBJECT_LINK), row)

    def restricted(self) -> frozenset[int]:
        """Subjects under restriction, with all that are the same person."""
        with self._transaction() as connection:
            return _restricted(connection)

    def standing(self) -> object:
        """The key epoch, which ends with every erasure, and who is restricted."""
        with self._session() as (connection, epoch):
            return epoch.id, _restricted(connection)

    def identifiers(self, subjects: Sequence[int] | None = None) -> Iterator[dict[int, dict[str, Any]]]:
        """The sealed identifiers of the named or of all living subjects, a block of people at a time."""
        numbers = self._numbers() if subjects is None else subjects
        for start in range(0, len(numbers), _BLOCK):
            found: dict[int, dict[str, Any]] = {}
            for subject, documents in self._documents(numbers[start : start + _BLOCK]).items():
                found[subject] = {}
                for document in documents.values():
                    found[subject] |= json.loads(document)
            yield found

    def derive(self, subject: int, label: str) -> bytes:
        """32 bytes from the subject's own data key. Raises UnknownError once that is destroyed."""
        with self._session() as (connection, epoch):
            return Keyring(people.keys_of(connection, epoch, [subject])[subject].dek).derive(label)

    def _documents(self, subjects: Sequence[int]) -> dict[int, dict[str, bytes]]:
        """All sealed documents of the living among the subjects, by class. Raises TamperedError."""
        query = select(SEALED.c.subject, SEALED.c.data_class, SEALED.c.schema_version, SEALED.c.box)
        with self._session() as (connection, epoch):
            keys = {number: one.dek for number, one, _ in people.living(connection, epoch, subjects)}
            rows = connection.execute(query.where(SEALED.c.subject.in_(subjects))).all()
        found: dict[int, dict[str, bytes]] = {number: {} for number in keys}
        for subject, data_class, schema, box in rows:
            found[subject][data_class] = opened(keys[subject], box, subject, data_class, schema)
        return found

    def _numbers(self) -> list[int]:
        query = select(SUBJECT.c.number).where(SUBJECT.c.wrapped.is_not(None)).order_by(SUBJECT.c.number)
        with self._transaction() as connection:
            return list(connection.scalars(query))

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with plain_errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _session(self, *, write: bool = False) -> Iterator[tuple[Connection, Epoch]]:
        """A transaction in which the epoch in force cannot change under us, and that epoch's key.

        Raises TamperedError when a wrapped key does not open; then nothing is committed.
        """
        with self._transaction() as connection:
            current = lock(connection, write=write)
            if current is None:
                raise UnknownError("the vault has no key epoch")
            epoch = self._files.load(current)
            try:
                yield connection, epoch
            except WrapBrokenError:
                raise TamperedError("a wrapped key does not open", epoch=epoch.id) from None


def lock(connection: Connection, *, write: bool) -> str | None:
    """The epoch in force, locked until the transaction ends (SQLite has locked the whole file already)."""
    return connection.scalar(select(KEY_EPOCH.c.epoch).with_for_update(read=not write))


def opened(key: bytes, box: bytes, subject: int, data_class: str, schema: int) -> bytes:
    """An opened document. Raises TamperedError."""
    try:
        return open_sealed(key, bytes(box), subject=subject, data_class=data_class, schema=schema)
    except SealBrokenError:
        raise TamperedError("a sealed document does not open", data_class=data_class) from None


def _restricted(connection: Connection) -> frozenset[int]:
    numbers = connection.scalars(select(SUBJECT.c.number).where(SUBJECT.c.state == RESTRICTED)).all()
    edges = standing(_links(connection)) if numbers else ()
    return frozenset(part for number in numbers for part in group(number, edges))


def _links(connection: Connection) -> tuple[Link, ...]:
    rows = connection.execute(select(SUBJECT_LINK).order_by(SUBJECT_LINK.c.at, SUBJECT_LINK.c.id)).mappings()
    return tuple(
        Link(**{**row, "state": LinkState(row["state"]), "evidence": tuple(row["evidence"].split())})
        for row in rows
    )
