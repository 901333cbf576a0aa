"""The one way out for numbers: preview, request, approve, run.

Running is: authorise, stored answer if there is one, charge every scope, whose data may be read, bounded
totals, noise, audit entry, answer. The charge is durable before noise is drawn and the entry before a number
leaves. A crash in between stays paid: running again completes the release without paying twice, which is safe
because no earlier number had left. The same plan over the same data is answered from the store at no cost,
and that is written down too.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from privacy.dp.accuracy import Accuracy
from privacy.dp.bounding import Population, exact_totals
from privacy.dp.budget import PrivacyLoss
from privacy.dp.query import digest_plan, format_plan
from privacy.dp.release import Cell, expected_accuracy, format_cells, release_cells
from privacy.dp.schema import Query
from service.domain.actors import Actor
from service.domain.releases import Release, ReleaseState
from service.errors import ConflictError
from service.ports import BudgetLine, Deps
from service.usecases.audience import audience
from service.usecases.question import budget_scopes, granted_purpose, permit
from service.usecases.release_steps import Case, data_version, load, moved, open_case
from service.usecases.rows import rows_for_use

INTERVAL_NOTE: Final = (
    "Each interval holds the exact bounded total of its cell with 95 % probability over the noise. Bounding "
    "(rows per month, clamping to declared bounds) is not noise and is not in the interval."
)
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Preview:
    """What a plan would cost and how exact its answer would be; no data was read.

    Attributes:
        rho: cost in micro-rho.
        epsilon: the same in micro-epsilon at delta 10^-``delta_exponent``.
        delta_exponent: see ``epsilon``.
        scopes: every scope that would be charged, with what is left.
        accuracy: 95 % half-width per measure.
        n_cells: size of the key grid.
        bounds: measure column to (lower, upper), as declared.
        rows_per_month: rows of a customer and month that count in full.
    """

    rho: int
    epsilon: int
    delta_exponent: int
    scopes: tuple[BudgetLine, ...]
    accuracy: tuple[Accuracy, ...]
    n_cells: int
    bounds: Mapping[str, tuple[int, int]]
    rows_per_month: int

    def document(self) -> dict[str, Any]:
        """For JSON."""
        scopes = [asdict(line) | {"left": line.left} for line in self.scopes]
        return asdict(self) | {"scopes": scopes, "affordable": all(s.left >= self.rho for s in self.scopes)}


def preview_aggregate(plan_document: object, *, actor: Actor, deps: Deps, purpose: str = "") -> Preview:
    """Cost, what is left, and expected error of a plan, from public facts and the ledger alone.

    Args:
        plan_document: a JSON object of the plan grammar.
        actor: who asks.
        deps: the service.
        purpose: purpose to be asked for; without it, any that the actor may preview for will do.

    Raises:
        DeniedError: the actor may not preview, or not such data.
        UsageError: the plan cannot be answered.
    """
    code = purpose or granted_purpose("aggregate:preview", actor=actor, deps=deps)
    query, act = permit(
        "aggregate:preview", plan_document, code, actor=actor, deps=deps, limited=bool(purpose)
    )
    plan = query.plan
    caps = budget_scopes(query.datasets, actor.id, act.role, deps.policy.bundle.budgets)
    with deps.ops() as tx:
        lines = {line.scope: line for line in tx.budget.lines(tuple(caps))}
    return Preview(
        rho=query.cost().rho,
        epsilon=plan.epsilon,
        delta_exponent=plan.delta_exponent,
        scopes=tuple(lines.get(scope, BudgetLine(scope, cap, 0)) for scope, cap in caps.items()),
        accuracy=expected_accuracy(query),
        n_cells=query.n_cells,
        bounds=_bounds(query),
        rows_per_month=plan.rows_per_month,
    )


def request_aggregate(plan_document: object, purpose: str, *, actor: Actor, deps: Deps) -> Release:
    """Ask for an aggregate, or get the stored answer of the same plan over the same data.

    Raises:
        UnknownError: a dataset without rows.
        DeniedError: policy says no (to an unknown purpose too), or the data was collected for others.
        UsageError: the plan cannot be answered.
    """
    query, act = permit("aggregate:request", plan_document, purpose, actor=actor, deps=deps)
    plan = query.plan
    release = Release(
        id=secrets.token_hex(16),
        plan=format_plan(plan),
        plan_digest=digest_plan(plan),
        purpose=purpose,
        requester=actor.id,
        approver="",
        rho=query.cost().rho,
        state=ReleaseState.REQUESTED,
        created_at=deps.clock.now(),
    )
    case = Case(query, act, release)
    stored = case.answered()
    if stored is not None:
        return case.replay(stored)
    with deps.ops() as tx:
        tx.releases.add(release)
        case.record("aggregate:request", release, within=tx)
    return release


def approve_aggregate(release_id: str, *, actor: Actor, deps: Deps) -> Release:
    """Approve another person's request.

    Raises:
        DeniedError: policy says no; it always does to the requester.
        UnknownError: no such release.
        ConflictError: it is not waiting for approval.
    """
    release = load(release_id, deps)
    facts = frozenset({"not_requester"}) if actor.id != release.requester else frozenset()
    case = open_case("aggregate:approve", release, actor, deps, facts=facts)
    if not facts:  # whatever the policy files say
        case.refuse("condition_failed")
    with deps.ops() as tx:
        approved = moved(tx.releases.get(release_id), ReleaseState.APPROVED, approver=actor.id)
        tx.releases.save(approved)
        case.record("aggregate:approve", approved, within=tx)
    return approved


def run_aggregate(release_id: str, *, actor: Actor, deps: Deps) -> Release:
    """Pay for an approved aggregate and answer it; a stored answer costs nothing.

    Raises:
        DeniedError: policy says no, or the actor is neither the requester nor of the same role.
        UnknownError: no such release, or a dataset without rows.
        ConflictError: not approved, or the data kept changing (it stays paid; run again).
        BudgetExceededError: a scope does not cover it; says what is left, and nothing was charged.
        AuditUnavailableError: the log cannot append; nothing left (it may be paid; run again).
    """
    release = load(release_id, deps)
    case = open_case("aggregate:run", release, actor, deps)
    if not case.is_colleague():
        case.refuse("not_requester_or_same_role")
    stored = release if release.state is ReleaseState.RELEASED else None
    if release.state is ReleaseState.APPROVED:
        stored = case.answered()
    if stored is not None:
        return case.replay(stored)
    charged = case.charge()
    if charged.state is ReleaseState.RELEASED:
        return case.replay(charged)
    exact, version, people = _totals(case.query, release.purpose, deps)
    cells = release_cells(case.query, exact, PrivacyLoss(charged.rho))
    return _publish(case, charged, _answer(charged, case.query, cells, version), version, people)


def _totals(query: Query, purpose: str, deps: Deps) -> tuple[NDArray[np.int64], str, pl.Series]:
    """Exact bounded totals, the data version and the people they are of. Secret until noise is added."""
    for _ in range(_ATTEMPTS):
        version = data_version(query, purpose, deps)
        people = audience(purpose, deps)["_sp"]
        tables = {name: rows_for_use(name, deps) for name in query.datasets}
        exact = exact_totals(query, tables, Population(people, only=True))
        if data_version(query, purpose, deps) == version:
            return exact, version, people
    raise ConflictError("the data keeps changing; it stays paid, run again")


def _publish(case: Case, charged: Release, answer: str, version: str, people: pl.Series) -> Release:
    """State and entry are durable together; only then does the answer go back to the caller."""
    with case.act.deps.ops() as tx:
        current = tx.releases.get(charged.id)
        if current.state is not ReleaseState.RELEASED:
            released = moved(current, ReleaseState.RELEASED, answer=answer, data_version=version)
            entry = case.record("aggregate:release", released, within=tx, among=people, rho=released.rho)
            released = replace(released, entry=entry)
            tx.releases.save(released)
            return released
    return case.replay(current)  # another process has finished it: its answer counts, ours is dropped


def _answer(release: Release, query: Query, cells: tuple[Cell, ...], version: str) -> str:
    """Canonical JSON of what leaves."""
    document = {
        "release": release.id,
        "plan": json.loads(release.plan),
        "purpose": release.purpose,
        "keys": [key.name for key in query.keys],
        "measures": [str(measure) for measure in query.plan.measures],
        "cells": format_cells(query, cells),
        "bounds": {name: list(bounds) for name, bounds in _bounds(query).items()},
        "rho": release.rho,
        "epsilon": query.plan.epsilon,
        "delta_exponent": query.plan.delta_exponent,
        "data_version": version,
        "note": INTERVAL_NOTE,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _bounds(query: Query) -> dict[str, tuple[int, int]]:
    return {total.column: (total.lower, total.upper) for total in query.totals if total.column}
