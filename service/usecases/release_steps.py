"""The steps that every act on a release shares: open it, pay for it, replay it, refuse it, write it down."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from audit.entry import Detail
from policies.model import Decision
from privacy.dp.schema import Query
from service.domain.actors import Actor
from service.domain.releases import NEXT, Release, ReleaseState
from service.errors import BudgetExceededError, ConflictError, DeniedError, UnknownError
from service.ports import Deps
from service.usecases.access import record
from service.usecases.persons import links_version
from service.usecases.question import budget_scopes, limit_to_purpose, permit


@dataclass(frozen=True, slots=True)
class Case:
    """One act on one release: who acts, what policy said, what is asked."""

    query: Query
    decision: Decision
    actor: Actor
    deps: Deps
    release: Release


def open_case(
    permission: str, release: Release, actor: Actor, deps: Deps, *, facts: frozenset[str] = frozenset()
) -> Case:
    """Ask policy for an act on a stored release. Raises DeniedError, UsageError as ``permit``."""
    question, decision = permit(
        permission,
        json.loads(release.plan),
        release.purpose,
        actor=actor,
        deps=deps,
        resource=f"aggregate/{release.id}",
        facts=facts,
    )
    limit_to_purpose(question, release.purpose, permission, decision, actor=actor, deps=deps)
    return Case(question.query, decision, actor, deps, release)


def load(release_id: str, deps: Deps) -> Release:
    """The stored release. Raises UnknownError."""
    with deps.ops() as tx:
        return tx.releases.get(release_id)


def moved(release: Release, state: ReleaseState, **changes: Any) -> Release:
    """The release in its next state. Raises ConflictError when the present one does not lead there."""
    if state not in NEXT[release.state]:
        raise ConflictError("the release is not in the right state", state=release.state.value)
    return replace(release, state=state, **changes)


def is_colleague(case: Case, release: Release) -> bool:
    """The requester, or a colleague who runs it under a role that the requester has too."""
    if case.actor.id == release.requester:
        return True
    try:
        with case.deps.ops() as tx:
            return case.decision.role in tx.users.get(release.requester).roles
    except UnknownError:
        return False


def data_version(query: Query, purpose: str, deps: Deps) -> str:
    """Tables with their versions, the merges in force, and the purpose where it decides whose rows count."""
    versions = {name: deps.events.version(name) for name in sorted(query.datasets)}
    for name, version in versions.items():
        if version < 0:
            raise UnknownError("there are no rows of this dataset yet", dataset=name)
    consent = deps.policy.bundle.purposes[purpose].basis == "consent"
    parts = [f"{name}@{version}" for name, version in versions.items()]
    merges = links_version(deps)
    parts += [f"persons@{merges}"] if merges else []
    return ",".join([*parts, *([f"consent@{purpose}"] if consent else [])])


def answered(release: Release, query: Query, deps: Deps) -> Release | None:
    """A stored answer to the same plan over the data as it is now."""
    version = data_version(query, release.purpose, deps)
    with deps.ops() as tx:
        return tx.releases.answered(release.plan_digest, version)


def charge(case: Case, release: Release) -> Release:
    """Pay every scope and say so, in one transaction; a paid release passes as it is.

    Raises:
        BudgetExceededError: logged as a refusal; nothing was charged.
        ConflictError: not approved, or the plan no longer costs what was approved.
    """
    deps = case.deps
    if release.rho != case.query.cost().rho:
        raise ConflictError("the cost of the plan has changed; request it again")
    rules = deps.policy.bundle.budgets
    caps = budget_scopes(case.query.datasets, release.requester, case.decision.role, rules)
    version = data_version(case.query, release.purpose, deps)
    try:
        with deps.ops() as tx:
            current = tx.releases.get(release.id)
            if current.state in {ReleaseState.CHARGED, ReleaseState.RELEASED}:
                return current  # paid: before a crash, or by another process a moment ago
            charged = moved(current, ReleaseState.CHARGED, data_version=version)
            for scope, cap in caps.items():
                tx.budget.open(scope, cap)
            tx.budget.charge(release.id, tuple(caps), release.rho, deps.clock.now())
            tx.releases.save(charged)
            return charged
    except BudgetExceededError as error:
        denied = replace(case.decision, allow=False, reason="budget_exceeded")
        detail = tuple(sorted(error.fields.items()))
        record_act(replace(case, decision=denied), "aggregate:run", release, detail=detail)
        raise


def replay(case: Case, stored: Release) -> Release:
    """Hand out a stored answer; it costs nothing but is written down."""
    record_act(case, "aggregate:replay", stored)
    return stored


def record_act(case: Case, event: str, release: Release, *, rho: int = 0, detail: Detail = ()) -> int:
    """Make the act durable in the log; it names actor, purpose, basis, cost and the answer's digest."""
    payload = "sha256:" + hashlib.sha256(release.answer.encode()).hexdigest() if release.answer else ""
    facts = (("data_version", release.data_version), ("plan", release.plan_digest))
    return record(
        case.deps,
        case.actor,
        case.decision,
        event,
        purpose=release.purpose,
        basis=case.deps.policy.bundle.purposes[release.purpose].basis,
        resource=f"aggregate/{release.id}",
        payload=payload,
        rho=rho,
        detail=(*detail, *(fact for fact in facts if fact[1])),
    )


def refuse(case: Case, permission: str, reason: str) -> NoReturn:
    """Log a refusal that policy alone did not make, and raise DeniedError."""
    denied = replace(case, decision=replace(case.decision, allow=False, reason=reason))
    record_act(denied, permission, case.release)
    raise DeniedError("access denied by policy", permission=permission, why=reason)
