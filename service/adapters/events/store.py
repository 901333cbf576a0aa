"""The event store: Delta tables partitioned by pseudonym bucket, written exactly once and erased for good.

``<home>/events/<table>/`` is a Delta table that any engine reads. A dataset's table holds ``_sp``, the
stored columns of its contract, the contribution totals, ``_batch`` and ``_bucket``; rows are sorted by
pseudonym, so the order of the source file is not kept. What was rejected is in ``quarantine_<dataset>``;
what was computed, in ``derived_*``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import polars as pl
from deltalake import DeltaTable

from service.adapters.events import delta, totals
from service.adapters.events.lease import writer_lease
from service.adapters.events.residue import residue
from service.domain.batches import REJECTED, AdmittedBatch
from service.domain.buckets import bucket_expr, bucket_of
from service.domain.contracts import DatasetContract
from service.errors import ConflictError, UnknownError, UsageError

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LAYOUT: Final = "buckets"


class DeltaEventStore:
    """Implements ``service.ports.EventStore`` on a local directory.

    Args:
        directory: created when it is missing.
        n_buckets: a power of two; fixed when the store is created.

    Raises:
        ConflictError: the store was created with another number of buckets.
        StorageError: the directory cannot be used.
    """

    def __init__(self, directory: Path, n_buckets: int) -> None:
        if n_buckets < 1 or n_buckets & (n_buckets - 1):
            raise UsageError("number of buckets must be a power of two", buckets=n_buckets)
        self._directory = directory
        self._n_buckets = n_buckets
        with delta.storage_errors(""):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with writer_lease(directory):
                stored = _layout(directory / _LAYOUT, n_buckets)
        if stored != n_buckets:
            raise ConflictError("event store has another number of buckets", stored=stored, asked=n_buckets)

    @property
    def n_buckets(self) -> int:
        """Number of partitions."""
        return self._n_buckets

    def bucket_of(self, pseudonym: bytes) -> int:
        """The partition of a pseudonym."""
        return bucket_of(pseudonym, self._n_buckets)

    def append(self, batch: AdmittedBatch) -> int:
        """Commit the batch exactly once to its table and its quarantine; return the table's version.

        Quarantine comes first. The two commits are idempotent each, so a failure between them heals when the
        batch is run again; no admitted row is live before its whole batch is.
        """
        name = batch.contract.name
        with self._writing(name):
            self._append_rejected(batch)
            table = self._open_or_create(name, _schema(batch.contract), batch.contract)
            if not delta.committed(table, batch.id):
                self._append_rows(table, batch)
            return table.version()

    def replace(self, name: str, frame: pl.DataFrame) -> int:
        """Write a derived table anew in one commit; ``frame`` has ``_sp`` and ``_bucket``."""
        with self._writing(name):
            table = self._open_or_create(name, frame.schema, None)
            delta.overwrite(table, _in_order(frame))
            return table.version()

    def version(self, name: str) -> int:
        """Table version, -1 when there is no such table."""
        with delta.storage_errors(name):
            return self._open(name).version() if self._exists(name) else -1

    def tables(self) -> tuple[str, ...]:
        """Names of all tables, sorted."""
        with delta.storage_errors(""):
            return tuple(sorted(path.name for path in self._directory.iterdir() if self._exists(path.name)))

    def scan(self, name: str, *, bucket: int | None = None) -> pl.LazyFrame:
        """The rows of the newest snapshot. Raises UnknownError.

        The files are those of this moment. An erasure that ends before ``collect`` has removed some of them:
        the read then fails and is to be repeated.
        """
        if not self._exists(name):
            raise UnknownError("no such table", table=_safe(name))
        with delta.storage_errors(name):
            return delta.scan(self._open(name), None if bucket is None else [bucket])

    def read_subject(self, name: str, pseudonym: bytes) -> pl.DataFrame:
        """One subject's rows; reads one bucket only. Raises UnknownError."""
        rows = self.scan(name, bucket=self.bucket_of(pseudonym))
        with delta.storage_errors(name):
            return rows.filter(pl.col("_sp") == pl.lit(pseudonym)).collect()

    def erase(self, name: str, pseudonyms: Sequence[bytes]) -> int:
        """Rewrite the subjects' buckets without them, then remove every file that is not live.

        Files are removed even when no row is: an aborted write may have left some of theirs. Returns rows
        removed.
        """
        if not self._exists(name):
            raise UnknownError("no such table", table=_safe(name))
        gone = pl.DataFrame({"_sp": list(pseudonyms)}, schema={"_sp": pl.Binary})
        removed = 0
        with self._writing(name):
            for bucket in sorted({self.bucket_of(value) for value in pseudonyms}):
                removed += _erase_bucket(self._open(name), bucket, gone)
            delta.purge(self._path(name), self._open(name))
        return removed

    def residue(self, pseudonyms: Sequence[bytes]) -> tuple[str, ...]:
        """Files below the store that still hold one of the pseudonyms, live or not."""
        with delta.storage_errors(""):
            return residue(self._directory, pseudonyms)

    def _append_rows(self, table: DeltaTable, batch: AdmittedBatch) -> None:
        new = totals.newest(_rows(batch), batch.contract)
        if new.is_empty():
            return
        buckets = new["_bucket"].unique().sort().to_list()
        names = pl.Schema(table.schema().to_arrow()).names()
        stored = delta.scan(table, buckets)
        if totals.meets(new, stored, batch.contract):
            rows = totals.merged(new, stored.collect(), batch.contract)
            delta.rewrite(table, _in_order(rows.select(names)), buckets, batch.id)
        else:
            rows = totals.with_totals(new, batch.contract)
            delta.append(table, _in_order(rows.select(names)), batch.id)

    def _append_rejected(self, batch: AdmittedBatch) -> None:
        if batch.rejected.is_empty():
            return
        rows = batch.rejected.select(
            pl.lit(batch.id[:16]).alias("_batch"),
            pl.col("_row").cast(pl.Int64),
            *(name for name in REJECTED.names() if name != "_row"),
            bucket_expr(self._n_buckets).fill_null(0),
        )
        table = self._open_or_create(f"quarantine_{batch.contract.name}", rows.schema, None)
        if not delta.committed(table, batch.id):
            delta.append(table, rows, batch.id)

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        with delta.storage_errors(_safe(name)), writer_lease(self._directory):
            try:
                yield
            except BaseException:
                self._sweep(name)
                raise

    def _sweep(self, name: str) -> None:
        """Leave no half-written file behind; best effort, the first error is the one to report."""
        for table in (name, f"quarantine_{name}"):
            try:
                if self._exists(table):
                    delta.sweep(self._path(table), self._open(table))
            except Exception:  # noqa: BLE001, S112 - the disk may be full still
                continue

    def _open_or_create(self, name: str, schema: pl.Schema, contract: DatasetContract | None) -> DeltaTable:
        if self._exists(name):
            return self._open(name)
        period = contract.period if contract else None
        return delta.create(self._path(name), schema, period.name if period else None)

    def _open(self, name: str) -> DeltaTable:
        return DeltaTable(self._path(name))

    def _exists(self, name: str) -> bool:
        return bool(_NAME.fullmatch(name)) and delta.exists(self._path(name))

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise UsageError("malformed table name")
        return self._directory / name


