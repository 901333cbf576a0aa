"""The customer behaviour analysis report: which sections it has and which figures open it."""

from __future__ import annotations

from typing import Final

import polars as pl

from service.reporting import customers, governance
from service.reporting.document import KeyFigure, Report, Source, Text
from service.reporting.facts import BehaviourFacts
from service.reporting.queries import QUERIES
from service.reporting.suppression import people, safe_share

TYPE: Final = "customer-behaviour-analysis@1"
TITLE: Final = Text("客户行为分析报告", "Customer behaviour analysis report")


def build(facts: BehaviourFacts) -> Report:
    """Assemble the report; pure: the same facts give the same report."""
    return Report(
        type=TYPE,
        title=TITLE,
        provenance=facts.provenance,
        key_figures=_key_figures(facts),
        sections=(
            governance.intake(facts),
            customers.segmentation(facts),
            customers.risk(facts),
            customers.abnormal(facts),
            governance.consent(facts),
            governance.rights(facts),
            governance.budget(facts),
            *((governance.releases(facts),) if facts.releases else ()),
            governance.appendix(),
        ),
        queries=QUERIES,
    )


def _key_figures(facts: BehaviourFacts) -> tuple[KeyFigure, ...]:
    profiles, scores = facts.profiles, facts.scores
    at_risk = profiles.filter(pl.col("segment") == "at_risk").height
    last = facts.months.sort("month").tail(1)
    late = safe_share(int(last["late"].sum()), int(last["statements"].sum()))
    by_profile = Source("segments.by_band@1", facts.inputs("derived_profile"))
    return (
        KeyFigure(Text("已分层客户", "Customers segmented"), people(profiles.height), "count", by_profile),
        KeyFigure(
            Text("风险关注客户占比", "Share of customers at risk"),
            safe_share(at_risk, profiles.height),
            "share",
            by_profile,
        ),
        KeyFigure(
            Text("已评分客户", "Customers scored"),
            people(scores.height),
            "count",
            Source("scores.by_grade@1", facts.inputs("derived_score_credit")),
        ),
        KeyFigure(
            Text("最近月逾期账单占比", "Statements overdue, last month"),
            late,
            "share",
            Source("statements.by_month@1", facts.inputs("statements")),
        ),
        KeyFigure(
            Text("受理的权利请求", "Rights requests opened"),
            sum(r.opened for r in facts.rights),
            "number",
            Source("rights.by_kind@1", ("ops:requests",)),
        ),
        KeyFigure(
            Text("差分隐私发布次数", "Private releases"),
            len(facts.releases),
            "number",
            Source("releases.list@1", ("ops:releases",)),
        ),
    )
