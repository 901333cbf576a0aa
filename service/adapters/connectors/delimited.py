"""Read comma and tab separated files (RFC 4180, with a header line) without losing a row.

A row is a line, or several lines when a quoted field holds line ends. Where quotes do not pair up it cannot
be known which line ends belong to a field, so every line of the doubtful stretch is rejected as
``broken_quotes``, one by one: a row smuggled into a text field never counts as a row. A line with too few
or too many fields is ``wrong_field_count``. Fields are not trimmed and only an empty field is null.
"""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from service.adapters.connectors.encodings import decode_text
from service.adapters.connectors.rows import reject, type_rows
from service.adapters.connectors.source import check_columns, text_lines
from service.domain.contracts import DatasetContract
from service.errors import ContractError

_QUOTE: Final = '"'


def read_delimited(
    data: bytes, contract: DatasetContract, *, separator: str, encoding: str = ""
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Typed and rejected rows of the file. Raises ContractError for the file as a whole."""
    lines = text_lines(decode_text(data, encoding).text)
    columns = _header(lines[0] if lines else "", separator)
    check_columns(columns, contract)
    records = _judge(_records(pl.Series("line", lines[1:], dtype=pl.String)), len(columns), separator)
    records = records.with_columns(_row=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32))
    broken = reject(records.filter(pl.col("rule").is_not_null()).with_columns(column=pl.lit("")))
    whole = records.filter(pl.col("rule").is_null())
    fields = _split(whole["line"], columns, separator).with_columns(whole["_row"])
    typed, rejected = type_rows(fields, contract)
    return typed, pl.concat([broken, rejected]).sort("_row")


def _header(line: str, separator: str) -> list[str]:
    if not line.strip():
        raise ContractError("the file has no header line")
    if _QUOTE not in line:
        return line.split(separator)
    if not pl.Series([line]).str.contains(_record(1, separator, any_number=True)).item():
        raise ContractError("the header line has broken quotes")
    return [str(v) for v in _split(pl.Series([line]), None, separator).row(0)]


def _records(lines: pl.Series) -> pl.DataFrame:
    """One row per record: ``line``, and ``open`` where quotes did not pair up.

    A line with an odd number of quotes opens a stretch that the next such line closes.
    """
    frame = lines.to_frame("line").with_columns(
        odd=pl.col("line").str.count_matches(_QUOTE, literal=True) % 2 == 1
    )
    if not frame["odd"].any():
        return frame.select("line", stretch=pl.lit(None, pl.List(pl.String)))
    frame = frame.with_columns(inside=pl.col("odd").cum_sum() % 2 == 1)
    begins = ~pl.col("inside").shift(1, fill_value=False)
    return (
        frame.with_columns(record=begins.cum_sum())
        .group_by("record", maintain_order=True)
        .agg(pl.col("line").str.join("\n"), stretch=pl.col("line"))
        .select("line", pl.when(pl.col("stretch").list.len() > 1).then("stretch").alias("stretch"))
    )


def _judge(records: pl.DataFrame, n_fields: int, separator: str) -> pl.DataFrame:
    """``line`` and ``rule``; a broken record of several lines falls apart into its lines."""
    line = pl.col("line")
    plain = ~line.str.contains(_QUOTE, literal=True)
    counted = line.str.count_matches(separator, literal=True) == n_fields - 1
    fits = pl.when(plain).then(counted).otherwise(line.str.contains(_record(n_fields, separator)))
    quoted = plain | line.str.contains(_record(n_fields, separator, any_number=True))
    rule = (
        pl.when(fits)
        .then(None)
        .when(quoted)
        .then(pl.lit("wrong_field_count"))
        .otherwise(pl.lit("broken_quotes"))
    )
    judged = records.with_columns(rule=rule.cast(pl.String))
    apart = pl.when(pl.col("rule").is_not_null() & pl.col("stretch").is_not_null())
    return judged.select(
        apart.then("stretch").otherwise(pl.concat_list("line")).alias("line"),
        apart.then(pl.lit("broken_quotes")).otherwise("rule").alias("rule"),
    ).explode("line")


def _record(n_fields: int, separator: str, *, any_number: bool = False) -> str:
    """Regular expression of a record of that many fields, quoted or bare."""
    field = rf'(?:"(?:[^"]|"")*"|[^"\n{separator}]*)'
    count = "*" if any_number else f"{{{n_fields - 1}}}"
    return rf"\A{field}(?:{separator}{field}){count}\z"


def _split(lines: pl.Series, columns: list[str] | None, separator: str) -> pl.DataFrame:
    """The fields of well-formed records, as String."""
    if lines.is_empty():
        return pl.DataFrame(schema=dict.fromkeys(columns or (), pl.String()))
    return pl.read_csv(
        io.BytesIO("\n".join(lines.to_list()).encode()),
        has_header=False,
        new_columns=columns,
        separator=separator,
        quote_char=_QUOTE,
        infer_schema=False,
        raise_if_empty=False,
    )
