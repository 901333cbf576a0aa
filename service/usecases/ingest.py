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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from service.domain.actors import Actor
from service.domain.batch_ids import batch_id
from service.domain.batches import AdmittedBatch, RawBatch
from service.domain.contracts import DatasetContract
from service.errors import ContractError, DriftError, QualityError, UnknownError
from service.ports import BatchRow, Chunk, Committed, Deps, OpsTransaction, Source, Stage
from service.usecases.access import Act, authorise
from service.usecases.admission import admit_batch
from service.usecases.detection import Codes, codes_of, detector_for, profile_fact, scan_batch
from service.usecases.drift import CLASS_DRIFT, not_set_aside
from service.usecases.enrolment import Acquainted, Enrolment, pseudonymise_batch, seal_identifiers
from service.usecases.quality import BELOW
from service.usecases.quarantine import all_rejected, set_old_aside
from service.usecases.tally import Tally

Progress = Callable[[str, int], None]
#: Told in the settling transaction: the batch, and the numbers of the rows that were admitted.
Settling = Callable[[OpsTransaction, BatchRow, pl.Series], None]
#: What sends a batch to quarantine as a whole, where its sender can send it again.
ADRIFT: Final[tuple[type[ContractError], ...]] = (DriftError,)
_EVENTS: Final = {DriftError: "dataset:drift", QualityError: "dataset:refuse"}
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
    settling: Settling | None = None,
    aside: tuple[type[ContractError], ...] = ADRIFT,
) -> BatchRow:
    """Take a source into a dataset.

    Args:
        source: where the rows come from.
        dataset: name of a registered dataset.
        actor: needs ``dataset:ingest``.
        deps: the service.
        name: of the source system; the dataset's name when empty.
        progress: told step and percentage.
        settling: does more in the transaction that makes the batch count.
        aside: failures that send the batch to quarantine as a whole.

    Returns:
        The batch: rows in = admitted + quarantined + refused. Content seen before returns its first record.

    Raises:
        DeniedError: the actor may not ingest.
        UnknownError: no such dataset.
        ContractError: the source is not what the contract says.
        UsageError: the models of the contract's detection profile are not installed.
        DriftError: a column has become another class: the whole batch is in quarantine.
        QualityError: the batch is below the contract's ``minimumQuality``: nothing is stored, or the whole
            batch is in quarantine (``aside``).
        ConflictError: the source changed while it was read.
        StorageError: a store cannot be written; run again when it can.
        AuditUnavailableError: the batch is not done; run again when the log can be written.
    """
    tell = progress or (lambda _step, _percent: None)
    contract, act = allowed(dataset, actor, deps)
    batch = batch_id(name or dataset, source.digest, contract.digest)
    with deps.ops() as tx:
        known = tx.batches.get(batch)
    if known is not None:
        return not_set_aside(known)
    profile = profile_fact(contract, deps)
    begun = Tally(batch, contract, settling is not None, aside)
    tally, done, failure = _gates(source, begun, deps, tell=tell)
    row = BatchRow(
        tally.batch, dataset, name or dataset, tally.counts(done.rows), deps.clock.now(), actor.id,
        done.version, {**tally.rejected, **tally.refused}, tally.measures,
    )  # fmt: skip
    settled = _settle(
        row, done, act, facts=(*source.facts, *profile), failure=failure,
        settling=settling and (lambda tx: settling(tx, row, tally.admitted)),
    )  # fmt: skip
    if failure is not None:
        raise failure
    tell("done", 100)
    return settled


def _gates(
    source: Source, tally: Tally, deps: Deps, *, tell: Progress
) -> tuple[Tally, Committed, ContractError | None]:
    """What became of the rows; and why, where the batch was set aside or refused as a whole."""
    chunks = source.chunks(tally.contract)
    try:
        if tally.contract.creates_subjects:
            _rehearse(chunks, tally, deps)
            tally = Tally(tally.batch, tally.contract, tally.keep, tally.aside)
            chunks = source.chunks(tally.contract)
        return tally, _store(chunks, tally, deps, tell=tell), None
    except (DriftError, QualityError) as error:
        if isinstance(error, tally.aside):
            return tally, _set_aside(chunks, tally, error, deps), error
        attempt = deps.clock.now().isoformat()  # one of several: the same content may come again
        tally.batch = batch_id(tally.batch, attempt, tally.contract.digest)
        tally.refused = Counter({BELOW: tally.rows - tally.rejected.total()})
        return tally, Committed(version=deps.events.version(tally.contract.name)), error


def _rehearse(chunks: Iterator[Chunk], tally: Tally, deps: Deps) -> None:
    """Read all once and let the vault learn nothing: a batch that will not stand makes nobody known.

    Raises as ``_store`` does before its commit. Consent is not asked: a repeated row is one without it too.
    """
    contract = tally.contract
    known = _Known(deps, codes_of(contract, deps), Acquainted(rehearsal=True))
    with deps.events.stage(tally.batch, contract) as stage:
        for chunk in chunks:
            batch = _enrol(chunk, tally, known).batch
            tally.reject(batch.rejected)
            if contract.unique_by and contract.minimum_quality:
                stage.add(AdmittedBatch(batch.id, contract, batch.frame, batch.rejected.clear(), 0))
        tally.check(stage)


