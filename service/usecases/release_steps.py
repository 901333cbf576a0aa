"""The steps that every act on a release shares: open it, pay for it, replay it, refuse it, write it down."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from audit.canonical import digest
from audit.entry import Detail
from privacy.dp.schema import Query
from service.domain.actors import Actor
from service.domain.releases import NEXT, Release, ReleaseState
from service.errors import BudgetExceededError, ConflictError, DeniedError, UnknownError
from service.ports import Deps, OpsTransaction
from service.usecases.access import Act
from service.usecases.persons import links_version
from service.usecases.question import budget_scopes, pay, permit


@dataclass(frozen=True, slots=True)
class Case:
    """One act on one release: who acts, what policy said, what is asked."""

    query: Query
    act: Act
    release: Release

    def is_colleague(self) -> bool:
        """The requester, or a colleague who runs it under a role that the requester has too."""
        if self.act.actor.id == self.release.requester:
            return True
        try:
            with self.act.deps.ops() as tx:
                return self.act.role in tx.users.get(self.release.requester).roles
        except UnknownError:
            return False

    def answered(self) -> Release | None:
        """A stored answer to the same plan over the data as it is now."""
        version = data_version(self.query, self.release.purpose, self.act.deps)
        with self.act.deps.ops() as tx:
            return tx.releases.answered(self.release.plan_digest, version)

    def charge(self) -> Release:
        """Pay every scope and say so, in one transaction; a paid release passes as it is.

        Raises:
            BudgetExceededError: logged as a refusal; nothing was charged.
            ConflictError: not approved, or the plan no longer costs what was approved.
        """
        deps, release = self.act.deps, self.release
        if release.rho != self.query.cost().rho:
            raise ConflictError("the cost of the plan has changed; request it again")
        rules = deps.policy.bundle.budgets
        caps = budget_scopes(self.query.datasets, release.requester, self.act.role, rules)
        version = data_version(self.query, release.purpose, deps)
        try:
            with deps.ops() as tx:
                current = tx.releases.get(release.id)
                if current.state in {ReleaseState.CHARGED, ReleaseState.RELEASED}:
                    return current  # paid: before a crash, or by another process a moment ago
                charged = moved(current, ReleaseState.CHARGED, data_version=version)
                pay(release.id, caps, release.rho, tx, deps.clock.now())
                tx.releases.save(charged)
                return charged
        except BudgetExceededError as error:
            detail = tuple(sorted(error.fields.items()))
            self.record("aggregate:run", release, detail=detail, denied="budget_exceeded")
            raise

    def replay(self, stored: Release) -> Release:
        """Hand out a stored answer; it costs nothing but is written down."""
        self.record("aggregate:replay", stored)
        return stored

    def record(
        self,
        event: str,
        release: Release,
        *,
        within: OpsTransaction | None = None,
        among: Iterable[bytes] = (),
        rho: int = 0,
        detail: Detail = (),
        denied: str = "",
    ) -> str:
        """Make the act, or why it is ``denied``, durable in the log: basis, cost, digest of the answer."""
        act = replace(self.act, allow=False, reason=denied) if denied else self.act
        facts = (("data_version", release.data_version), ("plan", release.plan_digest))
        return act.record(
            event,
            within=within,
            among=among,
            basis=act.deps.policy.bundle.purposes[release.purpose].basis,
            resource=f"aggregate/{release.id}",
            payload=digest(release.answer.encode()) if release.answer else "",
            rho=rho,
            detail=(*detail, *(fact for fact in facts if fact[1])),
        )

    def refuse(self, reason: str) -> NoReturn:
        """Log a refusal that policy alone did not make, and raise DeniedError."""
        permission = self.act.permission
        self.record(permission, self.release, denied=reason)
        raise DeniedError("access denied by policy", permission=permission, why=reason)


def open_case(
    permission: str, release: Release, actor: Actor, deps: Deps, *, facts: frozenset[str] = frozenset()
) -> Case:
    """Ask policy for an act on a stored release. Raises DeniedError, UsageError as ``permit``."""
    query, act = permit(
        permission,
        json.loads(release.plan),
        release.purpose,
        actor=actor,
        deps=deps,
        resource=f"aggregate/{release.id}",
        facts=facts,
    )
    return Case(query, act, release)


def load(release_id: str, deps: Deps) -> Release:
    """The stored release. Raises UnknownError."""
    with deps.ops() as tx:
        return tx.releases.get(release_id)


def moved(release: Release, state: ReleaseState, **changes: Any) -> Release:
    """The release in its next state. Raises ConflictError when the present one does not lead there."""
    if state not in NEXT[release.state]:
        raise ConflictError("the release is not in the right state", state=release.state.value)
    return replace(release, state=state, **changes)


def data_version(query: Query, purpose: str, deps: Deps) -> str:
    """Tables with their versions, the merges in force, and the purpose where it decides whose rows count."""
    versions = {name: deps.events.version(name) for name in sorted(query.datasets)}
    for name, version in versions.items():
        if version < 0:
            raise UnknownError("there are no rows of this dataset yet", dataset=name)
    parts = [f"{name}@{version}" for name, version in versions.items()]
    if merges := links_version(deps):
        parts.append(f"persons@{merges}")
    if deps.policy.bundle.purposes[purpose].basis == "consent":
        parts.append(f"consent@{purpose}")
    return ",".join(parts)
