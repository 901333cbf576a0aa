"""Read Parquet files. The file states its types, so a column of a wrong type refuses the whole file.

Text columns are typed field by field like those of a CSV file; integers of any width and dates are taken as
they are. Floats, decimals and timestamps are refused where an integer or a date is declared: rounding would
be a guess.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, Final

import polars as pl

from service.adapters.connectors.rows import fits, type_rows
from service.adapters.connectors.source import check_columns
from service.domain.contracts import DatasetContract
from service.errors import ContractError
from service.ports import Chunk

_ROWS: Final = 250_000  # of a chunk
_ROWS_PER_BYTE: Final = 8
_MAGIC: Final = b"PAR1"


def read_parquet(file: BinaryIO, contract: DatasetContract) -> Iterator[Chunk]:
    """Typed and rejected rows of an open file in chunks. Raises ContractError for the file as a whole."""
    head = file.read(len(_MAGIC))
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - len(_MAGIC), 0))
    if not head == file.read() == _MAGIC:
        raise ContractError("not a Parquet file, or cut short")
    try:
        rows = pl.scan_parquet(f"/dev/fd/{file.fileno()}", glob=False, hive_partitioning=False)  # not by name
        schema, total = rows.collect_schema(), rows.select(pl.len()).collect().item()
        _check(schema, contract)
        if total > _ROWS_PER_BYTE * size:  # rows of different people do not fold so small
            raise ContractError("the file unfolds to too many rows for its size", rows=total, bytes=size)
        texts = [n for n, t in schema.items() if isinstance(t, pl.Categorical | pl.Enum)]
        wanted = rows.select(c.name for c in contract.columns).with_columns(pl.col(texts).cast(pl.String))
        row = 1
        for frame in wanted.collect_batches(chunk_size=_ROWS) if total else [wanted.collect()]:
            yield Chunk(*type_rows(frame.with_row_index("_row", offset=row), contract), row / (total or 1))
            row += frame.height
    except (pl.exceptions.PolarsError, OSError):
        raise ContractError("the Parquet file cannot be read") from None


def _check(schema: pl.Schema, contract: DatasetContract) -> None:
    check_columns(schema.names(), contract)
    for column in contract.columns:
        dtype = schema[column.name]
        text = dtype in {pl.String, pl.Null} or isinstance(dtype, pl.Categorical | pl.Enum)
        if not text and not fits(dtype, column.kind):
            raise ContractError("a column has another type", column=column.name, expected=column.kind)
