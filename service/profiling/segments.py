"""The value segment of a customer: what the relation contributes, how reliably it is repaid, where it goes.

Three levels are read off the features and the first rule that fits a customer's levels names the segment, so
segments are disjoint and cover all customers by construction.

* contribution, cents a month: 1.25 % of the balance carried on plus 1.5 % of spending (declared margins)
* reliability: ``strained`` when two or more months were late, or the last one is two or more months overdue
* direction: ``up`` when utilisation of the newer half of the months is 5 points above the older half

A segment says how to serve a customer; it never enters a price or a credit decision.  # PIPL 24(1)
"""

from __future__ import annotations

from typing import Final

import polars as pl

REVOLVE_BP: Final = 125  # basis points a month on balances carried on
SPEND_BP: Final = 150  # basis points on spending
LOW_CENTS: Final = 5_000  # contribution a month
HIGH_CENTS: Final = 100_000
LATE_MONTHS: Final = 2
OVERDUE: Final = 2
TREND_UP: Final = 0.05

SEGMENTS: Final = ("high_value", "growing", "steady", "low_activity", "at_risk")


def segments(features: pl.DataFrame) -> pl.DataFrame:
    """Segment every row of ``profiling.features``.

    Returns:
        ``_sp``, ``segment``, ``contribution_cents`` Int64 and the levels ``contribution``, ``reliability``,
        ``direction``; same height and order.
    """
    cents = (REVOLVE_BP * pl.col("revolve_cents") + SPEND_BP * pl.col("spend_cents")) // 10_000
    strained = (pl.col("months_late") >= LATE_MONTHS) | (pl.col("last_status") >= OVERDUE)
    contribution, reliability, direction = pl.col("contribution"), pl.col("reliability"), pl.col("direction")
    return features.select(
        "_sp",
        contribution_cents=cents,
        contribution=pl.when(cents < LOW_CENTS)
        .then(pl.lit("low"))
        .when(cents < HIGH_CENTS)
        .then(pl.lit("middle"))
        .otherwise(pl.lit("high")),
        reliability=pl.when(strained).then(pl.lit("strained")).otherwise(pl.lit("reliable")),
        direction=pl.when(pl.col("util_trend") >= TREND_UP).then(pl.lit("up")).otherwise(pl.lit("flat")),
    ).with_columns(
        segment=pl.when(reliability == "strained")
        .then(pl.lit("at_risk"))
        .when(contribution == "low")
        .then(pl.lit("low_activity"))
        .when(contribution == "high")
        .then(pl.lit("high_value"))
        .when(direction == "up")
        .then(pl.lit("growing"))
        .otherwise(pl.lit("steady"))
    )
