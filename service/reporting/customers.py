"""Rows about customers: segments, risk grades, months, flags. Exact figures; small cells are hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import polars as pl

from service.profiling.segments import SEGMENTS
from service.reporting.document import TOTAL, Cell
from service.reporting.suppression import SMALLEST, people, safe_share, suppress
from service.reporting.words import NOT_APPLICABLE

Row = Mapping[str, Cell]
_MEANS: Final = ("contribution", "utilisation", "pay_ratio")


def segment_rows(profiles: pl.DataFrame) -> Iterator[Row]:
    """Customers by value segment, whether anyone is in it or not, and the total.

    Args:
        profiles: ``segment``, ``contribution_cents``, ``util_mean``, ``pay_ratio`` per customer.
    """
    groups = {segment: profiles.filter(pl.col("segment") == segment) for segment in SEGMENTS}
    shown = suppress([group.height for group in groups.values()])
    for (segment, group), count in zip(groups.items(), shown, strict=True):
        rest: Cell = None if count is None else NOT_APPLICABLE
        means = _means(group) if count else dict.fromkeys(_MEANS, rest)
        yield {
            "segment": segment,
            "customers": count,
            "share": count / profiles.height if count else rest,
        } | means
    yield {"segment": TOTAL, "customers": people(profiles.height), "share": 1.0} | _means(profiles)


def _means(profiles: pl.DataFrame) -> dict[str, Cell]:
    if profiles.height < SMALLEST:
        return dict.fromkeys(_MEANS)
    means = profiles.select(pl.col("contribution_cents", "util_mean", "pay_ratio").mean()).row(0)
    return dict(zip(_MEANS, (round(means[0]), float(means[1]), float(means[2])), strict=True))


def grade_rows(scores: pl.DataFrame) -> Iterator[Row]:
    """Customers by grade with mean score, expected and observed default rate; the total shows no rates.

    Args:
        scores: ``score``, ``grade``, ``expected``, ``bad`` (1, 0, null where unknown) per customer.
    """
    bad, means = pl.col("bad"), pl.col("score", "expected").mean()
    grades = scores.group_by("grade").agg(means, n=pl.len(), known=bad.count(), bad=bad.sum()).sort("grade")
    for row, shown in zip(grades.iter_rows(named=True), suppress(grades["n"].to_list()), strict=True):
        figures: tuple[Cell, ...] = (None,) * 4
        if shown is not None:
            observed = safe_share(int(row["bad"]), int(row["known"]))
            figures = (shown / scores.height, float(row["score"]), row["expected"], observed)
        yield _grade(row["grade"], shown, figures)
    yield _grade(TOTAL, people(scores.height), (1.0, *(NOT_APPLICABLE,) * 3))


def _grade(grade: Cell, customers: int | None, figures: Sequence[Cell]) -> Row:
    names = ("share", "score", "expected", "observed")
    return {"grade": grade, "customers": customers} | dict(zip(names, figures, strict=True))


def month_rows(months: pl.DataFrame) -> Iterator[Row]:
    """Statements by month.

    Args:
        months: ``month``, ``statements``, ``late``, ``bill_cents``, ``paid_cents``, sorted.
    """
    for row in months.iter_rows(named=True):
        large = row["statements"] >= SMALLEST
        yield {
            "month": f"{row['month']:%Y-%m}",
            "late_share": safe_share(int(row["late"]), int(row["statements"])),
            **{key: int(row[key]) if large else None for key in ("statements", "bill_cents", "paid_cents")},
        }


def flag_rows(flags: pl.DataFrame) -> Iterator[Row]:
    """Flags by rule.

    Args:
        flags: ``rule``, ``limit``, ``customers``, ``months`` per rule.
    """
    for row in flags.iter_rows(named=True):
        shown = people(int(row["customers"]))
        rule = {"rule": row["rule"], "meaning": row["rule"], "limit": float(row["limit"])}
        yield rule | {"customers": shown, "months": None if shown is None else int(row["months"])}
