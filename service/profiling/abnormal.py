"""Abnormal payments: declared rules over monthly statements, each with an id, a limit and a floor.

A flag is a hint for a person, never a decision. Rules compare a month with the customer's own earlier months
and use no value later than the month they judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from service.profiling.features import monthly


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: stable id, ``name@version``.
        limit: the value from which a month is flagged.
        floor_cents: amounts below are too small to matter.
        rising: flagged at or above the limit; else at or below it.
    """

    id: str
    limit: float
    floor_cents: int
    rising: bool = True


PAYMENT_DROP: Final = Rule("payment_drop@1", 0.1, 200_000, rising=False)  # paid / mean of earlier payments
PAYMENT_STOP: Final = Rule("payment_stop@1", 2, 100_000)  # months in a row with a bill due and nothing paid
OVERPAYMENT: Final = Rule(
    "overpayment@1", 2.0, 1_000_000
)  # paid / due, and at least the floor paid in excess
BILL_JUMP: Final = Rule(
    "bill_jump@1", 3.0, 3_000_000
)  # bill / mean of earlier bills, and the floor in growth
OVER_LIMIT: Final = Rule("over_limit@1", 1.1, 0)  # bill / credit limit
STATUS_JUMP: Final = Rule("status_jump@1", 2, 0)  # months overdue, after a month that was not overdue

RULES: Final = (PAYMENT_DROP, PAYMENT_STOP, OVERPAYMENT, BILL_JUMP, OVER_LIMIT, STATUS_JUMP)


def _values() -> Mapping[str, pl.Expr]:
    """Per rule the value of each month; null where the rule does not apply."""
    paid, due, bill = pl.col("paid_cents"), pl.col("due_cents"), pl.col("bill_cents")
    earlier_paid, earlier_bill = pl.col("_earlier_paid"), pl.col("_earlier_bill")
    missed = pl.col("_missed")
    return {
        PAYMENT_DROP.id: pl.when(
            (earlier_paid >= PAYMENT_DROP.floor_cents) & (due >= PAYMENT_DROP.floor_cents)
        ).then(paid / earlier_paid),
        PAYMENT_STOP.id: pl.when(missed).then(
            1 + missed.shift(1, fill_value=False).over("_sp").cast(pl.Float64)
        ),
        OVERPAYMENT.id: pl.when((due > 0) & (paid - due >= OVERPAYMENT.floor_cents)).then(paid / due),
        BILL_JUMP.id: pl.when((earlier_bill > 0) & (bill - earlier_bill >= BILL_JUMP.floor_cents)).then(
            bill / earlier_bill
        ),
        OVER_LIMIT.id: bill / pl.col("limit_cents"),
        STATUS_JUMP.id: pl.when(pl.col("_status_before") <= 0).then(pl.col("pay_status").cast(pl.Float64)),
    }


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
    values = _values()
    parts = []
    for rule in RULES:
        value = values[rule.id].cast(pl.Float64)
        hit = value >= rule.limit if rule.rising else value <= rule.limit
        part = frame.select(
            "_sp", "month", rule=pl.lit(rule.id), value=value, limit=pl.lit(float(rule.limit)), _hit=hit
        )
        parts.append(part.filter(pl.col("_hit")).drop("_hit"))
    return pl.concat(parts).sort("rule", "month", "_sp")


def _with_history(rows: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    limits = customers.select("_sp", pl.col("limit_cents").cast(pl.Int64)).filter(pl.col("limit_cents") > 0)
    nth = pl.int_range(pl.len()).over("_sp")

    def earlier(name: str) -> pl.Expr:
        return pl.when(nth > 0).then((pl.col(name).cum_sum().over("_sp") - pl.col(name)) / nth)

    return (
        rows.join(limits, on="_sp", how="inner")
        .sort("_sp", "month")
        .with_columns(
            _earlier_paid=earlier("paid_cents"),
            _earlier_bill=earlier("bill_cents"),
            _status_before=pl.col("pay_status").shift(1).over("_sp"),
            _missed=(
                (pl.col("due_cents") >= PAYMENT_STOP.floor_cents) & (pl.col("paid_cents") == 0)
            ).fill_null(value=False),
        )
    )


def counts(flags: pl.DataFrame) -> pl.DataFrame:
    """Per rule, in declared order: ``customers`` and ``months`` flagged, zero rows included."""
    found = flags.group_by("rule").agg(customers=pl.col("_sp").n_unique(), months=pl.len())
    declared = pl.DataFrame({"rule": [r.id for r in RULES], "limit": [float(r.limit) for r in RULES]})
    return declared.join(found, on="rule", how="left", maintain_order="left").with_columns(
        pl.col("customers", "months").fill_null(0).cast(pl.Int64)
    )
