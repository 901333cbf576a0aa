"""What a customer's statements say about behaviour: one row of features per customer, as of a date.

No value later than the as-of date is used, so a feature computed today for last March equals the one that
was computed last March. Amounts are integer cents; ratios are floats. All arithmetic is columnar.

A payment made in month ``m`` settles the bill of month ``m - 1``; spending is what the bill grew by plus what
was paid. The features:

=================  =======================================================================================
``limit_cents``    credit limit
``months``         statement months seen
``used_months``    of these, with a bill above zero
``bill_cents``     mean bill, cents, credit balances count as 0
``spend_cents``    mean monthly spending, cents: max(0, bill - previous bill + paid), from the second month
``paid_cents``     mean monthly payment, cents
``revolve_cents``  mean balance carried on: max(0, bill of the month before - paid), from the second month
``util_last``      last bill / limit
``util_mean``      mean bill / limit
``util_trend``     mean utilisation of the newer half of the months minus that of the older half
``pay_ratio``      sum of payments / sum of the bills they settle, at most 2; 1 when nothing was due
``last_status``    repayment status of the last month: months overdue; 0 revolving, -1 paid, -2 no use
``worst_status``   highest status seen
``months_late``    months with a status of 1 or more
=================  =======================================================================================
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

MAX_PAY_RATIO: Final = 2.0
LATE: Final = 1  # status: months overdue
#: The words of the statements' contract as numbers; an unknown word is an error, never a guess.
STATUS: Final = {"no_use": -2, "paid": -1, "revolving": 0, **{f"late_{n}": n for n in range(1, 10)}}


def monthly(statements: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Statement rows up to the as-of date, one per customer and month, with what was due and spent.

    Several statements of a customer in a month add up, and the worst status is theirs.

    Args:
        statements: ``_sp``, ``month`` Date, ``bill_cents``, ``paid_cents``, ``pay_status``
            (a word of ``STATUS``).
        as_of: last month that may be used, inclusive.

    Returns:
        Sorted by ``_sp``, ``month``; adds ``due_cents`` (bill of the previous month, at least 0; null in the
        first) and ``spend_cents`` (null in the first).
    """
    owed = pl.col("bill_cents").clip(lower_bound=0)
    return (
        statements.lazy()
        .filter(pl.col("month") <= as_of)
        .select(
            "_sp",
            "month",
            pl.col("bill_cents").cast(pl.Int64),
            pl.col("paid_cents").cast(pl.Int64),
            pay_status=pl.col("pay_status").replace_strict(STATUS, return_dtype=pl.Int32),
        )
        .group_by("_sp", "month")
        .agg(pl.col("bill_cents", "paid_cents").sum(), pl.col("pay_status").max())
        .sort("_sp", "month")
        .with_columns(due_cents=owed.shift(1).over("_sp"), _before=pl.col("bill_cents").shift(1).over("_sp"))
        .with_columns(
            spend_cents=(pl.col("bill_cents") - pl.col("_before") + pl.col("paid_cents")).clip(lower_bound=0)
        )
        .drop("_before")
        .collect()
    )


def features(statements: pl.DataFrame, customers: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """One row of ``FEATURES`` per customer that has a statement and a positive limit.

    Args:
        statements: as in ``monthly``.
        customers: ``_sp``, ``limit_cents``; one row per customer.
        as_of: last month that may be used, inclusive.

    Returns:
        ``_sp`` and ``FEATURES``, sorted by ``_sp``, without nulls.
    """
    rows = with_limit(monthly(statements, as_of), customers)
    return rows.group_by("_sp", maintain_order=True).agg(**_features())


def with_limit(rows: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    """The months of customers with a positive limit, in order, and that limit."""
    limits = customers.select("_sp", pl.col("limit_cents").cast(pl.Int64)).filter(pl.col("limit_cents") > 0)
    return rows.join(limits, on="_sp", how="inner").sort("_sp", "month")


def _features() -> dict[str, pl.Expr]:
    """Each feature over the months of one customer, in order."""
    bill = pl.col("bill_cents").clip(lower_bound=0)
    use = bill / pl.col("limit_cents")
    newer = pl.int_range(pl.len()) >= pl.len() // 2
    due = pl.col("due_cents").sum()
    ratio = pl.col("paid_cents").filter(pl.col("due_cents").is_not_null()).sum() / due
    return {
        "limit_cents": pl.col("limit_cents").first(),
        "months": pl.len().cast(pl.Int32),
        "used_months": (pl.col("bill_cents") > 0).sum().cast(pl.Int32),
        "bill_cents": _mean_cents(bill),
        "spend_cents": _mean_cents(pl.col("spend_cents")),
        "paid_cents": _mean_cents(pl.col("paid_cents")),
        "revolve_cents": _mean_cents((pl.col("due_cents") - pl.col("paid_cents")).clip(lower_bound=0)),
        "util_last": use.last(),
        "util_mean": use.mean(),
        "util_trend": (use.filter(newer).mean() - use.filter(~newer).mean()).fill_null(0.0),
        "pay_ratio": pl.when(due > 0).then(ratio.clip(upper_bound=MAX_PAY_RATIO)).otherwise(1.0),
        "last_status": pl.col("pay_status").last(),
        "worst_status": pl.col("pay_status").max(),
        "months_late": (pl.col("pay_status") >= LATE).sum().cast(pl.Int32),
    }


def _mean_cents(amount: pl.Expr) -> pl.Expr:
    return amount.mean().fill_null(0).round().cast(pl.Int64)


FEATURES: Final = tuple(_features())