def _layout(path: Path, n_buckets: int) -> int:
    """The number of buckets on record; written when the store is new."""
    if not path.exists():
        path.write_text(f"{n_buckets}\n", encoding="ascii")
    text = path.read_text(encoding="ascii").strip()
    return int(text) if text.isdecimal() else 0


def _safe(name: str) -> str:
    return name if _NAME.fullmatch(name) else "malformed"


def _schema(contract: DatasetContract) -> pl.Schema:
    stored = {column.name: totals.dtype(column)() for column in contract.stored}
    sums = {name: pl.Int64() for name in totals.total_names(contract)}
    return pl.Schema({"_sp": pl.Binary(), **stored, **sums, "_batch": pl.String(), "_bucket": pl.Int32()})


def _rows(batch: AdmittedBatch) -> pl.DataFrame:
    """What is stored of the admitted rows: strict types, no row number, no subject number."""
    return batch.frame.select(
        "_sp",
        *(pl.col(column.name).cast(totals.dtype(column)) for column in batch.contract.stored),
        pl.lit(batch.id[:16]).alias("_batch"),
        pl.col("_bucket").cast(pl.Int32),
    )


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    # Eight bytes as one number sort eight times faster than binary, and order the same.
    head = pl.col("_sp").bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big")
    return rows.sort(head, maintain_order=True)


def _erase_bucket(table: DeltaTable, bucket: int, gone: pl.DataFrame) -> int:
    rows = delta.scan(table, [bucket]).collect()
    survivors = rows.join(gone, on="_sp", how="anti", maintain_order="left")  # rows without a pseudonym stay
    if removed := rows.height - survivors.height:
        delta.rewrite(table, survivors, [bucket])
    return removed
