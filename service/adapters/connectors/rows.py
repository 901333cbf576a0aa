"""Give every field its declared type; rows that cannot are set aside with a rule, never dropped.

Rules, in the order they are tried on a field; a row is rejected once, for its first failing column:

``missing_value``         empty where the contract requires a value
``control_character``     a C0 control (NUL and the like); tab and line end are allowed in free text
``mojibake``              UTF-8 that was read as another encoding before (``mojibake``); never repaired
``unknown_category``      not in the declared key set
``not_an_integer``        not ``-?digits``; no sign ``+``, no decimal point, no leading zero
``integer_out_of_range``  beyond 64 bits
``not_a_date``            not a real ``YYYY-MM-DD``

Bounds of a measure are not checked here: they are clipping bounds of a release, not a claim about the data.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from service.adapters.connectors.mojibake import MOJIBAKE
from service.domain.batches import REJECTED
from service.domain.contracts import Column, DatasetContract, Kind, Role

_TYPES: Final = {Kind.STRING: pl.String(), Kind.INTEGER: pl.Int64(), Kind.DATE: pl.Date()}
_CONTROLS: Final = r"[\x00-\x1f\x7f]"
_TEXT_CONTROLS: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"


def type_rows(frame: pl.DataFrame, contract: DatasetContract) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split rows into typed and rejected ones.

    Args:
        frame: ``_row`` UInt32 and every contract column, as String or already of its type.
        contract: the contract.

    Returns:
        Typed frame (``_row``, then the columns in contract order) and a REJECTED frame; heights add up.
    """
    rules = frame.select(_rule(c, frame.schema[c.name]).alias(c.name) for c in contract.columns)
    names = [pl.when(pl.col(n).is_not_null()).then(pl.lit(n)) for n in rules.columns]
    verdict = rules.select(rule=pl.coalesce(pl.all()), column=pl.coalesce(names)).with_columns(frame["_row"])
    good = frame.filter(verdict["rule"].is_null())
    typed = good.select("_row", *(_value(c, frame.schema[c.name]).alias(c.name) for c in contract.columns))
    return typed, reject(verdict.filter(pl.col("rule").is_not_null()))


def reject(rows: pl.DataFrame) -> pl.DataFrame:
    """A REJECTED frame from ``_row``, ``rule`` and ``column``; nothing is known of the subject yet."""
    return rows.select(
        "_row", "rule", "column", _sp=pl.lit(None, pl.Binary), row_tag=pl.lit("", pl.String)
    ).cast(REJECTED)


def _rule(column: Column, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(column.name)
    typed, text = _value(column, dtype), dtype == pl.String
    missing = value.is_null() | (value == "") if text else value.is_null()
    controls = _TEXT_CONTROLS if column.role is Role.FREE_TEXT else _CONTROLS
    tests: list[tuple[str, pl.Expr]] = []
    if text:
        tests.append(("control_character", value.str.contains(controls)))
        if column.kind is Kind.STRING and not column.keys:
            tests.append(("mojibake", value.str.contains(MOJIBAKE)))
    if column.keys:
        tests.append(("unknown_category", ~value.is_in(list(column.keys))))
    if column.kind is Kind.INTEGER:
        if text:
            tests.append(("not_an_integer", ~value.str.contains(r"^-?(0|[1-9][0-9]*)$")))
        tests.append(("integer_out_of_range", typed.is_null()))
    if column.kind is Kind.DATE:
        tests.append(("not_a_date", typed.is_null()))
    rules = [pl.when(~missing & wrong).then(pl.lit(rule)) for rule, wrong in tests]
    first = pl.lit("missing_value") if column.required else pl.lit(None, pl.String)
    return pl.coalesce(pl.when(missing).then(first), *rules, pl.lit(None, pl.String))


def _value(column: Column, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(column.name)
    if dtype != pl.String:
        return value.cast(_TYPES[column.kind], strict=False)
    if column.kind is Kind.DATE:
        exact = pl.when(value.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")).then(value)
        return exact.str.to_date("%Y-%m-%d", strict=False)
    if column.kind is Kind.INTEGER:
        return value.cast(pl.Int64, strict=False)
    return pl.when(value != "").then(value)
