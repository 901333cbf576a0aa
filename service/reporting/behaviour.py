"""The customer behaviour analysis report: which sections it has and which figures open it."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Final

import polars as pl

from service.reporting import customers
from service.reporting.document import Cell, KeyFigure, Report, Section, Table, Text
from service.reporting.facts import BehaviourFacts, ReleaseFact
from service.reporting.layout import QUERIES, TITLE, key_figure, section, table, texts
from service.reporting.suppression import people, safe_share
from service.reporting.words import NOT_APPLICABLE

TYPE: Final = "customer-behaviour-analysis@1"


def build(facts: BehaviourFacts) -> Report:
    """Assemble the report; pure: the same facts give the same report."""
    intake = table("intake", map(astuple, facts.batches), facts)
    queries = table("queries", QUERIES, facts)
    return Report(
        type=TYPE,
        title=TITLE,
        provenance=facts.provenance,
        key_figures=_key_figures(facts),
        sections=(
            section("intake", intake),
            customers.segmentation(facts),
            customers.risk(facts),
            customers.abnormal(facts),
            section("consent", _consents(facts)),
            section("rights", _rights(facts)),
            section("budget", _budget(facts)),
            *((_releases(facts),) if facts.releases else ()),
            section("appendix", queries),
        ),
        queries=QUERIES,
    )


def _key_figures(facts: BehaviourFacts) -> tuple[KeyFigure, ...]:
    profiles = facts.profiles
    last = facts.months.sort("month").tail(1)
    values: dict[str, Cell] = {
        "segmented": people(profiles.height),
        "at_risk": safe_share(profiles.filter(pl.col("segment") == "at_risk").height, profiles.height),
        "scored": people(facts.scores.height),
        "overdue": safe_share(int(last["late"].sum()), int(last["statements"].sum())),
        "rights": sum(r.opened for r in facts.rights),
        "releases": len(facts.releases),
    }
    return tuple(key_figure(name, value, facts) for name, value in values.items())


def _consents(facts: BehaviourFacts) -> Table:
    rows = [
        (facts.purposes.get(code, Text(code, code)), people(standing), people(withdrawn), people(expired))
        for code, standing, withdrawn, expired in facts.consents.sort("purpose")
        .select("purpose", "standing", "withdrawn", "expired")
        .iter_rows()
    ]
    return table("consents", rows, facts)


def _rights(facts: BehaviourFacts) -> Table:
    """Requests by kind, shown as they are: a number of requests tells nothing of a person."""
    titles = texts("rights")
    rows = [(titles.get(r.right, Text(r.right, r.right)), *astuple(r)[1:]) for r in facts.rights]
    return table("rights", rows, facts)


def _budget(facts: BehaviourFacts) -> Table:
    rows = [
        (line.scope, line.cap, line.spent, line.cap - line.spent, line.spent / line.cap if line.cap else None)
        for line in facts.budget
    ]
    return table("budget", rows, facts)


def _releases(facts: BehaviourFacts) -> Section:
    """Noisy answers, apart from exact figures."""
    listed = [(r.id, r.question, r.epsilon, r.rho, r.entry) for r in facts.releases]
    answers = [_answer(release, facts) for release in facts.releases]
    return section("releases", table("releases", listed, facts), *answers)


def _answer(release: ReleaseFact, facts: BehaviourFacts) -> Table:
    rows = [(k, m, NOT_APPLICABLE if v is None else v, low, high) for k, m, v, low, high in release.cells]
    answer = table("release", rows, facts, (f"release:{release.id}", *release.data_version.split(",")))
    name = release.id[:12]
    title = Text(f"{answer.title.zh} {name}", f"{answer.title.en} {name}")
    return replace(answer, id=f"release-{name}", title=title)