def _store(chunks: Iterator[Chunk], tally: Tally, deps: Deps, *, tell: Progress) -> Committed:
    """All chunks through the gates, then one commit. Raises DriftError and QualityError before it."""
    standing = deps.vault.standing()

    def living() -> pl.DataFrame | None:
        """Asked at the commit: who was erased or restricted while the source was read must not be stored."""
        return None if deps.vault.standing() == standing else _living(deps)

    with deps.events.stage(tally.batch, tally.contract) as stage:
        _take_chunks(chunks, tally, stage, deps, tell=tell)
        tally.check(stage)
        tell("store", _STORE)
        done = stage.commit(living)
    tally.refused.update({"restricted": done.withheld} if done.withheld else {})
    tally.rejected["duplicate"] = done.duplicates  # the gate may have counted fewer
    tally.rejected = +tally.rejected
    return done


def _set_aside(chunks: Iterator[Chunk], tally: Tally, why: ContractError, deps: Deps) -> Committed:
    """Every row of the batch, read or not, goes to quarantine; after drift none can be trusted."""
    tally.rows += sum(chunk.frame.height + chunk.rejected.height for chunk in chunks)
    rule, column = (CLASS_DRIFT, str(why.fields["column"])) if type(why) is DriftError else (BELOW, "")
    cited = tally.give_up(rule)
    with deps.events.stage(tally.batch, tally.contract) as stage:
        for part in all_rejected(tally.batch, tally.contract, tally.rows, (rule, column), cited):
            stage.add(part)
        return stage.commit()


@dataclass(slots=True)
class _Known:
    """What is looked up once for all chunks of a batch."""

    deps: Deps
    codes: Codes
    people: Acquainted = field(default_factory=Acquainted)
    records: dict[str, pl.DataFrame] = field(default_factory=dict)

    def consents(self, purpose: str) -> pl.DataFrame:
        """Consent records of a purpose."""
        if purpose not in self.records:
            with self.deps.ops() as tx:
                self.records[purpose] = tx.consents.frame(purpose)
        return self.records[purpose]


def _take_chunks(chunks: Iterator[Chunk], tally: Tally, stage: Stage, deps: Deps, *, tell: Progress) -> None:
    known = _Known(deps, codes_of(tally.contract, deps))
    tell("read", 0)
    for chunk in chunks:
        admitted, refused = _prepare(chunk, tally, known)
        stage.add(admitted)
        tally.reject(admitted.rejected)
        if tally.keep:
            tally.admitted.append(admitted.frame["_row"])
        tally.refused.update(refused)
        tell(f"{tally.rows:,} rows", int(chunk.done * _STORE))


def _enrol(chunk: Chunk, tally: Tally, known: _Known) -> Enrolment:
    """Count a chunk as read; detection and enrolment."""
    tally.read(chunk)
    raw = RawBatch(tally.batch, tally.contract, chunk.frame, chunk.rejected)
    deps, detector = known.deps, detector_for(raw.contract, known.deps)
    tag, surrogate = deps.keyring.derive("row-tag"), deps.keyring.derive("surrogate")
    scanned = scan_batch(set_old_aside(raw, deps), detector, tag, surrogate, known.codes)
    return pseudonymise_batch(scanned, deps, known.people)


def _prepare(chunk: Chunk, tally: Tally, known: _Known) -> tuple[AdmittedBatch, dict[str, int]]:
    """Detection, enrolment and admission: what to store, and how many rows were refused by reason."""
    deps, enrolment = known.deps, _enrol(chunk, tally, known)
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


def allowed(dataset: str, actor: Actor, deps: Deps) -> tuple[DatasetContract, Act]:
    """Policy is asked with the highest class of the dataset, and before anyone learns whether it exists."""
    if not _NAME.fullmatch(dataset):
        raise UnknownError("no such dataset")
    with deps.ops() as tx:
        contract = tx.datasets.get(dataset)
    highest = max((c.data_class for c in contract.columns), default="C1") if contract else "C1"
    act = authorise(deps, actor, "dataset:ingest", resource=f"dataset/{dataset}", data_class=highest)
    if contract is None:
        raise UnknownError("no such dataset", dataset=dataset)
    return contract, act


def _settle(
    row: BatchRow,
    done: Committed,
    act: Act,
    *,
    facts: tuple[tuple[str, str | int], ...],
    failure: ContractError | None,
    settling: Callable[[OpsTransaction], None] | None,
) -> BatchRow:
    """Record the batch and its audit entry together; another run of the same content may have been faster."""
    counts = row.counts
    detail = {
        **dict(facts), **(failure.fields if failure else {}), "admitted": counts.admitted, "batch": row.id,
        "quarantined": counts.quarantined, "refused": counts.refused, "rows": counts.rows,
    }  # fmt: skip
    event = "dataset:ingest" if failure is None else _EVENTS[type(failure)]
    with act.deps.ops() as tx:
        known = tx.batches.get(row.id)
        if known is not None:
            return known
        tx.batches.add(row)
        if settling is not None and failure is None:
            settling(tx)
        act.record(event, within=tx, subjects=done.subjects, detail=tuple(detail.items()))
    return row
