"""Read Parquet files. The file states its types, so a column of a wrong type refuses the whole file.

Text columns are typed field by field like those of a CSV file; integers of any width and dates are taken as
they are. Floats, decimals and timestamps are refused where an integer or a date is declared: rounding would
be a guess.
"""

from __future__ import annotations

import io

import polars as pl

from service.adapters.connectors.rows import type_rows
from service.adapters.connectors.source import check_columns
from service.domain.contracts import DatasetContract, Kind
from service.errors import ContractError


def read_parquet(data: bytes, contract: DatasetContract) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Typed and rejected rows of the file. Raises ContractError for the file as a whole."""
    if not (data.startswith(b"PAR1") and data.endswith(b"PAR1")):
        raise ContractError("not a Parquet file, or cut short")
    try:
        check_columns(list(pl.read_parquet_schema(io.BytesIO(data))), contract)
        frame = pl.read_parquet(io.BytesIO(data), columns=[c.name for c in contract.columns])
    except (pl.exceptions.PolarsError, OSError):
        raise ContractError("the Parquet file cannot be read") from None
    texts = [n for n, t in frame.schema.items() if isinstance(t, pl.Categorical | pl.Enum)]
    frame = frame.with_columns(pl.col(texts).cast(pl.String))
    for column in contract.columns:
        if not _fits(frame.schema[column.name], column.kind):
            raise ContractError("a column has another type", column=column.name, expected=column.kind)
    return type_rows(frame.with_row_index("_row", offset=1), contract)


def _fits(dtype: pl.DataType, kind: Kind) -> bool:
    if dtype in {pl.String, pl.Null}:
        return True
    return dtype.is_integer() if kind is Kind.INTEGER else kind is Kind.DATE and dtype == pl.Date
