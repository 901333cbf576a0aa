"""The vault on SQLite or PostgreSQL: subjects, their keys, sealed identifiers, and how all of it ends.

Every transaction first locks the row of the key epoch in force, readers for sharing, so the subject keys a
transaction reads are wrapped by the epoch it has loaded. To destroy a subject's keys, in this order:

1. the key of a new epoch is made durable as a file;
2. one transaction wraps all other subjects' keys under it, removes the subject's wrapped keys, sealed
   documents and blind indexes, and names the new epoch;
3. the old epoch's key file is destroyed, then the SQLite journal is cut.

Killed before the commit of 2, nothing has happened but a file nobody uses; killed after it, opening the
vault or destroying the subject again does the rest. PostgreSQL keeps removed rows in its heap and log for a
while: wrapped keys and sealed documents there cannot be opened once the epoch is gone, but a removed blind
index can still be compared with a guess by who holds the root key, until VACUUM FULL and the end of old log
segments.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl
from sqlalchemy import Engine, insert, select, update

from privacy.keys.envelope import seal
from privacy.keys.epochs import new_epoch, new_series, series_of
from privacy.keys.keyring import Keyring
from privacy.pseudonym.normalise import IDENTIFYING, normalise
from service.adapters.keys.files import EpochFiles
from service.adapters.sql import vault_subjects as people
from service.adapters.sql.engine import sqlite_checkpoint
from service.adapters.sql.statements import execute_many, remove_where, upsert
from service.adapters.sql.vault_persons import VaultPersons, lock
from service.adapters.sql.vault_tables import (
    ACTIVE,
    DESTROYED,
    KEY_EPOCH,
    RESTRICTED,
    RETAINED,
    SEALED,
    SUBJECT,
    SUPPRESSION,
)
from service.ports import Clock, Retained

_SCHEMA: Final = 1  # version of the sealed documents' layout
_STORAGE: Final = "storage"  # the purpose whose pseudonyms the event store holds
_NOBODY: Final = 0  # a kept document names no subject


def open_vault(engine: Engine, keyring: Keyring, keys: Path, clock: Clock) -> SqlVault:
    """Open the vault and finish what a crash may have left undone.

    Args:
        engine: from ``make_engine``, with ``migrate(engine, "vault")`` done.
        keyring: the service's keys.
        keys: directory of the epoch key files.
        clock: for the end of suppression.

    Raises:
        StorageError: database or key files unreachable, or the epoch in force has no file.
        TamperedError: the epoch's key was sealed under another root key.
    """
    vault = SqlVault(engine, keyring, EpochFiles(keys, keyring.derive("epoch")), clock)
    vault.recover()
    return vault


class SqlVault(VaultPersons):
    """``service.ports.Vault``; made by ``open_vault``."""

    def recover(self) -> None:
        """Begin the first epoch of a new vault; destroy the keys of epochs that are over."""
        with self._transaction() as connection:
            current = lock(connection, write=True)
            if current is None:
                first = new_epoch(new_series())
                self._files.create(first)
                connection.execute(insert(KEY_EPOCH), {"slot": 1, "epoch": first.id})
                return
            self._files.load(current)  # fails closed before anything is destroyed
            left = self._files.sweep(keep=current)
        if left:
            sqlite_checkpoint(self._engine)

    def resolve(self, blind: pl.DataFrame, *, create: bool) -> pl.DataFrame:
        """The subject of each row; the rules stand in ``privacy.pseudonym.linkage``."""
        distinct = blind.unique(maintain_order=True)
        with self._session(write=create) as (connection, epoch):
            linked = people.link_rows(connection, epoch, distinct, create=create)
            found = {subject for subject in linked.subjects if subject is not None}
            key = self._keyring.purpose_key(_STORAGE)
            pseudonyms = people.pseudonym_frame(connection, epoch, found, key)
        schema = {"_subject": pl.Int64, "problem": pl.String}
        answer = (
            pl.DataFrame({"_subject": linked.subjects, "problem": linked.problems}, schema=schema)
            .join(pseudonyms, on="_subject", how="left", maintain_order="left")
            .select("_subject", "_sp", "problem")
        )
        if len(distinct) == len(blind):
            return answer
        by_row = pl.concat([distinct, answer], how="horizontal")
        joined = blind.join(by_row, on=blind.columns, how="left", nulls_equal=True, maintain_order="left")
        return joined.select(answer.columns)

    def suppressed(self, tags: Sequence[bytes]) -> frozenset[bytes]:
        """Those of the tags that are on the list and not past their end."""
        with self._transaction() as connection:
            return people.listed(connection, frozenset(tags), self._clock.now())

    def seal_classes(self, documents: Mapping[str, Mapping[int, bytes]]) -> None:
        """Seal documents by class and subject, all or none.

        Raises UnknownError when a subject has no keys.
        """
        with self._session(write=True) as (connection, epoch):
            keys = people.keys_of(connection, epoch, set().union(*documents.values()))
            statement = upsert(connection, SEALED)
            for data_class, by_subject in documents.items():
                sealing = partial(seal, data_class=data_class, schema=_SCHEMA)
                rows = [
                    (number, data_class, _SCHEMA, sealing(keys[number].dek, document, subject=number))
                    for number, document in by_subject.items()
                ]
                execute_many(connection, statement, SEALED.c.keys(), rows)

    def open(self, subject: int, data_class: str) -> bytes | None:
        """Open one sealed document. Raises TamperedError when it does not authenticate."""
        return self._documents([subject]).get(subject, {}).get(data_class)

    def pseudonyms(self, subjects: Sequence[int] | None = None) -> pl.DataFrame:
        """Storage pseudonyms and states by subject; who is unknown or destroyed is left out."""
        key = self._keyring.purpose_key(_STORAGE)
        with self._session() as (connection, epoch):
            return people.pseudonym_frame(connection, epoch, None if subjects is None else set(subjects), key)

    def find_pseudonym(self, purpose: str, pseudonym: bytes) -> int | None:
        """Forwards, over all living subjects: this needs no way back from a pseudonym."""
        with self._session() as (connection, epoch):
            everyone = people.pseudonym_frame(connection, epoch, None, self._keyring.purpose_key(purpose))
        found = everyone.filter(pl.col("_sp") == pl.lit(pseudonym))["_subject"].to_list()
        return found[0] if found else None

    def find(self, id_type: str, blind: bytes) -> int | None:
        """The subject behind one blind index."""
        with self._transaction() as connection:
            return dict(people.owners(connection, id_type, [blind])).get(blind)

    def restrict(self, subject: int) -> None:
        """Restrict a subject; a destroyed one stays destroyed. Raises UnknownError."""
        with self._session(write=True) as (connection, _):
            people.state_of(connection, subject)
            active = (SUBJECT.c.number == subject) & (SUBJECT.c.state == ACTIVE)
            connection.execute(update(SUBJECT).where(active).values(state=RESTRICTED))  # PIPL 44, GDPR 18

    def retain(self, subject: int, document: bytes, what: Retained) -> None:
        """Seal a kept document, without saying whose; the same request and class again replaces it."""
        box = seal(
            self._keyring.derive("retention"),
            document,
            subject=_NOBODY,
            data_class=f"{what.request}/{what.data_class}",
            schema=_SCHEMA,
        )
        with self._transaction() as connection:
            people.state_of(connection, subject)
            connection.execute(upsert(connection, RETAINED), {**asdict(what), "box": box})  # PIPL 47(2)

    def retained(self) -> tuple[Retained, ...]:
        """What is kept, without content."""
        columns = RETAINED.c
        query = select(columns.request, columns.data_class, columns.until, columns.law)
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(columns.request, columns.data_class)).all()
        return tuple(Retained(*row) for row in rows)

    def expire(self, *, dry_run: bool = False) -> Mapping[str, int]:
        """Destroy kept documents and suppression tags after the day (UTC) of their end, or count them."""
        today = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        with self._transaction() as connection:
            gone = {
                kind: remove_where(connection, table, table.c.until < today, dry_run=dry_run)
                for kind, table in (("documents", RETAINED), ("tags", SUPPRESSION))  # PIPL 19; PIPL 47(1)
            }
        if not dry_run:
            sqlite_checkpoint(self._engine)
        return gone

    def suppress(self, tags: Sequence[bytes], *, until: datetime) -> None:
        """Put tags on the list; a tag on it already takes the new end."""
        with self._transaction() as connection:
            for tag in set(tags):
                connection.execute(upsert(connection, SUPPRESSION), {"tag": tag, "until": until})

    def suppression_tags(self, subject: int, tagger: Callable[[str, str], bytes]) -> tuple[bytes, ...]:
        """Tags of the identifying fields of all sealed documents, each once. Raises TamperedError."""
        pairs = {
            (id_type, value)
            for document in self._documents([subject]).get(subject, {}).values()
            for id_type, value in _identifiers(document)
        }
        return tuple(tagger(*pair) for pair in sorted(pairs))

    def destroy(self, subject: int) -> str:
        """Destroy all that is the subject's, and the key epoch with it; see above. Raises UnknownError."""
        with self._session(write=True) as (connection, old):
            state, ended = people.state_of(connection, subject)
            if state != DESTROYED:
                new = new_epoch(series_of(old.id))
                self._files.create(new)  # durable before anything is wrapped by it
                people.bury(connection, subject)  # PIPL 47(1), GDPR 17
                people.rewrap_living(connection, old, new)
                connection.execute(update(KEY_EPOCH).values(epoch=new.id))
                ended = old.id
        self.recover()
        sqlite_checkpoint(self._engine)
        return ended


def _identifiers(document: bytes) -> Iterator[tuple[str, str]]:
    """(id type, normal form) of the identifying fields of a sealed JSON object."""
    fields = json.loads(document)
    for id_type in IDENTIFYING:
        value = fields.get(id_type)
        if isinstance(value, str):
            normal = normalise(pl.Series([value]), id_type).item()
            if normal is not None:
                yield id_type, normal
