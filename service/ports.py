"""Everything the use cases need from outside, as Protocols. Adapters implement them; wiring composes them.

Nothing else is abstract. All times are UTC. Every method may raise ``service.errors.StorageError``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import polars as pl

from audit.entry import Entry
from audit.evidence import Evidence
from policies.enforcer import Enforcer
from privacy.keys.keyring import Keyring
from privacy.pii.detect import Detector
from service.domain.actors import Actor
from service.domain.batches import AdmittedBatch, IngestCounts
from service.domain.consents import ConsentRecord
from service.domain.contracts import DatasetContract
from service.domain.models import Model
from service.domain.releases import Release
from service.domain.requests import RightsRequest


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        ...


class AuditTrail(Protocol):
    """The append-only log. Raises AuditUnavailableError when it cannot append; then nothing may happen."""

    def append(self, *entries: Entry) -> tuple[int, ...]:
        """Make the entries durable and return their indices. Group commit is inside."""
        ...

    def seal(self) -> bytes:
        """Publish tiles and a signed checkpoint over everything appended; return the checkpoint note."""
        ...

    def proof(self, index: int) -> bytes:
        """A C2SP tlog-proof of one entry against the last checkpoint."""
        ...

    def entries(self) -> Iterable[tuple[int, Entry]]:
        """Every sealed entry in order, with its index."""
        ...

    def evidence(self, indices: Sequence[int]) -> Evidence:
        """Seal, then give out these entries with proofs against one checkpoint, for a bundle or certificate."""
        ...

    def attest(self, statement: bytes) -> bytes:
        """A DSSE envelope over an in-toto statement, signed with the log's key."""
        ...

    @property
    def vkey(self) -> str:
        """The verifier key, ``name+hash+key``."""
        ...


class EventStore(Protocol):
    """Columnar rows partitioned by a hash bucket of the storage pseudonym."""

    def append(self, batch: AdmittedBatch) -> int:
        """Commit the batch exactly once (a batch id seen before changes nothing); return the table version.

        Admitted rows go to the dataset's table, rejected ones to its quarantine table. A dataset with one row
        per subject keeps the newest. Contribution totals stay right when a month gets more rows later.
        """
        ...

    def replace(self, name: str, frame: pl.DataFrame) -> int:
        """Write a derived table (``derived_profile``, ``derived_score_credit``) anew, ``_sp``, ``_bucket`` in it."""
        ...

    def version(self, name: str) -> int:
        """Table version, -1 when there is no such table."""
        ...

    def tables(self) -> tuple[str, ...]:
        """Names of all tables: datasets, ``quarantine_*`` and ``derived_*``."""
        ...

    def scan(self, name: str, *, bucket: int | None = None) -> pl.LazyFrame:
        """The live rows of a table, or of one bucket of it. Raises UnknownError."""
        ...

    def read_subject(self, name: str, pseudonym: bytes) -> pl.DataFrame:
        """One subject's rows; reads one bucket only."""
        ...

    def erase(self, name: str, pseudonyms: Sequence[bytes]) -> int:
        """Remove the subjects' rows by rewriting their buckets, purge old files; return rows removed."""
        ...

    def residue(self, pseudonyms: Sequence[bytes]) -> tuple[str, ...]:
        """Independent re-query: files on disk (live or not) that still hold one of the pseudonyms."""
        ...

    def bucket_of(self, pseudonym: bytes) -> int:
        """The partition of a pseudonym."""
        ...

    @property
    def n_buckets(self) -> int:
        """Number of partitions."""
        ...


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
        ...

    def suppressed(self, tags: Sequence[bytes]) -> frozenset[bytes]:
        """Those of the keyed suppression tags that are on the list: erased people who must not come back."""
        ...

    def seal(self, subjects: Sequence[int], data_class: str, documents: Sequence[bytes]) -> None:
        """Seal one document per subject (AES-256-GCM under the subject's own key); replaces an earlier one."""
        ...

    def open(self, subject: int, data_class: str) -> bytes | None:
        """Open one sealed document; None when there is none or the key is destroyed."""
        ...

    def pseudonyms(self, subjects: Sequence[int] | None = None) -> pl.DataFrame:
        """``_subject`` Int64, ``_sp`` Binary(16), ``state`` String of the named or of all living subjects."""
        ...

    def purpose_pseudonyms(self, subjects: Sequence[int], purpose: str) -> Sequence[bytes]:
        """Each subject's pseudonym under a purpose; two purposes cannot be joined."""
        ...

    def find(self, id_type: str, blind: bytes) -> int | None:
        """The subject behind one blind index."""
        ...

    def restrict(self, subject: int) -> None:
        """Take the subject out of every processing but storage. Effective for every read that starts later."""
        ...

    def restricted(self) -> frozenset[int]:
        """Subjects under restriction."""
        ...

    def retain(self, subject: int, document: bytes, what: Retained) -> None:
        """Seal what a law says keep under the retention key, apart from the subject's own keys."""
        ...

    def suppress(self, tags: Sequence[bytes], *, until: datetime) -> None:
        """Put keyed tags on the suppression list."""
        ...

    def suppression_tags(self, subject: int, tagger: Callable[[str, str], bytes]) -> tuple[bytes, ...]:
        """Tags of every sealed direct identifier of the subject; ``tagger(id_type, normalised)``."""
        ...

    def destroy(self, subject: int) -> str:
        """Destroy the subject's keys, sealed data and blind indexes, and start a new key epoch so that no
        residue of the wrapped keys can be opened. Idempotent. Returns the id of the destroyed epoch."""
        ...

    def retained(self) -> tuple[Retained, ...]:
        """What is kept, without content."""
        ...


