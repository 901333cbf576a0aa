"""The one way in: read, detect, pseudonymise, ask consent, store, write it down.

Each step takes the type that the step before returns, so none can be left out. A source comes in chunks,
which bounds the memory; its rows become live together, in one commit. A batch is its content: the same
content under the same contract has the same id and is taken in once. A killed run is simply run again: every
effect before the last is idempotent, and the batch counts as done only when its record and its audit entry
stand.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from policies.model import Decision
from service.domain.actors import Actor
from service.domain.batch_ids import batch_id
from service.domain.batches import AdmittedBatch, IngestCounts, RawBatch
from service.domain.contracts import DatasetContract, Role
from service.errors import UnknownError
from service.ports import BatchRow, Chunk, Deps, Source, Stage
from service.usecases.access import authorise, record
from service.usecases.admission import admit_batch
from service.usecases.detection import scan_batch
from service.usecases.enrolment import Acquainted, pseudonymise_batch, seal_identifiers

Progress = Callable[[str, int], None]
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_STORE: Final = 90  # percent of the way when all chunks are read


def ingest(
    path: Path,
    dataset: str,
    *,
    actor: Actor,
    deps: Deps,
    source: str = "",
    encoding: str = "",
    progress: Progress | None = None,
) -> BatchRow:
    """Take a file into a dataset: CSV, TSV, JSON lines, Parquet or XLSX.

    ``encoding`` names that of a text file when its bytes alone do not tell; the rest as in ``take_in``, which
    also says what is raised.
    """
    opened = deps.connector.open(path, encoding=encoding)
    return take_in(opened, dataset, actor=actor, deps=deps, name=source, progress=progress)


def take_in(
    source: Source,
    dataset: str,
    *,
    actor: Actor,
    deps: Deps,
    name: str = "",
    progress: Progress | None = None,
) -> BatchRow:
    """Take a source into a dataset.

    Args:
        source: where the rows come from.
        dataset: name of a registered dataset.
        actor: needs ``dataset:ingest``.
        deps: the service.
        name: of the source system; the dataset's name when empty.
        progress: told step and percentage.

    Returns:
        The batch: rows in = admitted + quarantined + refused. Content seen before returns its first record.

    Raises:
        DeniedError: the actor may not ingest.
        UnknownError: no such dataset.
        ContractError: the source is not what the contract says.
        ConflictError: the source changed while it was read.
        StorageError: a store cannot be written; run again when it can.
        AuditUnavailableError: the batch is not done; run again when the log can be written.
    """
    tell = progress or (lambda _step, _percent: None)
    contract, decision = _allowed(dataset, actor, deps)
    batch = batch_id(name or dataset, source.digest, contract.digest)
    with deps.ops() as tx:
        known = tx.batches.get(batch)
    if known is not None:
        return known
    standing = deps.vault.standing()

    def living() -> pl.DataFrame | None:
        """Asked at the commit: who was erased or restricted while the source was read must not be stored."""
        return None if deps.vault.standing() == standing else _living(deps)

    with deps.events.stage(batch, contract) as stage:
        tally = _take_chunks(source, contract, batch, stage, deps, tell=tell)
        tell("store", _STORE)
        done = stage.commit(living)
    tally.refused.update({"restricted": done.withheld} if done.withheld else {})
    tally.rejected.update({"duplicate": done.duplicates} if done.duplicates else {})
    counts = IngestCounts(
        rows=tally.rows,
        admitted=done.rows,
        quarantined=tally.rejected.total(),
        refused=tally.rows - done.rows - tally.rejected.total(),
    )
    reasons = {**tally.rejected, **tally.refused}
    at = deps.clock.now()
    row = BatchRow(batch, dataset, name or dataset, counts, at, actor.id, done.version, reasons)
    settled = _settle(row, done.subjects, actor, decision, deps, facts=source.facts)
    tell("done", 100)
    return settled


@dataclass(slots=True)
class _Tally:
    """Rows read, and rows set aside or refused by reason."""

    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Known:
    """What is looked up once for all chunks of a batch."""

    deps: Deps
    people: Acquainted = field(default_factory=Acquainted)
    records: dict[str, pl.DataFrame] = field(default_factory=dict)

    def consents(self, purpose: str) -> pl.DataFrame:
        """Consent records of a purpose."""
        if purpose not in self.records:
            with self.deps.ops() as tx:
                self.records[purpose] = tx.consents.frame(purpose)
        return self.records[purpose]


def _take_chunks(
    source: Source, contract: DatasetContract, batch: str, stage: Stage, deps: Deps, *, tell: Progress
) -> _Tally:
    tally = _Tally()
    known = _Known(deps)
    tell("read", 0)
    for chunk in source.chunks(contract):
        admitted, refused = _prepare(chunk, contract, batch, known, deps)
        stage.add(admitted)
        tally.rows += chunk.frame.height + chunk.rejected.height
        tally.rejected.update(dict(admitted.rejected["rule"].value_counts().iter_rows()))
        tally.refused.update(refused)
        tell(f"{tally.rows:,} rows", int(chunk.done * _STORE))
    return tally


def _prepare(
    chunk: Chunk, contract: DatasetContract, batch: str, known: _Known, deps: Deps
) -> tuple[AdmittedBatch, dict[str, int]]:
    """Detection, enrolment and admission: what to store, and how many rows were refused by reason."""
    raw = RawBatch(batch, contract, chunk.frame, chunk.rejected)
    detector = deps.detector() if contract.with_role(Role.FREE_TEXT) else None
    scanned = scan_batch(raw, detector, deps.keyring.derive("row-tag"))
    enrolment = pseudonymise_batch(scanned, deps, known.people)
    admitted, refused = admit_batch(
        enrolment.batch,
        purposes=deps.policy.bundle.purposes,
        consents=known.consents,
        restricted=deps.vault.restricted(),
        at=deps.clock.now(),
    )
    seal_identifiers(enrolment.identifiers, admitted.frame["_subject"].unique(), deps)
    if enrolment.suppressed:
        refused["suppressed"] = enrolment.suppressed
    return admitted, refused


def _living(deps: Deps) -> pl.DataFrame:
    return deps.vault.pseudonyms().filter(pl.col("state") == "active").select("_sp")


def _allowed(dataset: str, actor: Actor, deps: Deps) -> tuple[DatasetContract, Decision]:
    """Policy is asked with the highest class of the dataset, and before anyone learns whether it exists."""
    if not _NAME.fullmatch(dataset):
        raise UnknownError("no such dataset")
    with deps.ops() as tx:
        contract = next((c for c in tx.datasets.all() if c.name == dataset), None)
    highest = max((c.data_class for c in contract.columns), default="C1") if contract else "C1"
    decision = authorise(deps, actor, "dataset:ingest", resource=f"dataset/{dataset}", data_class=highest)
    if contract is None:
        raise UnknownError("no such dataset", dataset=dataset)
    return contract, decision


def _settle(
    row: BatchRow,
    subjects: int,
    actor: Actor,
    decision: Decision,
    deps: Deps,
    *,
    facts: tuple[tuple[str, str | int], ...],
) -> BatchRow:
    """Record the batch and its audit entry together; another run of the same content may have been faster."""
    counts = row.counts
    detail = {
        **dict(facts), "admitted": counts.admitted, "batch": row.id, "quarantined": counts.quarantined,
        "refused": counts.refused, "rows": counts.rows,
    }  # fmt: skip
    with deps.ops() as tx:
        known = tx.batches.get(row.id)
        if known is not None:
            return known
        tx.batches.add(row)
        record(
            deps, actor, decision, "dataset:ingest",
            resource=f"dataset/{row.dataset}", subjects=subjects, detail=tuple(sorted(detail.items())),
        )  # fmt: skip
    return row
