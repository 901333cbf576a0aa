"""The one way in: read, detect, pseudonymise, ask consent, store, write it down.

Each step takes the type that the step before returns, so none can be left out. A batch is its file: the
same file under the same contract has the same id and is taken in once. A killed run is simply run again:
every effect before the last is idempotent, and the batch counts as done only when its record and its audit
entry stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from policies.model import Decision
from service.domain.actors import Actor
from service.domain.batch_ids import batch_id
from service.domain.batches import AdmittedBatch, IngestCounts, RawBatch
from service.domain.contracts import DatasetContract, Role
from service.errors import ConflictError, UnknownError
from service.ports import BatchRow, Deps
from service.usecases.access import authorise, record
from service.usecases.admission import admit_batch
from service.usecases.detection import scan_batch
from service.usecases.enrolment import pseudonymise_batch, seal_identifiers

Progress = Callable[[str, int], None]
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


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
    """Take a file into a dataset.

    Args:
        path: CSV, TSV, JSON lines or Parquet.
        dataset: name of a registered dataset.
        actor: needs ``dataset:ingest``.
        deps: the service.
        source: name of the source system; the dataset's name when empty.
        encoding: of a text file, when its bytes alone do not tell.
        progress: told step and percentage.

    Returns:
        The batch: rows in = admitted + quarantined + refused. A file seen before returns its first record.

    Raises:
        DeniedError: the actor may not ingest.
        UnknownError: no such dataset.
        ContractError: the file is not what the contract says.
        ConflictError: the file changed while it was read.
        StorageError: a store cannot be written; run again when it can.
        AuditUnavailableError: the batch is not done; run again when the log can be written.
    """
    if not _NAME.fullmatch(dataset):
        raise UnknownError("no such dataset")
    tell = progress or (lambda _step, _percent: None)
    contract, decision = _allowed(dataset, actor, deps)
    name = source or dataset
    batch = batch_id(name, path, contract)
    with deps.ops() as tx:
        known = tx.batches.get(batch)
    if known is not None:
        return known
    tell("read", 0)
    used = deps.connector.encoding_of(path, encoding)
    raw = _read(path, contract, batch, name, deps, encoding=used)
    row, subjects = _store(raw, name, actor, deps, tell)
    done = _settle(row, subjects, actor, decision, deps, encoding=used)
    tell("done", 100)
    return done


def _store(raw: RawBatch, source: str, actor: Actor, deps: Deps, tell: Progress) -> tuple[BatchRow, int]:
    """The gates and the event store: what became of the rows, and of how many subjects they are."""
    admitted, reasons, subjects = _prepare(raw, deps, tell)
    tell("store", 80)
    version = deps.events.append(admitted)
    counts = IngestCounts(
        rows=raw.frame.height + raw.rejected.height,
        admitted=admitted.frame.height,
        quarantined=admitted.rejected.height,
        refused=admitted.refused,
    )
    at = deps.clock.now()
    return BatchRow(raw.id, raw.contract.name, source, counts, at, actor.id, version, reasons), subjects


def _allowed(dataset: str, actor: Actor, deps: Deps) -> tuple[DatasetContract, Decision]:
    """Policy is asked with the highest class of the dataset, and before anyone learns whether it exists."""
    with deps.ops() as tx:
        contract = next((c for c in tx.datasets.all() if c.name == dataset), None)
    highest = max((c.data_class for c in contract.columns), default="C1") if contract else "C1"
    decision = authorise(deps, actor, "dataset:ingest", resource=f"dataset/{dataset}", data_class=highest)
    if contract is None:
        raise UnknownError("no such dataset", dataset=dataset)
    return contract, decision


def _read(
    path: Path, contract: DatasetContract, batch: str, source: str, deps: Deps, *, encoding: str
) -> RawBatch:
    frame, rejected = deps.connector.read(path, contract, batch, encoding=encoding)
    if batch_id(source, path, contract) != batch:
        raise ConflictError("the file changed while it was read")
    return RawBatch(batch, contract, frame, rejected)


def _prepare(raw: RawBatch, deps: Deps, tell: Progress) -> tuple[AdmittedBatch, dict[str, int], int]:
    """Detection, enrolment and admission: the batch to store, reasons with counts, number of subjects."""
    tell("detect", 15)
    detector = deps.detector() if raw.contract.with_role(Role.FREE_TEXT) else None
    scanned = scan_batch(raw, detector, deps.keyring.derive("row-tag"))
    tell("pseudonymise", 40)
    enrolment = pseudonymise_batch(scanned, deps)
    tell("consent", 60)
    with deps.ops() as tx:
        admitted, refused = admit_batch(
            enrolment.batch,
            purposes=deps.policy.bundle.purposes,
            consents=tx.consents.frame,
            restricted=deps.vault.restricted(),
            at=deps.clock.now(),
        )
    tell("seal", 70)
    subjects = admitted.frame["_subject"].unique()
    seal_identifiers(enrolment.identifiers, subjects, deps)
    if enrolment.suppressed:
        refused["suppressed"] = enrolment.suppressed
    whole = AdmittedBatch(raw.id, raw.contract, admitted.frame, admitted.rejected, sum(refused.values()))
    rules: Mapping[str, int] = dict(whole.rejected["rule"].value_counts().iter_rows())
    return whole, {**rules, **refused}, subjects.len()


def _settle(
    row: BatchRow, subjects: int, actor: Actor, decision: Decision, deps: Deps, *, encoding: str
) -> BatchRow:
    """Record the batch and its audit entry together; another run of the same file may have been faster."""
    counts = row.counts
    with deps.ops() as tx:
        known = tx.batches.get(row.id)
        if known is not None:
            return known
        tx.batches.add(row)
        record(
            deps, actor, decision, "dataset:ingest",
            resource=f"dataset/{row.dataset}", subjects=subjects,
            detail=(
                ("admitted", counts.admitted), ("batch", row.id),
                *((("encoding", encoding),) if encoding else ()),
                ("quarantined", counts.quarantined), ("refused", counts.refused), ("rows", counts.rows),
            ),
        )  # fmt: skip
    return row
