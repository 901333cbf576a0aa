"""The choke point of every effect: decide by policy, write it down, then go on or stop.

A refusal is recorded too. If the log cannot append, the use case stops with AuditUnavailableError.
"""

from __future__ import annotations

import secrets

from audit.entry import Detail, Entry
from policies.model import AccessRequest, Decision
from service.domain.actors import Actor
from service.errors import DeniedError
from service.ports import Deps


def authorise(
    deps: Deps,
    actor: Actor,
    permission: str,
    *,
    purpose: str = "",
    resource: str = "",
    data_class: str = "C1",
    facts: frozenset[str] = frozenset(),
) -> Decision:
    """Ask the decision point for ``noun:verb``; a refusal is logged before it is raised.

    Raises:
        DeniedError: with the reason code and the permission that is missing.
        AuditUnavailableError: the refusal could not be recorded.
    """
    noun, _, verb = permission.partition(":")
    request = AccessRequest(
        actor=actor.id,
        roles=actor.roles,
        resource=noun,
        action=verb,
        data_class=data_class,
        purpose=purpose,
        facts=facts,
    )
    decision = deps.policy.decide(request)
    if not decision.allow:
        record(deps, actor, decision, permission, purpose=purpose, resource=resource)
        raise DeniedError("access denied by policy", permission=permission, why=decision.reason)
    return decision


def record(
    deps: Deps,
    actor: Actor,
    decision: Decision,
    event: str,
    *,
    purpose: str = "",
    basis: str = "",
    resource: str = "",
    payload: str = "",
    tag: str = "",
    subjects: int = 0,
    rho: int = 0,
    detail: Detail = (),
    entry_id: str = "",
) -> int:
    """Append one entry for an act under a decision; returns its index once it is durable.

    A purpose that the policies do not know is logged as ``unknown``: it may be anything that a caller typed,
    and the log keeps for ever. ``entry_id`` is for a caller whose ``tag`` is bound to the entry.
    """
    reason = () if decision.allow else (("reason", decision.reason),)
    entry = Entry(
        id=entry_id or secrets.token_hex(16),
        at=deps.clock.now(),
        type=event,
        actor=actor.id,
        decision="allow" if decision.allow else "deny",
        role=decision.role,
        purpose=purpose if not purpose or purpose in deps.policy.bundle.purposes else "unknown",
        basis=basis,
        policy=decision.policy,
        rule=decision.rule,
        resource=resource,
        payload=payload,
        tag=tag,
        subjects=subjects,
        rho=rho,
        detail=tuple(sorted((*detail, *reason))),
    )
    return deps.audit.append(entry)[0]
