"""The two stores of personal data: pseudonymised events, and the vault of identifiers and keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import polars as pl

from service.domain.batches import AdmittedBatch
from service.domain.contracts import DatasetContract
from service.domain.links import Link


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit made live.

    Attributes:
        version: of the table.
        rows: admitted rows.
        subjects: of whom they are.
        withheld: rows left out because their subject is no longer there to be processed.
        duplicates: rows set aside as ``duplicate`` of one that is stored (``DatasetContract.unique_by``).
    """

    version: int
    rows: int = 0
    subjects: int = 0
    withheld: int = 0
    duplicates: int = 0


class Stage(Protocol):
    """A batch that comes in parts."""

    def add(self, part: AdmittedBatch) -> None:
        """Set a part aside."""

    def duplicates(self) -> Iterator[pl.DataFrame]:
        """Rows that repeat another of the batch, or a stored one, in what the contract calls unique.

        None in a batch that is live already. What is stored before the commit may add some.
        """

    def commit(self, living: Callable[[], pl.DataFrame | None] | None = None) -> Committed:
        """Make all parts live at once and exactly once; a batch seen before gives its first counts.

        Admitted rows go to the dataset's table, rejected ones to its quarantine table. A dataset with one row
        per subject keeps the newest. Contribution totals stay right when a month gets more rows later.

        Args:
            living: asked while no erasure can run beside: ``_sp`` of all who may be stored, or None for
                everyone in the batch.
        """


class EventStore(Protocol):
    """Columnar rows partitioned by a hash bucket of the storage pseudonym."""

    def stage(self, batch_id: str, contract: DatasetContract) -> AbstractContextManager[Stage]:
        """Begin a batch. What is not committed when the context ends is gone."""

    def append(self, batch: AdmittedBatch) -> int:
        """Stage and commit a batch of one part; return the table version."""

    def replace(self, name: str, frame: pl.DataFrame) -> int:
        """Write a derived table such as ``derived_profile`` anew; ``_sp`` and ``_bucket`` are in it."""

    def version(self, name: str) -> int:
        """Table version, -1 when there is no such table."""

    def tables(self) -> tuple[str, ...]:
        """Names of all tables: datasets, ``quarantine_*`` and ``derived_*``."""

    def scan(self, name: str, *, bucket: int | None = None) -> pl.LazyFrame:
        """The live rows of a table, or of one bucket of it. Raises UnknownError."""

    def read_subject(self, name: str, pseudonym: bytes) -> pl.DataFrame:
        """One subject's rows; reads one bucket only."""

    def erase(self, name: str, pseudonyms: Sequence[bytes]) -> int:
        """Remove the subjects' rows by rewriting their buckets, purge old files; return rows removed."""

    def expire(
        self, name: str, keep: pl.Expr, contract: DatasetContract | None = None, *, dry_run: bool = False
    ) -> int:
        """Remove rows of which ``keep`` does not hold, in the same way, or count them; return how many.

        Old files go even when no row does. With a contract the totals of the rows that stay are set anew.
        """

    def residue(self, pseudonyms: Sequence[bytes]) -> tuple[str, ...]:
        """Independent re-query: files on disk (live or not) that still hold one of the pseudonyms."""

    def bucket_of(self, pseudonym: bytes) -> int:
        """The partition of a pseudonym."""

    @property
    def n_buckets(self) -> int:
        """Number of partitions."""


@dataclass(frozen=True, slots=True)
class Retained:
    """What was sealed away because a law says keep: opened only by a restricted role."""

    request: str
    data_class: str
    until: datetime
    law: str


class Vault(Protocol):
    """Subjects, their keys and sealed identifiers: the only place where direct identifiers live."""

    def resolve(self, blind: pl.DataFrame, *, create: bool) -> pl.DataFrame:
        """Find (or make) the subject of each row.

        Args:
            blind: one Binary(16) column per id type, named by id type; null where the row has none.
            create: make a subject when none of the row's blind indexes is known; also remember the row's
                other blind indexes for it.

        Returns:
            Same height: ``_subject`` Int64 (null where unknown), ``_sp`` Binary(16), ``problem`` String:
            null, ``unknown_subject``, ``identity_conflict`` (its identifiers belong to different subjects).
        """

    def suppressed(self, tags: Sequence[bytes]) -> frozenset[bytes]:
        """Those of the keyed suppression tags that are on the list: erased people who must not come back."""

    def seal_classes(self, documents: Mapping[str, Mapping[int, bytes]]) -> None:
        """Seal documents, all or none: data class to subject to document.

        AES-256-GCM under the subject's key; replaces an earlier document of the class.
        """

    def open(self, subject: int, data_class: str) -> bytes | None:
        """Open one sealed document; None when there is none or the key is destroyed."""

    def derive(self, subject: int, label: str) -> bytes:
        """32 bytes from the subject's own data key. Raises UnknownError once that is destroyed."""

    def pseudonyms(self, subjects: Sequence[int] | None = None) -> pl.DataFrame:
        """``_subject`` Int64, ``_sp`` Binary(16), ``state`` String of the named or of all living subjects."""

    def find_pseudonym(self, purpose: str, pseudonym: bytes) -> int | None:
        """The living subject with this pseudonym under the purpose."""

    def find(self, id_type: str, blind: bytes) -> int | None:
        """The subject behind one blind index."""

    def restrict(self, subject: int) -> None:
        """Take the subject out of all processing but storage, for every read that starts later."""

    def restricted(self) -> frozenset[int]:
        """Subjects under restriction, with all that are the same person."""

    def links(self) -> tuple[Link, ...]:
        """Every link between subjects, whatever was decided, oldest first."""

    def save_links(self, links: Sequence[Link]) -> None:
        """Store new links, or the newest decision about known ones."""

    def identifiers(self, subjects: Sequence[int] | None = None) -> Iterator[dict[int, dict[str, Any]]]:
        """Sealed identifiers by subject, of the named or of all living, a block of people at a time."""

    def standing(self) -> object:
        """Equal to an earlier answer as long as nobody was restricted, freed or erased in between."""

    def retain(self, subject: int, document: bytes, what: Retained) -> None:
        """Seal what a law says keep under the retention key, apart from the subject's own keys."""

    def suppress(self, tags: Sequence[bytes], *, until: datetime) -> None:
        """Put keyed tags on the suppression list."""

    def suppression_tags(self, subject: int, tagger: Callable[[str, str], bytes]) -> tuple[bytes, ...]:
        """Tags of every sealed direct identifier of the subject; ``tagger(id_type, normalised)``."""

    def destroy(self, subject: int) -> str:
        """Destroy the subject's keys, sealed data and blind indexes; returns the id of the destroyed epoch.

        A new key epoch starts, so that no residue of the wrapped keys can be opened. Idempotent.
        """

    def retained(self) -> tuple[Retained, ...]:
        """What is kept, without content."""

    def expire(self, *, dry_run: bool = False) -> Mapping[str, int]:
        """Destroy kept ``documents`` and suppression ``tags`` after the day of their end, or count them."""
