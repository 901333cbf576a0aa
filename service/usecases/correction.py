"""The way out of quarantine: what was rejected, and corrected rows that take the whole way in again.

No value of a rejected row is kept (docs/adr/0015), so whoever corrects it starts from the source. The file of
corrections has the columns of the contract and ``_source_row``, the number of the row in the batch that was
rejected. Rows that are admitted close their entry, in the transaction that makes the batch count; the others
stay open. The quarantine table itself is never changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from service.domain.actors import Actor
from service.domain.contracts import Column, DatasetContract, Kind, Role
from service.errors import ConflictError, ContractError, UnknownError
from service.ports import BatchRow, Chunk, Deps, OpsTransaction, Source
from service.usecases.access import authorise
from service.usecases.detection import profile_fact
from service.usecases.ingest import Progress, allowed, take_in
from service.usecases.quality import CORRECTION

SOURCE_ROW: Final = "_source_row"
_SHORT: Final = 16  # digits of a batch id in the event store
_NUMBER: Final = Column(SOURCE_ROW, Role.MEASURE, Kind.INTEGER, "C1")


def list_quarantine(dataset: str, *, actor: Actor, deps: Deps, batch: str = "") -> pl.DataFrame:
    """Rejected rows of a dataset, or of one batch of it.

    Args:
        dataset: name of a registered dataset.
        actor: needs ``dataset:ingest``.
        deps: the service.
        batch: id of a batch, or its first 16 digits.

    Returns:
        ``batch`` (16 digits), ``row``, ``rule``, ``column``, ``row_tag``, ``state`` (``open``, ``released``),
        by batch and row. What corrections lost again is not listed: the entry they were to close stays open.

    Raises:
        DeniedError: the actor may not see it.
        UnknownError: no such dataset.
    """
    allowed(dataset, actor, deps)
    with deps.ops() as tx:
        rows = [row for row in tx.batches.all() if row.dataset == dataset]
        closed = [tx.batches.released(row.id).select("_row", _batch=pl.lit(row.id[:_SHORT])) for row in rows]
    again = [row.id[:_SHORT] for row in rows if row.source.startswith(CORRECTION)]
    found = _entries(dataset, deps).filter(~pl.col("_batch").is_in(again))
    if batch:
        found = found.filter(pl.col("_batch") == batch[:_SHORT])
    gone = pl.concat([_NONE, *closed]).with_columns(state=pl.lit("released"))
    listed = found.collect().join(gone, on=["_batch", "_row"], how="left")
    named = listed.rename({"_batch": "batch", "_row": "row"}).with_columns(pl.col("state").fill_null("open"))
    return named.select("batch", "row", "rule", "column", "row_tag", "state").sort("batch", "row")


def release(
    batch: str,
    path: Path,
    *,
    actor: Actor,
    deps: Deps,
    encoding: str = "",
    progress: Progress | None = None,
) -> BatchRow:
    """Take corrected rows in and close the entries of those that are admitted.

    Args:
        batch: id of the batch whose rows were rejected, or its first 16 digits.
        path: a file as for ``ingest``, with the column ``_source_row``.
        actor: needs ``dataset:ingest``.
        deps: the service.
        encoding: as for ``ingest``.
        progress: as for ``ingest``.

    Returns:
        The batch of the corrected rows; the same file again returns it unchanged.

    Raises:
        UnknownError: no such batch.
        ContractError: a row twice, or one that is not open in that batch; nothing is stored.
        ConflictError: another file of corrections of this batch was begun and is to be finished first.
        FiduciaryError: as ``service.usecases.ingest.take_in``.
    """
    with deps.ops() as tx:
        rows = [row for row in tx.batches.all() if row.id == batch or row.id[:_SHORT] == batch]
    if not rows:
        authorise(deps, actor, "dataset:ingest")  # who may not know learns nothing
        raise UnknownError("no such batch")
    contract, _ = allowed(rows[0].dataset, actor, deps)
    profile_fact(contract, deps)  # before another file of corrections is shut out
    origin, source = rows[0], deps.connector.open(path, encoding=encoding)
    with _only(origin, source.digest, deps):
        with deps.ops() as tx:
            closed = tx.batches.released(origin.id)
        mine = _entries(origin.dataset, deps).filter(_batch=origin.id[:_SHORT])
        still = mine.collect().join(closed, on="_row", how="anti").select("_row", "rule")

        def close(tx: OpsTransaction, row: BatchRow, admitted: pl.Series) -> None:
            """What the commit still found to repeat stored rows stays open."""
            lost = _entries(row.dataset, deps).filter(_batch=row.id[:_SHORT], rule="duplicate").collect()
            gone = still.filter(pl.col("_row").is_in(admitted.cast(pl.Int64).implode()))
            tx.batches.release(origin.id, gone.join(lost, on="_row", how="anti"), row)

        return take_in(
            Corrections(source, origin.id, still), origin.dataset, actor=actor, deps=deps,
            name=_name(origin), progress=progress, settling=close,
        )  # fmt: skip


@contextmanager
def _only(origin: BatchRow, digest: str, deps: Deps) -> Iterator[None]:
    """One file of corrections of a batch at a time, to its end: two could take the same row in twice.

    A run that was killed is to be finished with the same file first; one that was refused holds up nothing.
    """
    name, dataset = _name(origin), origin.dataset
    with deps.ops() as tx:
        tx.cursors.begin(name, dataset, digest)
    refused: ContractError | None = None
    try:
        yield
    except ContractError as error:
        refused = error
    with suppress(ConflictError), deps.ops() as tx:  # the same file in another process was faster
        tx.cursors.finish(name, dataset, digest)
    if refused is not None:
        raise refused


def _name(origin: BatchRow) -> str:
    return f"{CORRECTION}{origin.id[:_SHORT]}"


@dataclass(frozen=True, slots=True)
class Corrections:
    """Implements ``service.ports.Source``: rows keep the numbers that they were rejected under.

    Attributes:
        source: the file.
        batch: whose rejected rows it corrects.
        open: ``_row`` of the rows that may be released.
    """

    source: Source
    batch: str
    open: pl.DataFrame

    @property
    def digest(self) -> str:
        """Of the batch and the file."""
        return hashlib.sha256(f"{self.batch}\n{self.source.digest}".encode()).hexdigest()

    @property
    def facts(self) -> tuple[tuple[str, str | int], ...]:
        """Those of the file, and which batch it corrects."""
        return tuple(sorted((*self.source.facts, ("corrects", self.batch))))

    def chunks(self, contract: DatasetContract) -> Iterator[Chunk]:
        """The rows under their old numbers. Raises ContractError for a number that is not open."""
        free = self.open["_row"]
        for chunk in self.source.chunks(replace(contract, columns=(*contract.columns, _NUMBER))):
            numbers = chunk.frame[SOURCE_ROW]
            if numbers.is_duplicated().any() or not numbers.is_in(free.implode()).all():
                raise ContractError("a row is twice here, or not open in quarantine", column=SOURCE_ROW)
            free = free.filter(~free.is_in(numbers.implode()))
            frame = chunk.frame.drop("_row").rename({SOURCE_ROW: "_row"}).cast({"_row": pl.UInt32})
            yield replace(chunk, frame=frame.select("_row", *(c.name for c in contract.columns)))


_NONE: Final = pl.DataFrame(schema={"_row": pl.Int64, "_batch": pl.String})
_NO_ENTRIES: Final = _NONE.with_columns(rule=pl.lit(""), column=pl.lit(""), row_tag=pl.lit(""))


def _entries(dataset: str, deps: Deps) -> pl.LazyFrame:
    name = f"quarantine_{dataset}"
    found = deps.events.scan(name) if deps.events.version(name) >= 0 else _NO_ENTRIES.lazy()
    return found.select("_batch", "_row", "rule", "column", "row_tag")
