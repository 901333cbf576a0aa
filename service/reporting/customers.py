"""The report's sections about customers: segments, risk, abnormal payments.

Exact figures; small cells are hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from service.profiling.segments import SEGMENTS
from service.reporting import prose
from service.reporting.document import Cell, Column, Figure, Section, Source, Table, Text
from service.reporting.facts import BehaviourFacts, month_label
from service.reporting.render import TOTAL
from service.reporting.suppression import SMALLEST, people, safe_share, suppress
from service.reporting.words import NOT_APPLICABLE

SEGMENT_TITLES: Final[Mapping[str, Text]] = {
    "high_value": Text("高价值", "High value"),
    "growing": Text("成长型", "Growing"),
    "steady": Text("稳定型", "Steady"),
    "low_activity": Text("低活跃", "Low activity"),
    "at_risk": Text("风险关注", "At risk"),
}
RULE_TITLES: Final[Mapping[str, Text]] = {
    "payment_drop@1": Text("还款骤降（占此前均值）", "Payment drop (share of earlier mean)"),
    "payment_stop@1": Text("连续未还款（月）", "Payments stopped (months in a row)"),
    "overpayment@1": Text("超额还款（占应还）", "Overpayment (multiple of amount due)"),
    "bill_jump@1": Text("账单激增（占此前均值）", "Bill jump (multiple of earlier mean)"),
    "over_limit@1": Text("超出授信额度（占额度）", "Over limit (multiple of limit)"),
    "status_jump@1": Text("逾期骤增（月）", "Sudden delinquency (months overdue)"),
}
CUSTOMERS: Final = Column("customers", Text("客户数", "Customers"), "count")
SHARE: Final = Column("share", Text("占比", "Share"), "share")


def segmentation(facts: BehaviourFacts) -> Section:
    """Customers by value segment."""
    table = Table(
        id="segments",
        title=Text("客户价值分层", "Customers by value segment"),
        source=Source("segments.by_band@1", facts.inputs("derived_profile")),
        columns=(
            Column("segment", Text("分层", "Segment"), "text"),
            CUSTOMERS,
            SHARE,
            Column("contribution", Text("月均贡献", "Contribution / month"), "money"),
            Column("utilisation", Text("额度使用率", "Mean utilisation"), "share"),
            Column("pay_ratio", Text("还款率", "Payment ratio"), "share"),
        ),
        rows=_segment_rows(facts.profiles),
        note=prose.MARGINS,
    )
    title = Text("各分层客户数", "Customers per segment")
    figure = Figure("fig-segments", title, "bar", _without_total(table), "segment", ("customers",))
    return Section(
        id="segmentation",
        title=Text("客户分层", "Customer segmentation"),
        paragraphs=(prose.SEGMENTS,),
        items=(figure, table),
    )


def _segment_rows(profiles: pl.DataFrame) -> tuple[tuple[Cell, ...], ...]:
    """One row per segment, whether anyone is in it or not, and the total."""
    groups = {segment: profiles.filter(pl.col("segment") == segment) for segment in SEGMENTS}
    shown = suppress([group.height for group in groups.values()])
    rows: list[tuple[Cell, ...]] = []
    for (segment, group), count in zip(groups.items(), shown, strict=True):
        if count:
            rows.append((SEGMENT_TITLES[segment], count, count / profiles.height, *_means(group)))
        else:
            rest = None if count is None else NOT_APPLICABLE
            rows.append((SEGMENT_TITLES[segment], count, *(rest,) * 4))
    return (*rows, (TOTAL, people(profiles.height), 1.0, *_means(profiles)))


def _means(profiles: pl.DataFrame) -> tuple[Cell, Cell, Cell]:
    if profiles.height < SMALLEST:
        return None, None, None
    means = profiles.select(pl.col("contribution_cents", "util_mean", "pay_ratio").mean()).row(0)
    return round(means[0]), float(means[1]), float(means[2])


def _without_total(table: Table) -> Table:
    return Table(table.id, table.title, table.source, table.columns, table.rows[:-1])


def risk(facts: BehaviourFacts) -> Section:
    """Grades, observed default rates, the model behind them, overdue statements by month."""
    grades = _grade_table(facts)
    months = _month_table(facts)
    by_grade = _without_total(grades)
    rates = Text("各等级实际违约率", "Observed default rate by grade")
    overdue = Text("各月逾期账单占比", "Share of statements overdue by month")
    items: tuple[Table | Figure, ...] = (
        Figure("fig-grades", rates, "bar", by_grade, "grade", ("observed",)),
        grades,
        *_model_table(facts),
        Figure("fig-late", overdue, "line", months, "month", ("late_share",)),
        months,
    )
    return Section(
        id="risk",
        title=Text("信用风险", "Credit risk"),
        paragraphs=(prose.RISK,),
        items=items,
    )


def _grade_table(facts: BehaviourFacts) -> Table:
    grouped = (
        facts.scores.group_by("grade")
        .agg(
            customers=pl.len(),
            known=pl.col("bad").count(),
            bad=pl.col("bad").sum(),
            score=pl.col("score").mean(),
            expected=pl.col("expected").mean(),
        )
        .sort("grade")
    )
    total = facts.scores.height
    rows: list[tuple[Cell, ...]] = []
    for row, shown in zip(
        grouped.iter_rows(named=True), suppress(grouped["customers"].to_list()), strict=True
    ):
        if shown is None:
            rows.append((row["grade"], None, None, None, None, None))
            continue
        observed = safe_share(int(row["bad"]), int(row["known"]))
        rows.append((row["grade"], shown, shown / total, float(row["score"]), row["expected"], observed))
    rows.append((TOTAL, people(total), 1.0, *(NOT_APPLICABLE,) * 3))
    return Table(
        id="grades",
        title=Text("信用等级分布", "Customers by credit grade"),
        source=Source("scores.by_grade@1", facts.inputs("derived_score_credit", "customers")),
        columns=(
            Column("grade", Text("等级", "Grade"), "text"),
            CUSTOMERS,
            SHARE,
            Column("score", Text("平均分", "Mean score"), "number"),
            Column("expected", Text("预计违约率", "Expected default"), "share"),
            Column("observed", Text("实际违约率", "Observed default"), "share"),
        ),
        rows=tuple(rows),
        note=prose.NO_TOTAL_RATES,
    )


def _model_table(facts: BehaviourFacts) -> tuple[Table, ...]:
    model = facts.model
    if model is None:
        return ()
    facts_of = model.training
    rows: list[tuple[Cell, ...]] = [
        (Text("模型", "Model"), f"{model.name} v{model.version}"),
        (Text("摘要", "Digest"), model.digest[:39] + "…"),
        (Text("训练人 / 批准人", "Trained by / approved by"), f"{model.trained_by} / {model.approved_by}"),
        (Text("训练的隐私损失 ρ", "Privacy loss of training, rho"), f"{model.rho / 1_000_000:.4f}"),
        *(
            (title, _per_mille(facts_of[key]))
            for key, title in (
                ("auc_ppm", Text("区分度 AUC（留出样本）", "AUC on customers held out")),
                ("ks_ppm", Text("KS（留出样本）", "KS on customers held out")),
                ("brier_ppm", Text("Brier（留出样本）", "Brier on customers held out")),
            )
            if key in facts_of
        ),
    ]
    return (
        Table(
            id="model",
            title=Text("在用评分模型", "Model in service"),
            source=Source("model.card@1", (f"model:{model.name}@{model.version}",)),
            columns=(
                Column("fact", Text("项目", "Item"), "name"),
                Column("value", Text("内容", "Value"), "text"),
            ),
            rows=tuple(rows),
            basis="private",
            note=prose.MODEL,
        ),
    )


def _per_mille(value: str | int) -> str:
    return f"{int(value) / 1_000_000:.3f}"


def _month_table(facts: BehaviourFacts) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for row in facts.months.sort("month").iter_rows(named=True):
        share = safe_share(int(row["late"]), int(row["statements"]))
        small = row["statements"] < SMALLEST
        amounts = (None, None) if small else (int(row["bill_cents"]), int(row["paid_cents"]))
        count = None if small else int(row["statements"])
        rows.append((month_label(row["month"]), count, share, *amounts))
    return Table(
        id="months",
        title=Text("各月账单、逾期与还款", "Statements, delinquency and payments by month"),
        source=Source("statements.by_month@1", facts.inputs("statements")),
        columns=(
            Column("month", Text("月份", "Month"), "text"),
            Column("statements", Text("账单数", "Statements"), "count"),
            Column("late_share", Text("逾期占比", "Share overdue"), "share"),
            Column("bill", Text("账单总额", "Billed"), "money"),
            Column("paid", Text("还款总额", "Paid"), "money"),
        ),
        rows=tuple(rows),
    )


def abnormal(facts: BehaviourFacts) -> Section:
    """Flags by rule."""
    rows: list[tuple[Cell, ...]] = []
    for row in facts.flags.iter_rows(named=True):
        shown = people(int(row["customers"]))
        months = None if shown is None else int(row["months"])
        rows.append((row["rule"], RULE_TITLES[row["rule"]], float(row["limit"]), shown, months))
    table = Table(
        id="abnormal",
        title=Text("异常还款规则命中", "Abnormal payments by rule"),
        source=Source("abnormal.by_rule@1", facts.inputs("statements", "customers")),
        columns=(
            Column("rule", Text("规则", "Rule"), "name"),
            Column("meaning", Text("含义", "Meaning"), "text"),
            Column("limit", Text("阈值", "Limit"), "number"),
            CUSTOMERS,
            Column("months", Text("命中月数", "Months flagged"), "count"),
        ),
        rows=tuple(rows),
        note=prose.FLAGS,
    )
    figure = Figure(
        "fig-abnormal",
        Text("各规则命中客户数", "Customers flagged per rule"),
        "bar",
        table,
        "rule",
        ("customers",),
    )
    return Section(
        id="abnormal",
        title=Text("异常还款", "Abnormal payments"),
        paragraphs=(prose.ABNORMAL,),
        items=(figure, table),
    )
