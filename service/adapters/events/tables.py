"""The Delta tables of one directory: by name, and one writer at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import polars as pl
from deltalake import DeltaTable

from service.adapters.events import delta
from service.adapters.events.lease import writer_lease
from service.errors import UnknownError, UsageError

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Tables:
    """``<directory>/<name>/`` is the table of that name."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, name: str) -> Path:
        """Where a table is. Raises UsageError for what is no name."""
        if not _NAME.fullmatch(name):
            raise UsageError("malformed table name")
        return self.directory / name

    def exists(self, name: str) -> bool:
        """Whether there is such a table."""
        path = self.directory / name
        return bool(_NAME.fullmatch(name)) and path.is_dir() and DeltaTable.is_deltatable(path)

    def open(self, name: str) -> DeltaTable:
        """A fresh handle: the newest snapshot. Raises UnknownError."""
        if not self.exists(name):
            raise UnknownError("no such table", table=safe_name(name))
        return DeltaTable(self.path(name))

    def open_or_create(self, name: str, schema: pl.Schema, dates: str | None = None) -> DeltaTable:
        """The table, made when it is new; ``dates`` as in ``delta.create``."""
        return self.open(name) if self.exists(name) else delta.create(self.path(name), schema, dates)

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Hold the lease and turn engine errors into ours; a failure leaves no half-written file."""
        with delta.storage_errors(safe_name(name)), writer_lease(self.directory):
            try:
                yield
            except BaseException:
                self._sweep(name)
                raise

    def _sweep(self, name: str) -> None:
        """Best effort: the first error is the one to report."""
        for table in (name, f"quarantine_{name}"):
            with suppress(Exception):  # the disk may be full still
                delta.sweep(self.path(table), self.open(table))


def safe_name(name: str) -> str:
    """The name if it is one: an error shows nothing else."""
    return name if _NAME.fullmatch(name) else "malformed"


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows sorted by pseudonym, each subject's in the order they had."""
    # Eight bytes as one number sort eight times faster than binary, and order the same.
    head = pl.col("_sp").bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big")
    return rows.sort(head, maintain_order=True)
