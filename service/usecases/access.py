"""The choke point of every effect: decide by policy, write it down, then go on or stop.

A refusal is recorded too. If the log cannot append, the use case stops with AuditUnavailableError.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import NoReturn

from audit.entry import Detail, Entry
from audit.evidence import Place
from policies.model import AccessRequest, Decision
from service.domain.actors import Actor
from service.errors import DeniedError, TamperedError
from service.ports import Deps, EntryFilter, OpsTransaction
from service.usecases.payloads import MARK, seal_payload
from service.usecases.tags import PEOPLE, file_people, person_key, tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Decision):
    """A decision and the act it is about: what every log entry of the act says.

    Attributes:
        deps: the service.
        actor: who acts.
        permission: ``noun:verb``, the event of an entry that names no other.
        purpose: code; one that the policies do not know is logged as ``unknown``, as it may be anything that
            a caller typed, and the log keeps for ever.
        resource: what is acted on.
    """

    deps: Deps
    actor: Actor
    permission: str
    purpose: str = ""
    resource: str = ""

    def record(
        self,
        event: str = "",
        *,
        within: OpsTransaction | None = None,
        basis: str = "",
        resource: str = "",
        payload: str = "",
        about: bytes = b"",
        among: Iterable[bytes] = (),
        subjects: int = 0,
        rho: int = 0,
        detail: Detail = (),
        sealed: tuple[int, Mapping[str, object]] | None = None,
    ) -> str:
        """Write one entry and return its id.

        ``within`` a transaction it becomes durable with it, by the outbox: an entry about a change of state
        goes there. Any other is in the log on return.
        ``resource`` stands for the act's own where it is another. ``about`` is the storage pseudonym of the
        one person whom the entry is about, ``among`` those of many (``service.usecases.tags``). ``sealed`` is
        instead a subject and what was said or changed: kept beside the log for them alone
        (``service.usecases.payloads``).
        """
        deps, entry_id, purpose = self.deps, secrets.token_hex(16), self.purpose
        if sealed:
            about, payload = seal_payload(*sealed, entry_id, deps)
            detail = (*detail, MARK)
        whom, people = self._people(entry_id, about, list(among))
        entry = Entry(
            id=entry_id,
            at=deps.clock.now(),
            type=event or self.permission,
            actor=self.actor.id,
            decision="allow" if self.allow else "deny",
            role=self.role,
            purpose=purpose if not purpose or purpose in deps.policy.bundle.purposes else "unknown",
            basis=basis,
            policy=self.policy,
            rule=self.rule,
            resource=resource or self.resource,
            payload=payload,
            tag=whom,
            subjects=subjects,
            rho=rho,
            detail=tuple(sorted((*detail, *people, *self._circumstances()))),
        )
        self._write(entry, within)
        return entry_id

    def _write(self, entry: Entry, within: OpsTransaction | None) -> None:
        if within is None:
            self.deps.audit.append(entry)
        else:
            self.deps.audit.require()
            within.outbox.add(entry)

    def _people(self, entry_id: str, about: bytes, among: list[bytes]) -> tuple[str, Detail]:
        """The tag of the one person, and where the many are."""
        key, folder = self.deps.keyring.derive("subject-tag"), self.deps.home / PEOPLE
        whom = tag(person_key(key, about), entry_id.encode()).decode() if about else ""
        return whom, (("people", file_people(folder, key, among, entry_id)),) if among else ()

    def _circumstances(self) -> Detail:
        facts = (("reason", "" if self.allow else self.reason), ("trace", self.deps.trace))
        return tuple(fact for fact in facts if fact[1])

    def refuse(self, why: str, text: str = "access denied by policy", *, about: bytes = b"") -> NoReturn:
        """Log a refusal, then raise it as DeniedError."""
        replace(self, allow=False, reason=why).record(about=about)
        raise DeniedError(text, permission=self.permission, why=why)


def authorise(
    deps: Deps,
    actor: Actor,
    permission: str,
    *,
    purpose: str = "",
    resource: str = "",
    data_class: str = "C1",
    facts: frozenset[str] = frozenset(),
) -> Act:
    """Ask the decision point for ``noun:verb``; a refusal is logged before it is raised.

    Raises:
        DeniedError: with the reason code and the permission that is missing.
        AuditUnavailableError: the refusal could not be recorded.
    """
    decision = decide(deps, actor, permission, purpose=purpose, data_class=data_class, facts=facts)
    said = {field.name: getattr(decision, field.name) for field in fields(decision)}
    act = Act(deps=deps, actor=actor, permission=permission, purpose=purpose, resource=resource, **said)
    if not act.allow:
        act.refuse(act.reason)
    return act


def decide(
    deps: Deps,
    actor: Actor,
    permission: str,
    *,
    purpose: str = "",
    data_class: str = "C1",
    facts: frozenset[str] = frozenset(),
) -> Decision:
    """What the decision point says; nothing is logged."""
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
    return deps.policy.decide(request)


def places(ids: Iterable[str], deps: Deps) -> list[Place]:
    """Where the entries with these ids are, ascending. Raises TamperedError when one is not."""
    wanted = frozenset(filter(None, ids))
    found = deps.audit.find(EntryFilter(id=wanted)) if wanted else ()
    if {entry.id for _, entry in found} != wanted:
        raise TamperedError("an entry is not where the index says")
    return sorted(place for place, _ in found)
