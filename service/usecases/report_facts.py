"""Collect what the behaviour report says. Reads aggregates and stored answers; no row leaves this module.

The basis is the duty to report (``regulatory_reporting``). Profiles and scores rest on consent, so those of
people who withdrew since the tables were built are left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import polars as pl

from service.domain.releases import Release, ReleaseState
from service.domain.requests import RequestState, Right, RightsRequest
from service.errors import UnknownError
from service.ports import BatchRow, Deps, OpsTransaction
from service.profiling.abnormal import abnormal, counts
from service.profiling.features import LATE, monthly
from service.reporting.document import Provenance, Text
from service.reporting.facts import (
    BatchFact,
    BehaviourFacts,
    BudgetFact,
    Cells,
    ModelFact,
    ReleaseFact,
    RightsFact,
)
from service.scoring.scorecard import Scorecard, default_probability, parse_scorecard
from service.usecases.audience import audience
from service.usecases.model import BAD, MODEL, approved_model
from service.usecases.model import PURPOSE as SCORING
from service.usecases.profile import PURPOSE as SEGMENTING
from service.usecases.profile import TABLE as PROFILES
from service.usecases.profile import load_behaviour
from service.usecases.rows import rows_for_use
from service.usecases.score import TABLE as SCORES

PURPOSE: Final = "regulatory_reporting"
_TABLES: Final = ("customers", "statements", PROFILES, SCORES)


def collect(provenance: Provenance, until: date, deps: Deps) -> BehaviourFacts:
    """Read everything once. Raises UnknownError when there are no statements."""
    people = audience(PURPOSE, deps)
    statements, customers = load_behaviour(people, deps)
    model, card = _model(deps)
    with deps.ops() as tx:
        governance = _governance(tx, deps)
    return BehaviourFacts(
        provenance=provenance,
        profiles=_of(PROFILES, SEGMENTING, deps).select(
            "segment", "contribution_cents", "util_mean", "pay_ratio"
        ),
        scores=_scores(customers, card, deps),
        months=_months(statements, until),
        flags=counts(abnormal(statements, customers, until)),
        purposes={p.code: Text(**p.title) for p in deps.policy.bundle.purposes.values()},
        model=model,
        versions={name: deps.events.version(name) for name in _TABLES},
        **governance,
    )


def _of(table: str, purpose: str, deps: Deps) -> pl.DataFrame:
    """A derived table, only of those who may be processed for its purpose now."""
    if deps.events.version(table) < 0:
        raise UnknownError("build profiles and scores first", table=table)
    people = audience(purpose, deps).lazy().select("_sp")
    return rows_for_use(table, deps).join(people, on="_sp", how="semi").collect()


def _scores(customers: pl.DataFrame, card: Scorecard | None, deps: Deps) -> pl.DataFrame:
    rows = _of(SCORES, SCORING, deps).join(customers.select("_sp", BAD), on="_sp", how="left")
    known = {s: default_probability(card, s) if card else None for s in rows["score"].unique().to_list()}
    expected = pl.col("score").replace_strict(known, return_dtype=pl.Float64).alias("expected")
    return rows.select("score", "grade", "bad", expected)


def _months(statements: pl.DataFrame, until: date) -> pl.DataFrame:
    return (
        monthly(statements, until)
        .group_by("month")
        .agg(
            statements=pl.len(),
            late=(pl.col("pay_status") >= LATE).sum(),
            bill_cents=pl.col("bill_cents").sum(),
            paid_cents=pl.col("paid_cents").sum(),
        )
        .sort("month")
    )


def _model(deps: Deps) -> tuple[ModelFact, Scorecard] | tuple[None, None]:
    with deps.ops() as tx:
        if not any(m.name == MODEL for m in tx.models.all()):
            return None, None
    model = approved_model(MODEL, deps)
    card = parse_scorecard(model.document)
    fact = ModelFact(
        name=model.name,
        version=model.version,
        digest=model.digest,
        trained_by=model.trained_by,
        approved_by=model.approved_by,
        rho=model.rho,
        training=dict(card.training) | dict(card.quality),
    )
    return fact, card


def _governance(tx: OpsTransaction, deps: Deps) -> dict[str, Any]:
    now = deps.clock.now()
    state = (
        pl.when(pl.col("withdrawn_at") <= now)
        .then(pl.lit("withdrawn"))
        .when(pl.col("valid_until") <= now)
        .then(pl.lit("expired"))
        .otherwise(pl.lit("standing"))
    )
    newest = tx.consents.frame().sort("given_at").group_by("_subject", "purpose").last()
    wide = (
        newest.with_columns(state=state)
        .group_by("purpose")
        .agg((pl.col("state") == s).sum().alias(s) for s in ("standing", "withdrawn", "expired"))
    )
    released = [r for r in tx.releases.all() if r.state is ReleaseState.RELEASED]
    return {
        "consents": wide,
        "budget": tuple(BudgetFact(line.scope, line.cap, line.spent) for line in tx.budget.lines()),
        "releases": tuple(release_fact(r) for r in released),
        "batches": _batches(tx.batches.all()),
        "rights": tuple(_rights(tx.requests.all(), now.isoformat())),
    }


def _batches(rows: Iterable[BatchRow]) -> tuple[BatchFact, ...]:
    totals: dict[str, Counter[str]] = {}
    for row in rows:
        c = row.counts
        totals.setdefault(row.dataset, Counter()).update(
            batches=1, rows=c.rows, admitted=c.admitted, quarantined=c.quarantined, refused=c.refused
        )
    return tuple(BatchFact(name, **t) for name, t in sorted(totals.items()))


def _rights(requests: tuple[RightsRequest, ...], now: str) -> Iterable[RightsFact]:
    ended = {RequestState.DONE, RequestState.REFUSED, RequestState.EXPIRED}
    for right in Right:
        mine = [r for r in requests if r.right is right]
        states = Counter(r.state for r in mine)
        still = [r for r in mine if r.state not in ended]
        yield RightsFact(
            right=right.value,
            opened=len(mine),
            done=states[RequestState.DONE],
            refused=states[RequestState.REFUSED],
            expired=states[RequestState.EXPIRED],
            open=len(still),
            late=sum(r.due_at.isoformat() < now for r in still),
        )


def release_fact(release: Release) -> ReleaseFact:
    """A stored answer as the report lists it: each cell's estimate and half the width of its interval."""
    plan, answer = json.loads(release.plan), json.loads(release.answer)
    keys, measures = answer["keys"], answer["measures"]
    return ReleaseFact(
        id=release.id,
        question=f"{', '.join(measures)} by {', '.join(keys) or 'nothing'} of {plan['dataset']}",
        purpose=release.purpose,
        rho=release.rho,
        epsilon=int(answer["epsilon"]),
        data_version=release.data_version,
        entry=release.entry,
        cells=tuple(_cells(answer["cells"], keys, measures)),
    )


def _cells(cells: list[dict[str, Any]], keys: list[str], measures: list[str]) -> Iterable[Cells]:
    for cell in cells:
        label = " · ".join(str(cell[k]) for k in keys)
        for measure in measures:
            found = cell[measure]
            yield label, measure, found["value"], found["low"], found["high"]
