"""Abnormal payments: declared rules over monthly statements, each with an id, a limit and a floor.

A flag is a hint for a person, never a decision. Rules compare a month with the customer's own earlier months
and use no value later than the month they judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from service.profiling.features import monthly, with_limit

_PAID, _DUE, _BILL = pl.col("paid_cents"), pl.col("due_cents"), pl.col("bill_cents")
_EARLIER_PAID, _EARLIER_BILL = pl.col("_earlier_paid"), pl.col("_earlier_bill")
_STATUS: Final = pl.col("pay_status")
_MISSED: Final = (_DUE.ge(100_000) & (_PAID == 0)).fill_null(value=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: stable id, ``name@version``.
        limit: the value from which a month is flagged.
        value: of a month.
        applies: which months are judged; amounts below a floor, in cents, are too small to matter.
        rising: flagged at or above the limit; else at or below it.
    """

    id: str
    limit: float
    value: pl.Expr
    applies: pl.Expr
    rising: bool = True


RULES: Final = (
    # paid / mean of earlier payments
    Rule(
        "payment_drop@1",
        0.1,
        _PAID / _EARLIER_PAID,
        _EARLIER_PAID.ge(200_000) & _DUE.ge(200_000),
        rising=False,
    ),
    # months in a row with a bill due and nothing paid
    Rule("payment_stop@1", 2, 1 + _MISSED.shift(1, fill_value=False).over("_sp").cast(pl.Float64), _MISSED),
    # paid / due, and at least the floor paid in excess
    Rule("overpayment@1", 2.0, _PAID / _DUE, (_DUE > 0) & (_PAID - _DUE).ge(1_000_000)),
    # bill / mean of earlier bills, and the floor in growth
    Rule(
        "bill_jump@1", 3.0, _BILL / _EARLIER_BILL, (_EARLIER_BILL > 0) & (_BILL - _EARLIER_BILL).ge(3_000_000)
    ),
    # bill / credit limit
    Rule("over_limit@1", 1.1, _BILL / pl.col("limit_cents"), pl.lit(value=True)),
    # months overdue, after a month that was not overdue
    Rule("status_jump@1", 2, _STATUS, _STATUS.shift(1).over("_sp") <= 0),
)


def abnormal(statements: pl.DataFrame, customers: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Every flagged month.

    Args:
        statements: as in ``features.monthly``.
        customers: ``_sp``, ``limit_cents``.
        as_of: last month that may be used.

    Returns:
        ``_sp``, ``month``, ``rule``, ``value`` Float64, ``limit`` Float64; sorted by rule, month, ``_sp``.
    """
    frame = _with_history(monthly(statements, as_of), customers)
    parts = []
    for rule in RULES:
        value, limit = rule.value.cast(pl.Float64), pl.lit(float(rule.limit))
        hit = rule.applies & (value >= limit if rule.rising else value <= limit)
        part = frame.select("_sp", "month", rule=pl.lit(rule.id), value=value, limit=limit, _hit=hit)
        parts.append(part.filter("_hit").drop("_hit"))
    return pl.concat(parts).sort("rule", "month", "_sp")


def _with_history(rows: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    nth = pl.int_range(pl.len()).over("_sp")

    def earlier(name: str) -> pl.Expr:
        return pl.when(nth > 0).then((pl.col(name).cum_sum().over("_sp") - pl.col(name)) / nth)

    return with_limit(rows, customers).with_columns(
        _earlier_paid=earlier("paid_cents"), _earlier_bill=earlier("bill_cents")
    )


def counts(flags: pl.DataFrame) -> pl.DataFrame:
    """Per rule, in declared order: ``customers`` and ``months`` flagged, zero rows included."""
    found = flags.group_by("rule").agg(customers=pl.col("_sp").n_unique(), months=pl.len())
    declared = pl.DataFrame({"rule": [r.id for r in RULES], "limit": [float(r.limit) for r in RULES]})
    return declared.join(found, on="rule", how="left", maintain_order="left").with_columns(
        pl.col("customers", "months").fill_null(0).cast(pl.Int64)
    )
