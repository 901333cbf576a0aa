"""Event stores with one seeded bug each. A check that lets one of them through checks nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, write_deltalake

from service.adapters.events import delta, totals
from service.adapters.events.stage import DeltaStage
from service.adapters.events.store import DeltaEventStore
from service.domain.batches import AdmittedBatch
from service.domain.contracts import DatasetContract


class KeepsOldFiles(DeltaEventStore):
    """Rewrites the bucket and calls it erased, without removing the old files."""

    def erase(self, name: str, pseudonyms: Sequence[bytes]) -> int:
        """Erase from the snapshot only."""
        rows = self.scan(name).collect()
        survivors = rows.filter(~pl.col("_sp").is_in(list(pseudonyms)))
        _rewrite(self._tables.open(name), survivors, self.n_buckets)
        return rows.height - survivors.height


class DeletesByPredicate(DeltaEventStore):
    """Erases by DELETE, which writes the pseudonym into the log, then removes old files properly."""

    def erase(self, name: str, pseudonyms: Sequence[bytes]) -> int:
        """Erase by predicate."""
        table = self._tables.open(name)
        for value in pseudonyms:
            table.delete(f"encode(_sp, 'hex') = '{value.hex()}'")
        delta.purge(self._tables.path(name), self._tables.open(name))
        return 0


class VacuumsLightly(DeltaEventStore):
    """Removes only files that the log once named, as a vacuum does by default."""

    def erase(self, name: str, pseudonyms: Sequence[bytes]) -> int:
        """Erase without a full vacuum."""
        survivors = self.scan(name).collect().filter(~pl.col("_sp").is_in(list(pseudonyms)))
        _rewrite(self._tables.open(name), survivors, self.n_buckets)
        self._tables.open(name).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
        return 0


def _rewrite(table: DeltaTable, survivors: pl.DataFrame, n_buckets: int) -> None:
    for bucket in range(n_buckets):
        delta.rewrite(table, survivors.filter(pl.col("_bucket") == bucket), bucket)


def _rows(batch: AdmittedBatch) -> pl.DataFrame:
    rows = batch.frame.select("_sp", "booked_on", "cents", pl.lit(batch.id[:16]).alias("_batch"), "_bucket")
    return totals.with_totals(rows, batch.contract)


def commit(directory: Path, table: DeltaTable, batch: AdmittedBatch) -> None:
    """Write the rows and commit them on this handle, with the app transaction."""
    names = pl.Schema(table.schema().to_arrow()).names()
    parts = _rows(batch).select(names).partition_by("_bucket", as_dict=True)
    actions = [delta.write_bucket(directory, rows, int(key[0]), None) for key, rows in parts.items()]
    delta.commit(table, actions, batch.id)


class ForgetsTheTransaction(DeltaEventStore):
    """Appends without the app transaction."""

    def append(self, batch: AdmittedBatch) -> int:
        """Write, whatever was written before."""
        write_deltalake(self._tables.path("ledger"), _rows(batch), mode="append", partition_by=["_bucket"])
        return 0


class AsksAnotherHandle(DeltaEventStore):
    """Looks for the batch on one handle and writes with a fresh one: two writers at once both succeed."""

    def racing_append(self, first: AdmittedBatch, second: AdmittedBatch) -> None:
        """Both writers ask before either writes."""
        asked = [delta.committed(self._tables.open("ledger"), batch.id) for batch in (first, second)]
        for batch, seen in zip((first, second), asked, strict=True):
            if not seen:
                commit(self._tables.path("ledger"), self._tables.open("ledger"), batch)


class TotalsOfTheBatchOnly(DeltaEventStore):
    """Never rewrites: a month that comes in two batches has totals that are too low."""

    def append(self, batch: AdmittedBatch) -> int:
        """Append only."""
        if not self._tables.exists("ledger"):
            return super().append(batch)
        commit(self._tables.path("ledger"), self._tables.open("ledger"), batch)
        return 0


class StoresWhoIsGone(DeltaEventStore):
    """Commits everybody who was there when the source was read."""

    @contextmanager
    def stage(self, batch_id: str, contract: DatasetContract) -> Iterator[DeltaStage]:
        """A stage that does not ask again."""
        with super().stage(batch_id, contract) as stage:
            commit = stage.commit
            stage.commit = lambda living=None: commit()  # type: ignore[method-assign]  # noqa: ARG005  the seeded bug
            yield stage
