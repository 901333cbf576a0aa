"""Event stores with one seeded bug each. A check that lets one of them through checks nothing."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from deltalake import DeltaTable, write_deltalake

from service.adapters.events import delta, totals
from service.adapters.events.store import DeltaEventStore
from service.domain.batches import AdmittedBatch


class KeepsOldFiles(DeltaEventStore):
    """Rewrites the bucket and calls it erased, without removing the old files."""

    def erase(self, name: str, pseudonyms: Sequence[bytes]) -> int:
        """Erase from the snapshot only."""
        rows = self.scan(name).collect()
        survivors = rows.filter(~pl.col("_sp").is_in(list(pseudonyms)))
        delta.rewrite(self._open(name), survivors, range(self.n_buckets))
        return rows.height - survivors.height


class DeletesByPredicate(DeltaEventStore):
    """Erases by DELETE, which writes the pseudonym into the log, then removes old files properly."""

    def erase(self, name: str, pseudonyms: Sequence[bytes]) -> int:
        """Erase by predicate."""
        table = self._open(name)
        for value in pseudonyms:
            table.delete(f"encode(_sp, 'hex') = '{value.hex()}'")
        delta.purge(self._path(name), self._open(name))
        return 0


class VacuumsLightly(DeltaEventStore):
    """Removes only files that the log once named, as a vacuum does by default."""

    def erase(self, name: str, pseudonyms: Sequence[bytes]) -> int:
        """Erase without a full vacuum."""
        survivors = self.scan(name).collect().filter(~pl.col("_sp").is_in(list(pseudonyms)))
        delta.rewrite(self._open(name), survivors, range(self.n_buckets))
        self._open(name).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
        return 0


class ForgetsTheTransaction(DeltaEventStore):
    """Appends without the app transaction."""

    def _append_rows(self, table: DeltaTable, batch: AdmittedBatch) -> None:
        rows = totals.with_totals(self._rows_of(batch), batch.contract)
        write_deltalake(table, rows, mode="append")

    def _rows_of(self, batch: AdmittedBatch) -> pl.DataFrame:
        return batch.frame.select(
            "_sp", "booked_on", "cents", pl.lit(batch.id[:16]).alias("_batch"), "_bucket"
        )


class AsksAnotherHandle(DeltaEventStore):
    """Looks for the batch on one handle and writes with a fresh one: two writers at once both succeed."""

    def racing_append(self, first: AdmittedBatch, second: AdmittedBatch) -> None:
        """Both writers ask before either writes."""
        asked = [delta.committed(self._open("ledger"), batch.id) for batch in (first, second)]
        for batch, seen in zip((first, second), asked, strict=True):
            if not seen:
                self._append_rows(self._open("ledger"), batch)


class TotalsOfTheBatchOnly(DeltaEventStore):
    """Never rewrites: a month that comes in two batches has totals that are too low."""

    def _append_rows(self, table: DeltaTable, batch: AdmittedBatch) -> None:
        rows = batch.frame.select(
            "_sp", "booked_on", "cents", pl.lit(batch.id[:16]).alias("_batch"), "_bucket"
        )
        delta.append(table, totals.with_totals(rows, batch.contract), batch.id)