class Connector(Protocol):
    """A source of rows. Reads one file; never guesses, never drops a row silently."""

    def read(self, path: Path, contract: DatasetContract, batch_id: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Typed frame with ``_row`` and the REJECTED frame of rows that do not parse.

        Raises ContractError (unknown or missing column, wrong encoding, not a table) with file facts only.
        """
        ...


class DatasetTable(Protocol):
    """Dataset contracts in force."""

    def add(self, contract: DatasetContract, document: str, at: datetime) -> None: ...
    def get(self, name: str) -> DatasetContract: ...
    def all(self) -> tuple[DatasetContract, ...]: ...


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch that was taken in."""

    id: str
    dataset: str
    source: str
    counts: IngestCounts
    at: datetime
    actor: str
    table_version: int
    reasons: Mapping[str, int]


class BatchTable(Protocol):
    """Committed batches, by id."""

    def get(self, batch_id: str) -> BatchRow | None: ...
    def add(self, row: BatchRow) -> None: ...
    def all(self) -> tuple[BatchRow, ...]: ...


class ConsentTable(Protocol):
    """Consent records."""

    def add(self, records: Sequence[ConsentRecord]) -> int:
        """Insert records not seen before (subject, purpose, kind, given_at); return how many were new."""
        ...

    def withdraw(self, subject: int, purpose: str, at: datetime) -> int: ...
    def frame(self, purpose: str | None = None) -> pl.DataFrame:
        """Columns of ConsentRecord with ``subject`` as ``_subject``; times as Datetime[us, UTC]."""
        ...

    def of(self, subject: int) -> tuple[ConsentRecord, ...]: ...
    def forget(self, subject: int) -> int: ...


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One scope of the privacy budget, in micro-rho."""

    scope: str
    cap: int
    spent: int

    @property
    def left(self) -> int:
        """What may still be spent."""
        return self.cap - self.spent


class BudgetLedger(Protocol):
    """Privacy loss spent, in integer micro-rho. Charges are never given back."""

    def open(self, scope: str, cap: int) -> None:
        """Make a scope if it is new; an existing cap stays as it is."""
        ...

    def charge(self, charge_id: str, scopes: Sequence[str], rho: int, at: datetime) -> bool:
        """Charge all scopes or none, by one conditional update each, in the caller's transaction.

        Returns True when charged now, False when this charge id was charged before (nothing changes).
        Raises BudgetExceededError(scope=, requested=, left=) and UnknownError(scope=).
        """
        ...

    def lines(self, scopes: Sequence[str] | None = None) -> tuple[BudgetLine, ...]: ...


class ReleaseTable(Protocol):
    """Releases."""

    def add(self, release: Release) -> None: ...
    def get(self, release_id: str) -> Release: ...
    def save(self, release: Release) -> None:
        """Store a new state. Raises ConflictError when the stored state does not precede it."""
        ...

    def answered(self, plan_digest: str, data_version: str) -> Release | None:
        """A released answer to the same plan over the same data."""
        ...

    def all(self) -> tuple[Release, ...]: ...


class RequestTable(Protocol):
    """Rights requests."""

    def add(self, request: RightsRequest) -> None: ...
    def get(self, request_id: str) -> RightsRequest: ...
    def save(self, request: RightsRequest) -> None:
        """Store a new state. Raises ConflictError when the stored state does not precede it."""
        ...

    def all(self) -> tuple[RightsRequest, ...]: ...
    def flag(self, subject: int, flag: str, at: datetime) -> None:
        """Set a standing flag such as ``no_automated_decision``."""
        ...

    def flagged(self, flag: str) -> frozenset[int]: ...
    def forget(self, subject: int) -> int:
        """Remove the subject's flags and set ``subject`` of its requests to 0."""
        ...


class ModelTable(Protocol):
    """Model registry."""

    def add(self, model: Model) -> None: ...
    def get(self, name: str, version: int | None = None) -> Model: ...
    def save(self, model: Model) -> None: ...
    def all(self) -> tuple[Model, ...]: ...


class UserTable(Protocol):
    """Staff and their API tokens; only digests of tokens are stored."""

    def add(self, actor: Actor, at: datetime) -> None: ...
    def get(self, actor_id: str) -> Actor: ...
    def add_token(self, actor_id: str, token_id: str, digest: str, expires_at: datetime) -> None: ...
    def token(self, token_id: str) -> tuple[str, str, datetime] | None:
        """(actor id, digest, expiry)."""
        ...

    def all(self) -> tuple[Actor, ...]: ...


class OpsTransaction(Protocol):
    """One transaction of the operational database; the tables share it."""

    @property
    def datasets(self) -> DatasetTable: ...
    @property
    def batches(self) -> BatchTable: ...
    @property
    def consents(self) -> ConsentTable: ...
    @property
    def budget(self) -> BudgetLedger: ...
    @property
    def releases(self) -> ReleaseTable: ...
    @property
    def requests(self) -> RequestTable: ...
    @property
    def models(self) -> ModelTable: ...
    @property
    def users(self) -> UserTable: ...


#: ``with ops() as tx:`` begins IMMEDIATE, commits at the end, rolls back on any exception.
Ops = Callable[[], AbstractContextManager[OpsTransaction]]


@dataclass(frozen=True, slots=True)
class ByteScan:
    """What a byte scan of the data directory saw; ``hits`` names files, never values."""

    files: int
    size: int
    hits: tuple[str, ...]


class Scanner(Protocol):
    """Looks for byte strings in every file below the data directory."""

    def scan(self, needles: Sequence[str | bytes]) -> ByteScan:
        """Search text needles as UTF-8, UTF-16, hex and base64, byte needles raw, as hex and base64."""
        ...


class Courier(Protocol):
    """Carries a one-time code to a contact the service already holds."""

    def deliver(self, id_type: str, contact: str, code: str) -> None:
        """Send the code; the text names no data but the code."""
        ...


class ReportSigner(Protocol):
    """Signs the PDF of a report."""

    def sign(self, pdf: bytes) -> bytes:
        """The file with a PAdES signature."""
        ...

    def certificate(self) -> bytes:
        """The signer's certificate, PEM."""
        ...


@dataclass(frozen=True, slots=True)
class Deps:
    """What every use case is given."""

    clock: Clock
    audit: AuditTrail
    policy: Enforcer
    keyring: Keyring
    vault: Vault
    events: EventStore
    ops: Ops
    connector: Connector
    detector: Callable[[], Detector]  # built on first use: importing presidio is slow
    scanner: Scanner
    courier: Courier
    home: Path
    signer: ReportSigner | None = None  # without it no report can be issued
