"""Rows about customers: segments, risk grades, months, flags. Exact figures; small cells are hidden."""

from __future__ import annotations

import polars as pl

from service.profiling.segments import SEGMENTS
from service.reporting.document import TOTAL, Cell, Rows, Text, named
from service.reporting.suppression import SMALLEST, people, safe_share, suppress
from service.reporting.words import NOT_APPLICABLE


def segment_rows(profiles: pl.DataFrame) -> Rows:
    """Customers by value segment, whether anyone is in it or not, and the total.

    Args:
        profiles: ``segment``, ``contribution_cents``, ``util_mean``, ``pay_ratio`` per customer.
    """
    groups = [profiles.filter(pl.col("segment") == segment) for segment in SEGMENTS]
    shown = suppress([group.height for group in groups])
    parts: list[tuple[str | Text, pl.DataFrame, int | None]]
    parts = [*zip(SEGMENTS, groups, shown, strict=True), (TOTAL, profiles, people(profiles.height))]
    rows = [(name, count, *_means(group, count, profiles.height)) for name, group, count in parts]
    return named("segment customers share contribution utilisation pay_ratio", rows)


def _means(group: pl.DataFrame, count: int | None, whole: int) -> tuple[Cell, ...]:
    if not count:
        return (None if count is None else NOT_APPLICABLE,) * 4
    cents, use, paid = group.select(pl.col("contribution_cents", "util_mean", "pay_ratio").mean()).row(0)
    return count / whole, round(cents), float(use), float(paid)


def grade_rows(scores: pl.DataFrame) -> Rows:
    """Customers by grade with mean score, expected and observed default rate; the total shows no rates.

    Args:
        scores: ``score``, ``grade``, ``expected``, ``bad`` (1, 0, null where unknown) per customer.
    """
    bad, means = pl.col("bad"), pl.col("score", "expected").mean()
    known = bad.count().alias("known")
    grades = scores.group_by("grade").agg(means, known, bad.sum(), n=pl.len()).sort("grade")
    rows: list[tuple[Cell, ...]] = []
    for row, shown in zip(grades.rows(), suppress(grades["n"].to_list()), strict=True):
        grade, score, expected, told, late, n = row
        rates = (n / scores.height, float(score), expected, safe_share(late, told))
        rows.append((grade, shown, *(rates if shown else (None,) * 4)))
    rows.append((TOTAL, people(scores.height), 1.0, *(NOT_APPLICABLE,) * 3))
    return named("grade customers share score expected observed", rows)


def group_rows(groups: pl.DataFrame) -> Rows:
    """Share of favourable outcomes by group, its difference and ratio to the group that fares best.

    A rate is hidden where the group, those favoured or those not are few; one rate is never hidden alone.

    Args:
        groups: ``group`` and ``good`` (whether the outcome was favourable) per customer.
    """
    found = groups.group_by("group").agg(pl.len(), pl.col("good").sum()).sort("group").rows()
    counts = suppress([n for _, n, _ in found])
    few = suppress([min(k, n - k) if count else 1 for (_, n, k), count in zip(found, counts, strict=True)])
    rates = [None if hidden is None else k / n for (_, n, k), hidden in zip(found, few, strict=True)]
    best = max((rate for rate in rates if rate is not None), default=0.0)
    parts = zip(found, counts, rates, strict=True)
    rows = [(group, count, rate, *_against(best, rate)) for (group, _, _), count, rate in parts]
    return named("group customers rate difference ratio", rows)


def _against(best: float, rate: float | None) -> tuple[Cell, Cell]:
    if rate is None:
        return None, None
    return rate - best, rate / best if best else NOT_APPLICABLE


def month_rows(months: pl.DataFrame) -> Rows:
    """Statements by month.

    Args:
        months: ``month``, ``statements``, ``late``, ``bill_cents``, ``paid_cents``, sorted.
    """
    found = months.select("month", "late", "statements", "bill_cents", "paid_cents").iter_rows()
    columns = "month late_share statements bill_cents paid_cents"
    return named(columns, [(f"{month:%Y-%m}", *_month(*counts)) for month, *counts in found])


def _month(late: int, statements: int, *amounts: int) -> tuple[Cell, ...]:
    shown = (statements, *amounts) if statements >= SMALLEST else (None,) * 3
    return safe_share(late, statements), *shown


def flag_rows(flags: pl.DataFrame) -> Rows:
    """Flags by rule.

    Args:
        flags: ``rule``, ``limit``, ``customers``, ``months`` per rule.
    """
    found = flags.select("rule", "limit", "customers", "months").iter_rows()
    rows = [
        (rule, rule, limit, people(n), months if people(n) == n else None) for rule, limit, n, months in found
    ]
    return named("rule meaning limit customers months", rows)
