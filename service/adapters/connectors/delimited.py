"""Read comma and tab separated files (RFC 4180, with a header line) without losing a row.

A row is a line, or several lines when a quoted field holds line ends. Where quotes do not pair up it cannot
be known which line ends belong to a field, so every line of the doubtful stretch is rejected as
``broken_quotes``, one by one: a row smuggled into a text field never counts as a row. A line with too few
or too many fields is ``wrong_field_count``. Fields are not trimmed and only an empty field is null.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Final

import polars as pl

from service.adapters.connectors.rows import type_rows
from service.adapters.connectors.source import BLOCK, check_columns, line_blocks
from service.domain.batches import rejected
from service.domain.contracts import DatasetContract
from service.errors import ContractError

_QUOTE: Final = '"'


Frames = tuple[pl.DataFrame, pl.DataFrame]


def read_delimited(texts: Iterable[str], contract: DatasetContract, *, separator: str) -> Iterator[Frames]:
    """Typed and rejected rows of the text, block by block. Raises ContractError for the file as a whole."""
    columns: list[str] = []
    row = 1
    for block in _closed(line_blocks(texts)):
        lines = block if columns else block[1:]
        if not columns:
            columns = _header(block[0], separator)
            check_columns(columns, contract)
        records = _judge(_records(pl.Series("line", lines, dtype=pl.String)), len(columns), separator)
        records = records.with_columns(_row=pl.int_range(row, row + pl.len(), dtype=pl.UInt32))
        row += records.height
        broken = records.filter(pl.col("rule").is_not_null()).with_columns(column=pl.lit(""))
        whole = records.filter(pl.col("rule").is_null())
        fields = _split(whole["line"], columns, separator).with_columns(whole["_row"])
        yield type_rows(fields, contract, rejected(broken))
    if not columns:
        raise ContractError("the file has no header line")


def _closed(blocks: Iterable[list[str]]) -> Iterator[list[str]]:
    """The lines in lists that never end inside a stretch of open quotes.

    Raises:
        ContractError: a stretch is longer than a block. No record is, so a quote is missing: in a short file
            its lines are rejected one by one, in a long one the file is refused before they fill the memory.
    """
    rest: list[str] = []
    for block in blocks:
        lines = rest + block
        cut = len(lines)
        if sum(line.count(_QUOTE) for line in lines) % 2:
            cut = next(n for n in reversed(range(len(lines))) if lines[n].count(_QUOTE) % 2)
        rest = lines[cut:]
        if sum(map(len, rest)) > BLOCK:
            raise ContractError("quotes do not pair up: a quote is missing somewhere", lines=len(rest))
        if cut:
            yield lines[:cut]
    if rest:
        yield rest


def _header(line: str, separator: str) -> list[str]:
    if not line.strip():
        raise ContractError("the file has no header line")
    if _QUOTE not in line:
        return line.split(separator)
    if not pl.Series([line]).str.contains(_record(1, separator, any_number=True)).item():
        raise ContractError("the header line has broken quotes")
    return [str(v) for v in _split(pl.Series([line]), None, separator).row(0)]


def _records(lines: pl.Series) -> pl.Series:
    """The records; a line with an odd number of quotes opens a stretch that the next such line closes."""
    odd = lines.str.count_matches(_QUOTE, literal=True) % 2 == 1
    if not odd.any():
        return lines
    begins = ~(odd.cum_sum() % 2 == 1).shift(1, fill_value=False)
    joined = pl.col("line").str.join("\n")
    return (
        pl.DataFrame([lines, begins.cum_sum().alias("record")])
        .group_by("record", maintain_order=True)
        .agg(joined)["line"]
    )


def _judge(records: pl.Series, n_fields: int, separator: str) -> pl.DataFrame:
    """``line`` and ``rule``; a broken record of several lines falls apart into its lines."""
    line = pl.col("line")
    plain = ~line.str.contains(_QUOTE, literal=True)
    counted = line.str.count_matches(separator, literal=True) == n_fields - 1
    fits = pl.when(plain).then(counted).otherwise(line.str.contains(_record(n_fields, separator)))
    quoted = plain | line.str.contains(_record(n_fields, separator, any_number=True))
    count = quoted & ~line.str.contains("\n", literal=True)
    wrong = pl.when(count).then(pl.lit("wrong_field_count")).otherwise(pl.lit("broken_quotes"))
    judged = records.to_frame().with_columns(rule=pl.when(~fits).then(wrong))
    if judged["rule"].null_count() == judged.height:
        return judged
    apart = pl.when(pl.col("rule").is_null()).then(pl.concat_list("line")).otherwise(line.str.split("\n"))
    return judged.with_columns(apart).explode("line")


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
