"""The queries about customers, the model that scores them and the noisy answers that left.

Profiles and scores rest on consent, so those of
people who withdrew since the tables were built are left out.
"""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from service.domain.models import Model, ModelState
from service.errors import ConflictError, UnknownError
from service.profiling.abnormal import abnormal, counts
from service.profiling.features import LATE, monthly
from service.reporting.customers import flag_rows, grade_rows, month_rows, segment_rows
from service.reporting.document import Answer, Cell
from service.reporting.suppression import people, safe_share
from service.reporting.words import MICRO, NOT_APPLICABLE
from service.scoring.scorecard import default_probability, parse_scorecard
from service.usecases.audience import audience
from service.usecases.model import BAD, MODEL
from service.usecases.model import PURPOSE as SCORING
from service.usecases.profile import PURPOSE as SEGMENTING
from service.usecases.profile import TABLE as PROFILES
from service.usecases.report_queries import Reading, Rows, query
from service.usecases.rows import rows_for_use
from service.usecases.score import TABLE as SCORES

_AML: Final = pl.col("rule").is_in(["overpayment@1"])  # paid in far more than was due, to be paid out again


def _of(table: str, purpose: str, reading: Reading) -> pl.LazyFrame:
    """A derived table, only of those who may be processed for its purpose now."""
    if table not in reading.versions:
        raise UnknownError("build profiles and scores first", table=table)
    mine = audience(purpose, reading.deps).lazy().select("_sp")
    return rows_for_use(table, reading.deps).join(mine, on="_sp", how="semi")


def _model(reading: Reading) -> Model | None:
    """The model in service."""
    own = [m for m in reading.models if m.name == MODEL]
    approved = [m for m in own if m.state is ModelState.APPROVED]
    if own and not approved:
        raise ConflictError("no model is approved", model=MODEL)
    return approved[0] if approved else None


@query("segments.by_band@1")
def segments_by_band(reading: Reading) -> Iterator[Answer]:
    """Customers by value segment."""
    profiles = _of(PROFILES, SEGMENTING, reading).collect()
    at_risk = profiles.filter(pl.col("segment") == "at_risk").height
    figures = {"customers": people(profiles.height), "at_risk": safe_share(at_risk, profiles.height)}
    yield Answer([*segment_rows(profiles)], reading.inputs(PROFILES), figures=figures)


@query("scores.by_grade@1")
def scores_by_grade(reading: Reading) -> Iterator[Answer]:
    """Customers by credit grade."""
    _, customers = reading.behaviour
    outcome = customers.lazy().select("_sp", BAD)
    rows = _of(SCORES, SCORING, reading).join(outcome, on="_sp", how="left").collect()
    model = _model(reading)
    card = parse_scorecard(model.document) if model else None
    known = {s: default_probability(card, s) if card else None for s in rows["score"].unique().to_list()}
    expected = pl.col("score").replace_strict(known, return_dtype=pl.Float64)
    figures = {"customers": people(rows.height)}
    found = grade_rows(rows.with_columns(expected=expected))
    yield Answer([*found], reading.inputs(SCORES, "customers"), figures=figures)


@query("model.card@1")
def model_card(reading: Reading) -> Iterator[Answer]:
    """The registry entry of the model in service; nothing while there is none."""
    if (model := _model(reading)) is None:
        return
    quality = parse_scorecard(model.document).quality
    facts = {
        "name": f"{model.name} v{model.version}",
        "digest": model.digest[:39] + "…",
        "people": f"{model.trained_by} / {model.approved_by}",
        "rho": f"{model.rho / MICRO:.4f}",
    } | {key: f"{int(value) / MICRO:.3f}" for key, value in quality if key.endswith("_ppm")}
    rows = [{"fact": name, "value": value} for name, value in facts.items()]
    yield Answer(rows, (f"model:{model.name}@{model.version}",), "private", {"rho": model.rho})


