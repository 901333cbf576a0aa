"""The report's sections about customers: segments, risk, abnormal payments.

Exact figures; small cells are hidden.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import polars as pl

from service.profiling.segments import SEGMENTS
from service.reporting.document import Cell, Figure, Section, Table
from service.reporting.facts import BehaviourFacts
from service.reporting.layout import WORDS, figure, section, table, texts
from service.reporting.suppression import SMALLEST, people, safe_share, suppress
from service.reporting.words import MICRO, NOT_APPLICABLE

Rows = list[tuple[Cell, ...]]
TOTAL: Final = WORDS["total"]


def segmentation(facts: BehaviourFacts) -> Section:
    """Customers by value segment, whether anyone is in it or not, and the total."""
    profiles, titles = facts.profiles, texts("segments")
    groups = {segment: profiles.filter(pl.col("segment") == segment) for segment in SEGMENTS}
    shown = suppress([group.height for group in groups.values()])
    rows: Rows = []
    for (segment, group), count in zip(groups.items(), shown, strict=True):
        if count:
            rows.append((titles[segment], count, count / profiles.height, *_means(group)))
        else:
            rest = None if count is None else NOT_APPLICABLE
            rows.append((titles[segment], count, *(rest,) * 4))
    rows.append((TOTAL, people(profiles.height), 1.0, *_means(profiles)))
    segments = table("segments", rows, facts)
    return section("segmentation", _without_total("fig-segments", segments), segments)


def _means(profiles: pl.DataFrame) -> tuple[Cell, Cell, Cell]:
    if profiles.height < SMALLEST:
        return None, None, None
    means = profiles.select(pl.col("contribution_cents", "util_mean", "pay_ratio").mean()).row(0)
    return round(means[0]), float(means[1]), float(means[2])


def _without_total(name: str, whole: Table) -> Figure:
    return figure(name, replace(whole, rows=whole.rows[:-1], note=None))


def risk(facts: BehaviourFacts) -> Section:
    """Grades, observed default rates, the model behind them, overdue statements by month."""
    grades, months = _grades(facts), _months(facts)
    model = _model(facts)
    return section(
        "risk", _without_total("fig-grades", grades), grades, *model, figure("fig-late", months), months
    )


def _grades(facts: BehaviourFacts) -> Table:
    total = facts.scores.height
    bad, means = pl.col("bad"), pl.col("score", "expected").mean()
    grades = facts.scores.group_by("grade").agg(means, n=pl.len(), known=bad.count(), bad=bad.sum())
    grades = grades.sort("grade")
    rows: Rows = []
    for row, shown in zip(grades.iter_rows(named=True), suppress(grades["n"].to_list()), strict=True):
        if shown is None:
            rows.append((row["grade"], *(None,) * 5))
        else:
            observed = safe_share(int(row["bad"]), int(row["known"]))
            rows.append((row["grade"], shown, shown / total, float(row["score"]), row["expected"], observed))
    rows.append((TOTAL, people(total), 1.0, *(NOT_APPLICABLE,) * 3))
    return table("grades", rows, facts)


def _model(facts: BehaviourFacts) -> tuple[Table, ...]:
    """The model in service, if there is one."""
    model = facts.model
    if model is None:
        return ()
    values = {
        "name": f"{model.name} v{model.version}",
        "digest": model.digest[:39] + "…",
        "people": f"{model.trained_by} / {model.approved_by}",
        "rho": f"{model.rho / MICRO:.4f}",
    } | {key: f"{int(value) / MICRO:.3f}" for key, value in model.training.items() if key.endswith("_ppm")}
    rows = [(title, values[key]) for key, title in texts("model").items() if key in values]
    return (table("model", rows, facts, (f"model:{model.name}@{model.version}",)),)


def _months(facts: BehaviourFacts) -> Table:
    rows: Rows = []
    for row in facts.months.sort("month").iter_rows(named=True):
        share = safe_share(int(row["late"]), int(row["statements"]))
        exact = [int(row[key]) for key in ("statements", "bill_cents", "paid_cents")]
        count, bill, paid = exact if exact[0] >= SMALLEST else (None,) * 3
        rows.append((f"{row['month']:%Y-%m}", count, share, bill, paid))
    return table("months", rows, facts)


def abnormal(facts: BehaviourFacts) -> Section:
    """Flags by rule."""
    titles = texts("rules")
    rows: Rows = []
    for row in facts.flags.iter_rows(named=True):
        shown = people(int(row["customers"]))
        months = None if shown is None else int(row["months"])
        rows.append((row["rule"], titles[row["rule"]], float(row["limit"]), shown, months))
    flags = table("abnormal", rows, facts)
    return section("abnormal", figure("fig-abnormal", flags), flags)
