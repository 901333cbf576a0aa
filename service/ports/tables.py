"""The operational database: one transaction object, one small table object for each subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import polars as pl

from audit.entry import Entry
from service.domain.actors import Actor
from service.domain.batches import IngestCounts
from service.domain.consents import ConsentRecord
from service.domain.contracts import DatasetContract
from service.domain.models import Model
from service.domain.releases import Release
from service.domain.requests import RightsRequest
from service.domain.sources import PushRecord, SourceSystem


class DatasetTable(Protocol):
    """Dataset contracts in force."""

    def add(self, contract: DatasetContract, document: str, at: datetime) -> None: ...
    def get(self, name: str) -> DatasetContract | None: ...
    def all(self) -> tuple[DatasetContract, ...]: ...


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch that was taken in.

    ``reasons`` has rows by rule or refusal; ``measures`` what its quality is computed from besides
    (``service.domain.quality``).
    """

    id: str
    dataset: str
    source: str
    counts: IngestCounts
    at: datetime
    actor: str
    table_version: int
    reasons: Mapping[str, int]
    measures: Mapping[str, int] = field(default_factory=dict)


class BatchTable(Protocol):
    """Committed batches by id, and which of their rejected rows were taken in later."""

    def get(self, batch_id: str) -> BatchRow | None: ...
    def add(self, row: BatchRow) -> None: ...
    def all(self) -> tuple[BatchRow, ...]: ...
    def release(self, batch_id: str, rows: pl.DataFrame, by: BatchRow) -> None:
        """Mark rejected rows (``_row``, ``rule``) of a batch as taken in by another; once is for ever."""

    def released(self, batch_id: str) -> pl.DataFrame:
        """``_row`` Int64, ``rule`` and ``by_batch`` of the rows of a batch that were taken in later."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a source that grows has been taken in.

    Attributes:
        done: position up to which its batches are committed; empty at the start.
        pending: position up to which a batch was begun and not yet committed; empty when there is none. It is
            finished, to exactly this position, before anything newer is read: so a killed run leaves no gap
            and no row twice.
    """

    done: str = ""
    pending: str = ""


class CursorTable(Protocol):
    """Cursors by source and dataset."""

    def get(self, source: str, dataset: str) -> Cursor:
        """The cursor; a new source is at its start."""

    def begin(self, source: str, dataset: str, upto: str) -> None:
        """Set ``pending``. Raises ConflictError when another batch is pending."""

    def finish(self, source: str, dataset: str, upto: str) -> None:
        """Set ``done`` and clear ``pending``. Raises ConflictError when ``upto`` is not what is pending."""


class ConsentTable(Protocol):
    """Consent records."""

    def add(self, records: Sequence[ConsentRecord] | pl.DataFrame) -> int:
        """Insert records not seen before (subject, purpose, kind, given_at); return how many were new.

        A frame has the columns of ``frame``.
        """

    def withdraw(self, subject: int, purpose: str, at: datetime) -> int: ...
    def frame(self, purpose: str | None = None) -> pl.DataFrame:
        """Columns of ConsentRecord with ``subject`` as ``_subject``; times as Datetime[us, UTC]."""

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

    def charge(self, charge_id: str, scopes: Sequence[str], rho: int, at: datetime) -> bool:
        """Charge all scopes or none, by one conditional update each, in the caller's transaction.

        Returns True when charged now, False when this charge id was charged before (nothing changes).
        Raises BudgetExceededError(scope=, requested=, left=) and UnknownError(scope=).
        """

    def lines(self, scopes: Sequence[str] | None = None) -> tuple[BudgetLine, ...]: ...


class ReleaseTable(Protocol):
    """Releases."""

    def add(self, release: Release) -> None: ...
    def get(self, release_id: str) -> Release: ...
    def save(self, release: Release) -> None:
        """Store a new state. Raises ConflictError when the stored state does not precede it."""

    def answered(self, plan_digest: str, data_version: str) -> Release | None:
        """A released answer to the same plan over the same data."""

    def all(self) -> tuple[Release, ...]: ...


class RequestTable(Protocol):
    """Rights requests."""

    def add(self, request: RightsRequest) -> None: ...
    def get(self, request_id: str) -> RightsRequest: ...
    def save(self, request: RightsRequest) -> None:
        """Store a new state. Raises ConflictError when the stored state does not precede it."""

    def all(self) -> tuple[RightsRequest, ...]: ...
    def flag(self, subject: int, flag: str, at: datetime) -> None:
        """Set a standing flag such as ``no_automated_decision``."""

    def flagged(self, flag: str) -> frozenset[int]: ...
    def forget(self, subject: int) -> int:
        """Remove the subject's flags and set ``subject`` of its requests to 0."""


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

    def all(self) -> tuple[Actor, ...]: ...


class SourceTable(Protocol):
    """Systems that may push, and the answers to their idempotency keys."""

    def get(self, name: str) -> SourceSystem | None: ...
    def save(self, source: SourceSystem, at: datetime) -> None: ...
    def pushed(self, source: str, key: str) -> PushRecord | None: ...
    def answer(self, source: str, key: str, record: PushRecord) -> None:
        """Keep an answer; of one that is kept, only ``created`` goes on."""

    def forget(self, before: int, *, dry_run: bool = False) -> int:
        """Remove answers to requests signed before (Unix seconds), or count them; return how many."""


class Outbox(Protocol):
    """Log entries that are committed with what they are about, and go to the log when that is done."""

    def add(self, entry: Entry) -> None: ...


@dataclass(frozen=True, slots=True)
class OpsTransaction:
    """One transaction of the operational database; the tables share it."""

    datasets: DatasetTable
    batches: BatchTable
    consents: ConsentTable
    cursors: CursorTable
    budget: BudgetLedger
    releases: ReleaseTable
    requests: RequestTable
    models: ModelTable
    users: UserTable
    sources: SourceTable
    outbox: Outbox


#: ``with ops() as tx:`` begins IMMEDIATE, commits at the end, rolls back on any exception. What was put in
#: the outbox is in the log when it returns; if the log cannot take it, AuditUnavailableError is raised, the
#: entry stays in the outbox, and nothing may be handed out.
Ops = Callable[[], AbstractContextManager[OpsTransaction]]
