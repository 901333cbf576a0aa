"""One batch on its way into the event store: parts are set aside, then all become live in one commit.

Files are written bucket by bucket, so memory is that of a bucket. Nobody sees them before the commit names
them; after a failure they are swept. Quarantine is committed first: the two commits are idempotent each, so
a run that died between them heals when the batch is run again, and no admitted row is live before its whole
batch is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import polars as pl
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from service.adapters.events import delta, totals
from service.adapters.events.spill import Spill
from service.adapters.events.tables import Tables, in_order
from service.domain.batches import DTYPES, REJECTED, AdmittedBatch, rejected
from service.domain.buckets import bucket_expr
from service.domain.contracts import DatasetContract
from service.ports import Committed

_ROW: Final = "_row"


class DeltaStage:
    """Implements ``service.ports.Stage``."""

    def __init__(
        self,
        tables: Tables,
        batch_id: str,
        contract: DatasetContract,
        folder: Path,
        *,
        n_buckets: int,
        in_memory: int,
    ) -> None:
        self._tables, self._batch, self._contract, self._n_buckets = tables, batch_id, contract, n_buckets
        self._rows, self._rejected = (Spill(folder / part, in_memory) for part in ("rows", "rejected"))

    def add(self, part: AdmittedBatch) -> None:
        """Set a part of the batch aside."""
        self._rows.add(
            part.frame.select(
                "_sp",
                *(pl.col(column.name).cast(DTYPES[column.kind]) for column in self._contract.stored),
                pl.lit(self._batch[:16]).alias("_batch"),
                pl.col("_bucket").cast(pl.Int32),
                _ROW,
            )
        )
        self._reject(part.rejected)

    def duplicates(self) -> Iterator[pl.DataFrame]:
        """REJECTED frames of the rows that the commit will set aside as such; nothing is written."""
        name, contract = self._contract.name, self._contract
        with delta.storage_errors(name):
            table = self._tables.open(name) if self._tables.exists(name) else None
            if not contract.unique_by or (table and delta.committed(table, self._batch)):
                return
            for bucket in self._rows.buckets:
                stored = delta.scan(table, [bucket]) if table else pl.LazyFrame(schema=_schema(contract))
                yield _as_rejected(totals.first_seen(self._rows.read(bucket), stored, contract)[1], contract)

    def commit(self, living: Callable[[], pl.DataFrame | None] | None = None) -> Committed:
        """Make the batch live, exactly once. A batch that is live already gives the counts of that time."""
        name, dates = self._contract.name, totals.log_statistics(self._contract)
        with self._tables.writing(name):
            table = self._tables.open_or_create(name, _schema(self._contract), dates)
            if delta.committed(table, self._batch):
                counted = delta.counts_of(table, self._batch) or self._recount(table)
                return Committed(version=table.version(), **counted)
            people = living() if living else None
            counts = {"rows": 0, "subjects": 0, "withheld": 0, "duplicates": 0}
            actions: list[AddAction | RemoveAction] = []
            for bucket in self._rows.buckets:
                actions += self._bucket(table, bucket, people, counts)
            self._commit_rejected()
            if actions:
                delta.commit(table, actions, self._batch, counts)
            return Committed(version=table.version(), **counts)

    def _recount(self, table: DeltaTable) -> dict[str, int]:
        """What is still there of the batch, when the log that had its counts has expired."""
        mine = delta.scan(table).filter(_batch=self._batch[:16]).select("_sp").collect()
        return {"rows": mine.height, "subjects": mine["_sp"].n_unique()}

    def _bucket(
        self, table: DeltaTable, bucket: int, people: pl.DataFrame | None, counts: dict[str, int]
    ) -> list[AddAction | RemoveAction]:
        """Write the rows of a bucket; where they change stored rows, all of the bucket anew."""
        contract = self._contract
        rows = self._rows.read(bucket)
        allowed = rows if people is None else rows.join(people, on="_sp", how="semi", maintain_order="left")
        stored = delta.scan(table, [bucket])
        new, again = totals.first_seen(allowed, stored, contract)
        self._reject(_as_rejected(again, contract))
        counts["withheld"] += rows.height - allowed.height
        counts["duplicates"] += again.height
        counts["rows"] += new.height
        counts["subjects"] += new["_sp"].n_unique()
        new = totals.newest(new, contract)
        if new.is_empty():
            return []
        meets = totals.meets(new, stored, contract)
        whole = totals.merged(new, stored.collect(), contract) if meets else totals.with_totals(new, contract)
        names = pl.Schema(table.schema().to_arrow()).names()
        dates = totals.log_statistics(contract)
        path = self._tables.path(contract.name)
        added = delta.write_bucket(path, in_order(whole.select(names)), bucket, dates)
        return [added, *(delta.removals(table, bucket) if meets else ())]

    def _reject(self, rejected: pl.DataFrame) -> None:
        self._rejected.add(
            rejected.select(
                pl.lit(self._batch[:16]).alias("_batch"),
                pl.col(_ROW).cast(pl.Int64),
                *(name for name in REJECTED.names() if name != _ROW),
                bucket_expr(self._n_buckets).fill_null(0),
            )
        )

    def _commit_rejected(self) -> None:
        name = f"quarantine_{self._contract.name}"
        buckets, read = self._rejected.buckets, self._rejected.read
        if not buckets:
            return
        table = self._tables.open_or_create(name, read(buckets[0]).schema)
        if not delta.committed(table, self._batch):
            path = self._tables.path(name)
            delta.commit(table, [delta.write_bucket(path, read(b), b, None) for b in buckets], self._batch)


def _schema(contract: DatasetContract) -> pl.Schema:
    stored = {column.name: DTYPES[column.kind] for column in contract.stored}
    sums = totals.total_types(contract)
    return pl.Schema({"_sp": pl.Binary(), **stored, **sums, "_batch": pl.String(), "_bucket": pl.Int32()})


def _as_rejected(rows: pl.DataFrame, contract: DatasetContract) -> pl.DataFrame:
    column = pl.lit(next(iter(contract.unique_by), ""))
    return rejected(rows.select(_ROW, "_sp", rule=pl.lit("duplicate"), column=column))
