"""Rows of a batch on their way to a commit: in memory while they are few, else on disk in order of bucket.

A commit needs all rows of a bucket at once, a source gives them in its own order. So rows are set aside in
files sorted by bucket and read back one bucket at a time: memory is that of a bucket, not of the source.
What lies here is what the event store will hold, never what came in: pseudonyms, no identifiers.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import polars as pl

from service.adapters.events.lease import locked, writer_lease

IN_MEMORY: Final = 32 * 1024**2  # bytes
_ROWS_PER_GROUP: Final = 16_384  # what is decoded to find a bucket
_FOLDER: Final = "_staging"


class Spill:
    """Rows by ``_bucket``, in the order they were added.

    Args:
        folder: made for this object alone.
        in_memory: bytes that are kept before a file is written.
    """

    def __init__(self, folder: Path, in_memory: int) -> None:
        folder.mkdir()
        self._folder, self._in_memory = folder, in_memory
        self._parts: list[pl.DataFrame] = []
        self._files: list[Path] = []
        self._buckets: set[int] = set()

    def add(self, rows: pl.DataFrame) -> None:
        """Set rows aside. Raises OSError or PolarsError when the disk is full."""
        if rows.is_empty():
            return
        self._parts.append(rows)
        self._buckets.update(rows["_bucket"].unique().to_list())
        if sum(part.estimated_size() for part in self._parts) > self._in_memory:
            self._flush()

    @property
    def buckets(self) -> list[int]:
        """Buckets that have rows, ascending."""
        return sorted(self._buckets)

    def read(self, bucket: int) -> pl.DataFrame:
        """The rows of a bucket."""
        here = pl.col("_bucket") == bucket
        spilled = [pl.scan_parquet(path, glob=False).filter(here).collect() for path in self._files]
        return pl.concat([*spilled, *(part.filter(here) for part in self._parts)])

    def _flush(self) -> None:
        path = self._folder / f"{len(self._files)}.parquet"
        rows = pl.concat(self._parts).sort("_bucket", maintain_order=True)
        rows.write_parquet(path, compression="lz4", row_group_size=_ROWS_PER_GROUP, statistics=True)
        self._files.append(path)
        self._parts.clear()


@contextmanager
def scratch(store: Path) -> Iterator[Path]:
    """A folder of one's own; what killed processes left in theirs is removed on the way in.

    Raises:
        OSError: the disk is full, or not to be written.
    """
    with ExitStack() as stack:
        with writer_lease(store):
            remove_abandoned(store)
            (store / _FOLDER).mkdir(mode=0o700, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=store / _FOLDER))
            stack.enter_context(locked(folder))  # as long as this process lives
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


def remove_abandoned(store: Path) -> None:
    """Remove folders whose process is gone. Hold the writer lease."""
    for folder in list((store / _FOLDER).glob("*")):
        # It is somebody's, or its process has just ended.
        with suppress(BlockingIOError, FileNotFoundError), locked(folder, wait=False):
            shutil.rmtree(folder)
