"""Tables as CSV (RFC 4180, UTF-8, LF) and as Parquet, raw values, for whoever computes on.

A suppressed cell is ``suppressed`` in the CSV, so that nobody takes it for zero; in Parquet it is null, and
the last column, ``_suppressed``, names the columns that are suppressed in a row: other nulls do not apply.
A text that a spreadsheet would run as a formula gets an apostrophe before it in the CSV.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Final

import polars as pl

from service.reporting.document import Cell, Kind, Table, Text
from service.reporting.words import NOT_APPLICABLE, NUMERIC

SUPPRESSED: Final = "suppressed"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def format_csv(table: Table) -> bytes:
    """One header line of column keys, then all rows."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([c.key for c in table.columns])
    writer.writerows([_plain(cell) for cell in row] for row in table.rows)
    return out.getvalue().encode()


def format_parquet(table: Table) -> bytes:
    """All rows: whole numbers (money in cents) as Int64, others as Float64, days as Date, text in English."""
    columns = {c.key: _series([_value(cell) for cell in table.values(c.key)], c.kind) for c in table.columns}
    hidden = [[key for key, cell in zip(columns, row, strict=True) if cell is None] for row in table.rows]
    out = io.BytesIO()
    frame = pl.DataFrame(columns | {"_suppressed": pl.Series(hidden, dtype=pl.List(pl.String))})
    frame.write_parquet(out, compression="zstd")
    return out.getvalue()


def _series(values: list[int | float | str | date | None], kind: Kind) -> pl.Series:
    if kind in NUMERIC:
        whole = kind != "share" and not any(isinstance(value, float) for value in values)
        return pl.Series(values, dtype=pl.Int64 if whole else pl.Float64)
    return pl.Series(values, dtype=pl.Date if kind == "date" else pl.String)


def _value(cell: Cell) -> int | float | str | date | None:
    value = cell.en if isinstance(cell, Text) else cell
    return None if value == NOT_APPLICABLE else value


def _plain(cell: Cell) -> str:
    if cell is None:
        return SUPPRESSED
    words = str("" if (value := _value(cell)) is None else value)
    return f"'{words}" if isinstance(cell, str | Text) and words.startswith(_FORMULA) else words