@query("statements.by_month@1")
def statements_by_month(reading: Reading) -> Iterator[Answer]:
    """Statements, overdue ones, amounts billed and paid. Raises ConflictError when there are none."""
    statements, _ = reading.behaviour
    months = (
        monthly(statements, reading.last)
        .filter(pl.col("month") >= reading.first)
        .group_by("month")
        .agg(
            pl.col("bill_cents", "paid_cents").sum(),
            statements=pl.len(),
            late=(pl.col("pay_status") >= LATE).sum(),
        )
        .sort("month")
    )
    if months.is_empty():
        raise ConflictError("there are no statements in the period")
    begin, end = months["month"][0], months["month"][-1]
    end = min(end.replace(day=monthrange(end.year, end.month)[1]), reading.last)
    rows = [*month_rows(months)]
    figures = {"overdue": rows[-1]["late_share"]}
    yield Answer(rows, reading.inputs("statements"), figures=figures, span=(begin, end))


def _flags(reading: Reading) -> pl.DataFrame:
    """Flagged months of the period."""
    statements, customers = reading.behaviour
    return abnormal(statements, customers, reading.last).filter(pl.col("month") >= reading.first)


@query("fraud.by_rule@1")
def fraud_by_rule(reading: Reading) -> Iterator[Answer]:
    """Customers and months flagged, by rule that hints at misuse of credit."""
    flags = counts(_flags(reading)).filter(~_AML)
    yield Answer([*flag_rows(flags)], reading.inputs("statements", "customers"))


@query("aml.by_rule@1")
def aml_by_rule(reading: Reading) -> Iterator[Answer]:
    """Customers and months flagged, by rule that hints at laundering."""
    flags = counts(_flags(reading)).filter(_AML)
    yield Answer([*flag_rows(flags)], reading.inputs("statements", "customers"))


@query("aml.by_month@1")
def aml_by_month(reading: Reading) -> Iterator[Answer]:
    """Customers flagged by such a rule in each month."""
    flags = _flags(reading).filter(_AML).group_by("month").agg(n=pl.col("_sp").n_unique()).sort("month")
    rows = [{"month": f"{month:%Y-%m}", "customers": people(n)} for month, n in flags.iter_rows()]
    yield Answer(rows, reading.inputs("statements", "customers"))


@query("aml.records@1")
def aml_records(reading: Reading) -> Iterator[Answer]:
    """Rows held under a statutory duty to keep them."""  # AML 34
    rules, rows = reading.policy.retention, list[dict[str, Cell]]()
    for contract in reading.datasets:
        rule = rules.get(contract.retention_class)
        if rule and rule.keep_days and contract.name in reading.versions and contract.period:
            day = pl.col(contract.period.name).cast(pl.Date)
            n, oldest = reading.deps.events.scan(contract.name).select(pl.len(), day.min()).collect().row(0)
            kept = {"rows": n, "oldest": oldest, "years": rule.keep_days // 365, "law": rule.law}
            rows.append({"dataset": contract.name, **kept})
    yield Answer(rows, reading.inputs(*(str(row["dataset"]) for row in rows)))


@query("releases.list@1")
def releases_list(reading: Reading) -> Iterator[Answer]:
    """Noisy answers that left; nothing when none did."""
    rows: Rows = [
        {
            "id": r.id,
            "question": _question(json.loads(r.plan), json.loads(r.answer)),
            "purpose": reading.title(r.purpose),
            "epsilon": int(json.loads(r.answer)["epsilon"]),
            "rho": r.rho,
            "entry": r.entry,
        }
        for r in reading.released()
    ]
    yield Answer(rows, ("ops:releases",), "private", {"releases": len(rows)})


def _question(plan: dict[str, Any], answer: dict[str, Any]) -> str:
    return f"{', '.join(answer['measures'])} by {', '.join(answer['keys']) or 'nothing'} of {plan['dataset']}"


@query("release.answer@1")
def release_answer(reading: Reading) -> Iterator[Answer]:
    """The stored cells of each answer: estimate and 95 % interval."""
    for release in reading.released():
        answer = json.loads(release.answer)
        rows: Rows = [
            {"key": " · ".join(str(cell[k]) for k in answer["keys"]), "measure": measure}
            | {"estimate": NOT_APPLICABLE if found["value"] is None else found["value"]}
            | {"low": found["low"], "high": found["high"]}
            for cell in answer["cells"]
            for measure in answer["measures"]
            for found in (cell[measure],)
        ]
        inputs = (f"release:{release.id}", *release.data_version.split(","))
        yield Answer(rows, inputs, "private", part=release.id[:12])
