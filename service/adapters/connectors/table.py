"""A whole table without a contract: CSV, TSV, Parquet or XLSX in memory, every column as String."""

from __future__ import annotations

import io

import polars as pl

from service.adapters.connectors.xlsx import read_sheet
from service.domain.odcs import MAX_COLUMNS
from service.errors import ContractError


def read_table(data: bytes, suffix: str = ".csv") -> pl.DataFrame:
    """A Parquet or XLSX file by its suffix, else text in UTF-8 or GB 18030.

    Raises:
        ContractError: it is no such file.
    """
    if suffix == ".xlsx":
        frame = read_sheet(data)
    elif suffix == ".parquet":
        frame = _parquet(data)
    else:
        frame = _delimited(data, "\t" if suffix == ".tsv" else ",")
    if not 0 < frame.width <= MAX_COLUMNS:
        raise ContractError("too few or too many columns", limit=MAX_COLUMNS, found=frame.width)
    return frame


def _parquet(data: bytes) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(data)).select(pl.all().cast(pl.String))
    except pl.exceptions.PolarsError:
        raise ContractError("the file is no Parquet file of plain values") from None


def _delimited(data: bytes, separator: str) -> pl.DataFrame:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            raise ContractError("the file is neither UTF-8 nor GB 18030") from None
    try:
        return pl.read_csv(io.StringIO(text), infer_schema=False, separator=separator)
    except pl.exceptions.PolarsError:
        raise ContractError("the file is no CSV with a header and rows of one length") from None
