"""The queries about customers, the model that scores them and the noisy answers that left.

Profiles and scores rest on consent, so those of
people who withdrew since the tables were built are left out.
"""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from service.domain.contracts import Role
from service.domain.models import Model
from service.errors import ConflictError, UnknownError
from service.profiling.abnormal import counts
from service.profiling.features import LATE, monthly
from service.reporting.customers import flag_rows, grade_rows, group_rows, month_rows, segment_rows
from service.reporting.document import Answer, Cell, named
from service.reporting.suppression import people, safe_share
from service.reporting.words import MICRO, NOT_APPLICABLE
from service.scoring.scorecard import PROTECTED, default_probability, parse_scorecard
from service.usecases.model import BAD, MODEL, approved_model
from service.usecases.model import PURPOSE as SCORING
from service.usecases.profile import PURPOSE as SEGMENTING
from service.usecases.profile import TABLE as PROFILES
from service.usecases.report_queries import Reading, query
from service.usecases.rows import rows_for_use, rows_held
from service.usecases.score import TABLE as SCORES

_AML: Final = pl.col("rule").is_in(["overpayment@1"])  # paid in far more than was due, to be paid out again


def _of(table: str, purpose: str, reading: Reading) -> pl.LazyFrame:
    """A derived table, only of those who may be processed for its purpose now."""
    if table not in reading.versions:
        raise UnknownError("build profiles and scores first", table=table)
    mine = reading.audience(purpose).lazy().select("_sp")
    return rows_for_use(table, reading.deps).join(mine, on="_sp", how="semi")


def _model(reading: Reading) -> Model | None:
    """The model in service; None where none was ever trained. Raises ConflictError: none is approved."""
    known = any(m.name == MODEL for m in reading.models)
    return approved_model(MODEL, reading.deps) if known else None


@query("segments.by_band@1")
def segments_by_band(reading: Reading) -> Iterator[Answer]:
    """Customers by value segment."""
    profiles = _of(PROFILES, SEGMENTING, reading).collect()
    at_risk = profiles.filter(pl.col("segment") == "at_risk").height
    figures = {"customers": people(profiles.height), "at_risk": safe_share(at_risk, profiles.height)}
    yield Answer(segment_rows(profiles), reading.inputs(PROFILES), figures=figures)


@query("scores.by_grade@1")
def scores_by_grade(reading: Reading) -> Iterator[Answer]:
    """Customers by credit grade."""
    outcome = reading.behaviour[1].lazy().select("_sp", BAD)
    rows = _of(SCORES, SCORING, reading).join(outcome, on="_sp", how="left").collect()
    card = parse_scorecard(model.document) if (model := _model(reading)) else None
    known = {s: default_probability(card, s) if card else None for s in rows["score"].unique().to_list()}
    expected = pl.col("score").replace_strict(known, return_dtype=pl.Float64)
    found, figures = grade_rows(rows.with_columns(expected=expected)), {"customers": people(rows.height)}
    yield Answer(found, reading.inputs(SCORES, "customers"), figures=figures)


@query("models.registry@1")
def models_registry(reading: Reading) -> Iterator[Answer]:
    """Every version of every model: who trained and approved it, from what data, and what that cost."""
    rows = []
    for m in reading.models:
        people = (m.trained_by, m.approved_by or NOT_APPLICABLE, m.trained_at.date())
        data = json.loads(m.document)["training"]["data"].replace(",", ", ")
        rows.append((f"{m.name} v{m.version}", m.state.value, *people, data, m.rho, m.digest))
    columns = "model state trained_by approved_by trained data rho digest"
    yield Answer(named(columns, rows), ("ops:models",), figures={"models": len(rows)})


