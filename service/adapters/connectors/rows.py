"""Give every field its declared type and hold it against the contract's rules; nothing is dropped.

Rows that fail are set aside with a rule. A row is rejected once, for its first failing column; a text that is
too long for any pattern comes first. The rules of a field, in the order they are tried:

``missing_value``         empty where the contract requires a value
``control_character``     a C0 control (NUL and the like); tab and line end are allowed in free text
``mojibake``              UTF-8 that was read as another encoding before (``mojibake``); never repaired
``unknown_category``      not in the declared key set
``not_an_integer``        not ``-?digits``; no sign ``+``, no decimal point, no leading zero
``integer_out_of_range``  beyond 64 bits
``not_a_date``            not a real ``YYYY-MM-DD``
``not_a_timestamp``       no instant as RFC 3339 writes it: the offset from UTC is never guessed
``below_minimum``, ``above_maximum``, ``too_short``, ``too_long``, ``pattern_mismatch``  the contract's limits
``out_of_order``          of two ordered columns the first is above the second

``lower`` and ``upper`` of a measure are not checked here: they are clipping bounds of a release, not a claim
about the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from service.adapters.connectors.mojibake import MOJIBAKE
from service.domain.batches import DTYPES, REJECTED, rejected
from service.domain.contracts import Column, DatasetContract, Kind, Limits, Role, longest

_CONTROLS: Final = r"[\x00-\x1f\x7f]"
_TEXT_CONTROLS: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_INSTANT: Final = (
    r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
_TYPED: Final = "_typed_"


def type_rows(
    frame: pl.DataFrame, contract: DatasetContract, *rejected: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split rows into typed and rejected ones.

    Args:
        frame: ``_row`` UInt32 and every contract column, as String or already of its type.
        contract: the contract.
        rejected: REJECTED frames of rows that were set aside before.

    Returns:
        Typed frame (``_row``, then the columns in contract order) and a REJECTED frame; heights add up.
    """
    columns = contract.columns
    frame = frame.with_columns(pl.col(c.name).cast(pl.String) for c in columns if c.kind is Kind.STRING)
    frame, huge = split(frame, [(c.name, _huge(c)) for c in columns if _may_be_huge(c, frame[c.name])])
    kinds = frame.schema
    frame = frame.with_columns(_value(c, kinds[c.name]).alias(_TYPED + c.name) for c in columns)
    order = [(below, _out_of_order(above, below)) for above, below in contract.order]
    good, bad = split(frame, [*((c.name, _rule(c, kinds[c.name])) for c in columns), *order])
    typed = good.select("_row", *(pl.col(_TYPED + c.name).alias(c.name) for c in columns))
    return typed, pl.concat([*rejected, huge, bad]).sort("_row")


def fits(dtype: pl.DataType, kind: Kind) -> bool:
    """Whether a column that is no text has the contract's type without any guess or rounding."""
    if kind is Kind.INTEGER:
        return dtype.is_integer()
    if kind is Kind.TIMESTAMP:  # a time without its zone is no instant
        return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    return dtype == DTYPES[kind]


def split(frame: pl.DataFrame, tests: Sequence[tuple[str, pl.Expr]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows for which each test gives null, and a REJECTED frame with the first rule of the others."""
    if not tests:
        return frame, pl.DataFrame(schema=REJECTED)
    rules = frame.select(rule.alias(str(i)) for i, (_, rule) in enumerate(tests))
    names = [pl.when(pl.col(str(i)).is_not_null()).then(pl.lit(name)) for i, (name, _) in enumerate(tests)]
    verdict = rules.select(rule=pl.coalesce(pl.all()), column=pl.coalesce(names)).with_columns(frame["_row"])
    good = frame.filter(verdict["rule"].is_null())
    return good, rejected(verdict.filter(pl.col("rule").is_not_null()))


def _may_be_huge(column: Column, values: pl.Series) -> bool:
    """A glance at byte lengths, so that ordinary columns cost nothing."""
    if values.dtype != pl.String:
        return False
    most = values.str.len_bytes().max()
    return isinstance(most, int) and most > longest(column.role)


def _huge(column: Column) -> pl.Expr:
    return pl.when(pl.col(column.name).str.len_chars() > longest(column.role)).then(pl.lit("too_long"))


def _out_of_order(above: str, below: str) -> pl.Expr:
    return pl.when(pl.col(_TYPED + above) > pl.col(_TYPED + below)).then(pl.lit("out_of_order"))


def _rule(column: Column, dtype: pl.DataType) -> pl.Expr:
    value, typed, text = pl.col(column.name), pl.col(_TYPED + column.name), dtype == pl.String
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
        number = value.str.contains(r"^-?(0|[1-9][0-9]*)$") if text else pl.lit(fits(dtype, column.kind))
        tests += [("not_an_integer", ~number), ("integer_out_of_range", typed.is_null())]
    elif column.kind is not Kind.STRING:
        tests.append((f"not_a_{column.kind}", typed.is_null()))
    tests += _limits(column.limits, typed.dt.date() if column.kind is Kind.TIMESTAMP else typed)
    rules = [pl.when(~missing & wrong).then(pl.lit(rule)) for rule, wrong in tests]
    first = pl.lit("missing_value") if column.required else pl.lit(None, pl.String)
    return pl.coalesce(pl.when(missing).then(first), *rules, pl.lit(None, pl.String))


def _limits(limits: Limits, typed: pl.Expr) -> list[tuple[str, pl.Expr]]:
    length = typed.str.len_chars()
    tests = [
        ("below_minimum", limits.minimum, typed < pl.lit(limits.minimum)),
        ("above_maximum", limits.maximum, typed > pl.lit(limits.maximum)),
        ("too_short", limits.min_length, length < pl.lit(limits.min_length)),
        ("too_long", limits.max_length, length > pl.lit(limits.max_length)),
        ("pattern_mismatch", limits.pattern or None, ~typed.str.contains(limits.pattern)),
    ]
    return [(rule, wrong) for rule, limit, wrong in tests if limit is not None]


def _value(column: Column, dtype: pl.DataType) -> pl.Expr:
    value, target = pl.col(column.name), DTYPES[column.kind]
    if dtype != pl.String:
        return value.cast(target, strict=False) if fits(dtype, column.kind) else pl.lit(None, target)
    if column.kind is Kind.DATE:
        exact = pl.when(value.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")).then(value)
        return exact.str.to_date("%Y-%m-%d", strict=False)
    if column.kind is Kind.TIMESTAMP:
        exact = pl.when(value.str.contains(_INSTANT)).then(value.str.to_uppercase())
        offset = exact.str.replace("Z", "+00:00", literal=True)
        return offset.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", strict=False).cast(target)
    if column.kind is Kind.INTEGER:
        return value.cast(pl.Int64, strict=False)
    return pl.when(value != "").then(value)
