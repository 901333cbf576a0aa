"""The event store: Delta tables partitioned by pseudonym bucket, written exactly once and erased for good.

``<home>/events/<table>/`` is a Delta table that any engine reads. A dataset's table holds ``_sp``, the
stored columns of its contract, the contribution totals, ``_batch`` and ``_bucket``; rows are sorted by
pseudonym, so the order of the source file is not kept. What was rejected is in ``quarantine_<dataset>``;
what was computed, in ``derived_*``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import polars as pl

from service.adapters.events import delta, totals
from service.adapters.events.lease import writer_lease
from service.adapters.events.residue import residue
from service.adapters.events.spill import IN_MEMORY, remove_abandoned, scratch
from service.adapters.events.stage import DeltaStage
from service.adapters.events.tables import Tables, in_order
from service.domain.batches import AdmittedBatch
from service.domain.buckets import bucket_of
from service.domain.contracts import DatasetContract
from service.errors import ConflictError, UsageError

_LAYOUT: Final = "buckets"


class DeltaEventStore:
    """Implements ``service.ports.EventStore`` on a local directory.

    Args:
        directory: created when it is missing.
        n_buckets: a power of two; fixed when the store is created.
        in_memory: bytes of a batch that are kept in memory before it is set aside on disk.

    Raises:
        ConflictError: the store was created with another number of buckets.
        StorageError: the directory cannot be used.
    """

    def __init__(self, directory: Path, n_buckets: int, *, in_memory: int = IN_MEMORY) -> None:
        if n_buckets < 1 or n_buckets & (n_buckets - 1):
            raise UsageError("number of buckets must be a power of two", buckets=n_buckets)
        self._tables = Tables(directory)
        self._n_buckets, self._in_memory = n_buckets, in_memory
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

    @contextmanager
    def stage(self, batch_id: str, contract: DatasetContract) -> Iterator[DeltaStage]:
        """Begin a batch; what is not committed when the context ends is gone."""
        with ExitStack() as stack:
            with delta.storage_errors(contract.name):
                folder = stack.enter_context(scratch(self._tables.directory))
            yield DeltaStage(
                self._tables, batch_id, contract, folder, n_buckets=self._n_buckets, in_memory=self._in_memory
            )

    def append(self, batch: AdmittedBatch) -> int:
        """Commit a batch of one part; return the table's version."""
        with self.stage(batch.id, batch.contract) as stage:
            stage.add(batch)
            return stage.commit().version

    def replace(self, name: str, frame: pl.DataFrame) -> int:
        """Write a derived table anew in one commit; ``frame`` has ``_sp`` and ``_bucket``."""
        with self._tables.writing(name):
            table = self._tables.open_or_create(name, frame.schema)
            delta.overwrite(table, in_order(frame))
            return table.version()

    def version(self, name: str) -> int:
        """Table version, -1 when there is no such table."""
        with delta.storage_errors(name):
            return self._tables.open(name).version() if self._tables.exists(name) else -1

    def tables(self) -> tuple[str, ...]:
        """Names of all tables, sorted."""
        with delta.storage_errors(""):
            names = (path.name for path in self._tables.directory.iterdir())
            return tuple(sorted(filter(self._tables.exists, names)))

    def scan(self, name: str, *, bucket: int | None = None) -> pl.LazyFrame:
        """The rows of the newest snapshot. Raises UnknownError.

        The files are those of this moment. An erasure that ends before ``collect`` has removed some of them:
        the read then fails and is to be repeated.
        """
        with delta.storage_errors(name):
            return delta.scan(self._tables.open(name), None if bucket is None else [bucket])

    def read_subject(self, name: str, pseudonym: bytes) -> pl.DataFrame:
        """One subject's rows; reads one bucket only. Raises UnknownError."""
        rows = self.scan(name, bucket=self.bucket_of(pseudonym))
        with delta.storage_errors(name):
            return rows.filter(pl.col("_sp") == pl.lit(pseudonym)).collect()

    def erase(self, name: str, pseudonyms: Sequence[bytes]) -> int:
        """Rewrite the subjects' buckets without them, then remove every file that is not live.

        Files are removed even when no row is: an aborted write may have left some of theirs. Returns rows
        removed. Raises UnknownError.
        """
        gone = pl.DataFrame({"_sp": list(pseudonyms)}, schema={"_sp": pl.Binary})
        with self._tables.writing(name):
            return self._rewrite(
                name,
                {self.bucket_of(value) for value in pseudonyms},
                # rows without a pseudonym stay
                lambda rows: rows.join(gone, on="_sp", how="anti", maintain_order="left"),
            )

    def expire(
        self, name: str, keep: pl.Expr, contract: DatasetContract | None = None, *, dry_run: bool = False
    ) -> int:
        """Remove, as ``erase`` does, the rows of which ``keep`` does not hold (null is no), or count them.

        With a contract the totals of those that stay are set anew. Raises UnknownError.
        """

        def survivors(rows: pl.DataFrame) -> pl.DataFrame:
            kept = rows.filter(keep)
            return totals.with_totals(kept, contract) if contract else kept

        with self._tables.writing(name):
            over = delta.scan(self._tables.open(name)).filter(~keep.fill_null(value=False))
            buckets = over.group_by("_bucket").len().collect()
            if not dry_run:
                self._rewrite(name, buckets["_bucket"], survivors)
        return int(buckets["len"].sum())

    def _rewrite(
        self, name: str, buckets: Iterable[int], survivors: Callable[[pl.DataFrame], pl.DataFrame]
    ) -> int:
        """Rewrite one bucket after the other, then purge; returns rows removed. Hold the lease."""
        removed = 0
        remove_abandoned(self._tables.directory)
        for bucket in sorted(buckets):
            table = self._tables.open(name)
            rows = delta.scan(table, [bucket]).collect()
            kept = survivors(rows)
            if rows.height > kept.height:
                delta.rewrite(table, kept, bucket)
                removed += rows.height - kept.height
        delta.purge(self._tables.path(name), self._tables.open(name))
        return removed

    def residue(self, pseudonyms: Sequence[bytes]) -> tuple[str, ...]:
        """Files below the store that still hold one of the pseudonyms, live or not."""
        with delta.storage_errors(""):
            return residue(self._tables.directory, pseudonyms)


def _layout(path: Path, n_buckets: int) -> int:
    """The number of buckets on record; written when the store is new."""
    if not path.exists():
        path.write_text(f"{n_buckets}\n", encoding="ascii")
    text = path.read_text(encoding="ascii").strip()
    return int(text) if text.isdecimal() else 0