@query("fairness.by_group@1")
def fairness_by_group(reading: Reading) -> Iterator[Answer]:
    """Favourable grades by each protected attribute that a contract declares."""  # PIPL 24(1)
    if (model := _model(reading)) is None:
        return
    grades = [grade.name for grade in parse_scorecard(model.document).grades]
    good = pl.col("grade").is_in(grades[: max(len(grades) // 2, 1)]).alias("good")
    scores = _of(SCORES, SCORING, reading).select("_sp", good)
    for contract in (c for c in reading.datasets if c.row_per_subject and c.name in reading.versions):
        for column in contract.stored:
            if column.keys and (column.role is Role.PROTECTED_ATTRIBUTE or column.name in PROTECTED):
                own = rows_for_use(contract.name, reading.deps).select("_sp", group=column.name)
                groups = scores.join(own, on="_sp", how="inner").collect()
                inputs = reading.inputs(SCORES, contract.name)
                yield Answer(group_rows(groups), inputs, part=column.name)


@query("model.card@1")
def model_card(reading: Reading) -> Iterator[Answer]:
    """The registry entry of the model in service; nothing while there is none."""
    if (model := _model(reading)) is None:
        return
    quality = parse_scorecard(model.document).quality
    who, rho = f"{model.trained_by} / {model.approved_by}", f"{model.rho / MICRO:.4f}"
    facts = [("name", f"{model.name} v{model.version}"), ("digest", model.digest[:39] + "…")]
    facts += [("people", who), ("rho", rho)]
    facts += [(key, f"{int(value) / MICRO:.3f}") for key, value in quality if key.endswith("_ppm")]
    inputs = (f"model:{model.name}@{model.version}",)
    yield Answer(named("fact value", facts), inputs, "private")


@query("statements.by_month@1")
def statements_by_month(reading: Reading) -> Iterator[Answer]:
    """Statements, overdue ones, amounts billed and paid. Raises ConflictError when there are none."""
    amounts, late = pl.col("bill_cents", "paid_cents").sum(), (pl.col("pay_status") >= LATE).sum()
    own = monthly(reading.behaviour[0], reading.last).filter(pl.col("month") >= reading.first)
    months = own.group_by("month").agg(amounts, statements=pl.len(), late=late).sort("month")
    if months.is_empty():
        raise ConflictError("there are no statements in the period")
    begin, end = months["month"][0], months["month"][-1]
    end = min(end.replace(day=monthrange(end.year, end.month)[1]), reading.last)
    rows = month_rows(months)
    figures = {"overdue": rows[-1]["late_share"]}
    yield Answer(rows, reading.inputs("statements"), figures=figures, span=(begin, end))


@query("fraud.by_rule@1")
def fraud_by_rule(reading: Reading) -> Iterator[Answer]:
    """Customers and months flagged, by rule that hints at misuse of credit."""
    yield Answer(flag_rows(counts(reading.flags).filter(~_AML)), reading.inputs("statements", "customers"))


@query("aml.by_rule@1")
def aml_by_rule(reading: Reading) -> Iterator[Answer]:
    """Customers and months flagged, by rule that hints at laundering."""
    yield Answer(flag_rows(counts(reading.flags).filter(_AML)), reading.inputs("statements", "customers"))


@query("aml.by_month@1")
def aml_by_month(reading: Reading) -> Iterator[Answer]:
    """Customers flagged by such a rule in each month."""
    flags = reading.flags.filter(_AML).group_by("month").agg(pl.col("_sp").n_unique()).sort("month")
    rows = [(f"{month:%Y-%m}", people(n)) for month, n in flags.iter_rows()]
    yield Answer(named("month customers", rows), reading.inputs("statements", "customers"))


@query("aml.records@1")
def aml_records(reading: Reading) -> Iterator[Answer]:
    """Rows held under a statutory duty to keep them."""  # AML 34
    rows: list[tuple[Cell, ...]] = []
    for contract in (c for c in reading.datasets if c.name in reading.versions):
        rule, period = reading.policy.retention.get(contract.retention_class), contract.period
        if rule and rule.keep_days and period:
            oldest = pl.col(period.name).cast(pl.Date).min()
            n, oldest = rows_held(contract.name, reading.deps).select(pl.len(), oldest).collect().row(0)
            rows.append((contract.name, n, oldest, rule.keep_days // 365, rule.law))
    yield Answer(named("dataset rows oldest years law", rows), reading.inputs(*(str(row[0]) for row in rows)))


@query("releases.list@1")
def releases_list(reading: Reading) -> Iterator[Answer]:
    """Noisy answers that left."""
    rows: list[tuple[Cell, ...]] = []
    for r in reading.released():
        plan, answer = json.loads(r.plan), json.loads(r.answer)
        by = f"{', '.join(answer['keys']) or 'nothing'} of {plan['dataset']}"
        question = f"{', '.join(answer['measures'])} by {by}"
        rows.append((r.id, question, reading.title(r.purpose), int(answer["epsilon"]), r.rho, r.entry))
    found = named("id question purpose epsilon rho entry", rows)
    yield Answer(found, ("ops:releases",), "private", {"releases": len(rows)})


@query("release.answer@1")
def release_answer(reading: Reading) -> Iterator[Answer]:
    """The stored cells of each answer: estimate and 95 % interval."""
    for release in reading.released():
        answer = json.loads(release.answer)
        found = ((cell, measure, cell[measure]) for cell in answer["cells"] for measure in answer["measures"])
        keys = answer["keys"]
        rows = [(" · ".join(str(cell[k]) for k in keys), name, *_interval(n)) for cell, name, n in found]
        inputs = (f"release:{release.id}", *release.data_version.split(","))
        yield Answer(named("key measure estimate low high", rows), inputs, "private", part=release.id[:12])


def _interval(n: Mapping[str, int | None]) -> tuple[Cell, ...]:
    return NOT_APPLICABLE if n["value"] is None else n["value"], n["low"], n["high"]
