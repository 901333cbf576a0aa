"""One Delta table on disk: create, commit once, rewrite buckets, read a snapshot, purge.

Three rules, each measured:

* The pseudonym is never in the log. Statistics are kept for the period column only, and rows are removed by
  overwriting their bucket, because a ``DELETE`` writes its predicate, the pseudonym, into the log for good.
* An app transaction (batch id, 1) makes a commit exactly-once only when the handle that was asked for it is
  the handle that writes; the same transaction on a fresh handle is accepted twice.
* ``vacuum`` needs ``full=True`` to see what a killed writer left behind, and even then does not list the
  files a local object store was still staging (``name#1``), so the rest is swept by name.

Errors of the engine quote rows. They are never chained: only the class name goes on.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from service.errors import StorageError

_LOG: Final = "_delta_log"
_PARTITION: Final = "_bucket"
_LEVEL: Final = 1  # of zstd
_FAILURES: Final = (DeltaError, OSError, pl.exceptions.PolarsError)
_WRITER: Final = WriterProperties(compression="ZSTD")


@contextmanager
def storage_errors(table: str) -> Iterator[None]:
    """Turn every failure of disk or engine into StorageError, without the engine's text."""
    try:
        yield
    except BaseException as error:
        why = type(error).__name__
        # The engine's own class; it panics on a full disk.
        if not isinstance(error, _FAILURES) and why != "PanicException":
            raise
    else:
        return
    raise StorageError("event store cannot be used; the state before the call holds", table=table, why=why)


def create(path: Path, schema: pl.Schema, statistics: str | None) -> DeltaTable:
    """An empty table partitioned by bucket; the log may show the range of the ``statistics`` column only."""
    keep = (
        {"delta.dataSkippingStatsColumns": statistics}
        if statistics
        else {"delta.dataSkippingNumIndexedCols": "0"}
    )
    return DeltaTable.create(
        path,
        schema=schema,
        partition_by=[_PARTITION],
        configuration={**keep, "delta.enableDeletionVectors": "false"},
    )


def committed(table: DeltaTable, batch_id: str) -> bool:
    """Whether this handle's snapshot holds the batch already."""
    return table.transaction_version(batch_id) is not None


def write_bucket(directory: Path, rows: pl.DataFrame, bucket: int, dates: str | None) -> AddAction:
    """Write rows as one file of a bucket of the table; it is live once its action is committed.

    ``dates`` names the column whose range the log may show.
    """
    path = f"{_PARTITION}={bucket}/part-{uuid.uuid4()}.zstd.parquet"
    file = directory / path
    file.parent.mkdir(exist_ok=True)
    rows.drop(_PARTITION).write_parquet(file, compression="zstd", compression_level=_LEVEL, statistics=False)
    stats: dict[str, object] = {"numRecords": rows.height}
    if dates:
        days = rows[dates]
        if days.null_count() < len(days):
            stats |= {"minValues": {dates: str(days.min())}, "maxValues": {dates: str(days.max())}}
        stats["nullCount"] = {dates: days.null_count()}
    size, at = file.stat().st_size, int(file.stat().st_mtime * 1000)
    return AddAction(path, size, {_PARTITION: str(bucket)}, at, data_change=True, stats=json.dumps(stats))


def removals(table: DeltaTable, bucket: int) -> list[RemoveAction]:
    """Actions that take all files of a bucket out of the table."""
    files = pl.DataFrame(table.get_add_actions(flatten=True))
    mine = files.filter(pl.col(f"partition.{_PARTITION}") == bucket).select(
        "path", "size_bytes", "modification_time"
    )
    value: dict[str, str | None] = {_PARTITION: str(bucket)}
    return [RemoveAction(path, True, at, size, value) for path, size, at in mine.iter_rows()]  # noqa: FBT003  positional only


def commit(
    table: DeltaTable,
    actions: Sequence[AddAction | RemoveAction],
    batch_id: str,
    facts: Mapping[str, int] | None = None,
) -> None:
    """One commit of all actions that carries the app transaction; ``facts`` are kept in it."""
    properties = CommitProperties(
        custom_metadata={"batch": batch_id, "counts": dict(facts or {})},
        max_commit_retries=0,
        app_transactions=[Transaction(batch_id, 1)],
    )
    table.create_write_transaction(
        list(actions), "append", table.schema(), [_PARTITION], commit_properties=properties
    )
    table.update_incremental()


def counts_of(table: DeltaTable, batch_id: str) -> Mapping[str, int]:
    """The facts that were committed with a batch; empty when its log entry has expired."""
    found = (entry["counts"] for entry in table.history() if entry.get("batch") == batch_id)
    return next(found, {})


def rewrite(table: DeltaTable, frame: pl.DataFrame, bucket: int) -> None:
    """Put ``frame`` in the place of everything in a bucket, in one commit; an empty frame empties it."""
    only = f"{_PARTITION} = {int(bucket)}"
    write_deltalake(table, frame, mode="overwrite", predicate=only, writer_properties=_WRITER)


def overwrite(table: DeltaTable, frame: pl.DataFrame) -> None:
    """Put ``frame``, with its schema, in the place of the whole table."""
    write_deltalake(table, frame, mode="overwrite", schema_mode="overwrite", writer_properties=_WRITER)


def scan(table: DeltaTable, buckets: Sequence[int] | None = None) -> pl.LazyFrame:
    """The rows of this handle's snapshot, columns in table order; files of other buckets are not opened."""
    wanted = None if buckets is None else [(_PARTITION, "in", [int(bucket) for bucket in buckets])]
    files = [] if wanted and not buckets else table.file_uris(file_pruning_predicate=wanted)
    schema = pl.Schema(table.schema().to_arrow())
    if not files:
        return pl.LazyFrame(schema=schema)
    rows = pl.scan_parquet(files, hive_partitioning=True, hive_schema={_PARTITION: pl.Int32}, glob=False)
    return rows.select(schema.names())


def purge(path: Path, table: DeltaTable) -> None:
    """Remove every file that the newest snapshot does not name. Hold the writer lease."""
    # A vacuum is two commits and also lists what is gone since long: run it only when there is something to
    # remove, because versions name data.
    if any((path / name).exists() for name in _vacuum(table, dry_run=True)):
        _vacuum(table, dry_run=False)
    sweep(path, table)


def sweep(path: Path, table: DeltaTable) -> None:
    """Unlink stray files by name; needs no space on the disk, so it works after a failed write too."""
    live = {Path(uri).name for uri in table.file_uris()}  # names hold a UUID
    strays = [entry for entry in path.rglob("*") if entry.is_file() and _is_stray(entry, path, live)]
    for entry in strays:
        entry.unlink(missing_ok=True)


def _vacuum(table: DeltaTable, *, dry_run: bool) -> list[str]:
    return table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=dry_run, full=True)


def _is_stray(entry: Path, path: Path, live: set[str]) -> bool:
    if entry.relative_to(path).parts[0] == _LOG:
        return entry.suffix not in {".json", ".parquet", ".crc"} and entry.name != "_last_checkpoint"
    return entry.name not in live
