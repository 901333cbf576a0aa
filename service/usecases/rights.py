"""Rights requests: open, verify, decide, run, certify. PIPL 44-48 and 50; GDPR 12, 15, 17, 18, 21, 22.

An unverified request changes nothing for anyone: it cannot be decided, it does not stand in the way of
another, and its answer to the outside is the same whether the contact is known or not.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from audit.entry import Detail
from service.domain.actors import Actor
from service.domain.deadlines import due_at
from service.domain.requests import RequestState, Right, RightsRequest
from service.errors import ConflictError, DeniedError, UnknownError, UsageError
from service.ports import Deps
from service.usecases import erasure
from service.usecases.access import Act, authorise
from service.usecases.audience import OBJECTED, normal_identifier, storage_pseudonym, subject_with
from service.usecases.certificate import certify
from service.usecases.package import access_package

_ID: Final = re.compile(r"[0-9a-f]{32}")
CODE_MINUTES: Final = 10
MAX_ATTEMPTS: Final = 5
MAX_OPEN_PER_HOUR: Final = 3
MAX_STATEMENT: Final = 2_000  # characters
CONTACTS: Final = frozenset({"email", "mobile"})


@dataclass(frozen=True, slots=True)
class Opened:
    """What the person who asked is told; the same for a known and an unknown contact.

    ``receipt_key`` opens the subject commitment in the certificate; the service does not keep it.
    """

    id: str
    due_at: str
    code_expires_at: str
    receipt_key: str


@dataclass(frozen=True, slots=True)
class Ran:
    """Outcome of a run. ``package`` is the access copy, for the person only and stored nowhere."""

    request: RightsRequest
    package: dict[str, object] | None


def open_request(right: Right, id_type: str, contact: str, *, actor: Actor, deps: Deps) -> Opened:
    """Open a request by a contact the service may hold, and send a one-time code there.

    Raises:
        UsageError: the contact is not an e-mail address or mobile number (it is never echoed).
    """
    request_id = secrets.token_hex(16)
    act = authorise(deps, actor, "rights:open", resource=_resource(request_id))
    if id_type not in CONTACTS:
        raise UsageError("a request is opened by e-mail address or mobile number")
    value = normal_identifier(id_type, contact)
    now = deps.clock.now()
    expires = now + timedelta(minutes=CODE_MINUTES)
    subject = subject_with(id_type, value, deps) or 0
    code, key = f"{secrets.randbelow(10**6):06d}", secrets.token_hex(32)
    request = RightsRequest(
        id=request_id,
        right=right,
        subject=subject,
        state=RequestState.OPENED,
        opened_at=now,
        due_at=_deadline(now, deps),
        code_tag=_code_tag(request_id, code, deps),
        code_expires_at=expires,
        evidence=_json({"commitment": hmac.digest(bytes.fromhex(key), value.encode(), "sha256").hex()}),
    )
    with deps.ops() as tx:
        fresh = [r for r in tx.requests.all() if now - r.opened_at < timedelta(hours=1)]
        recent = sum(r.subject == subject and r.state is RequestState.OPENED for r in fresh)
        entry = act.record(within=tx, detail=(("right", right.value),))
        tx.requests.add(_noted(request, entry=entry))
    if subject and recent < MAX_OPEN_PER_HOUR:
        deps.courier.deliver(id_type, value, code)
    return Opened(request_id, request.due_at.isoformat(), expires.isoformat(), key)


def verify_request(request_id: str, code: str, *, deps: Deps, statement: str = "") -> RightsRequest:
    """Check the one-time code: single use, ten minutes, five tries.

    ``statement`` is why the person asks, in their own words (PIPL 24(3), 44; GDPR 18(1), 21(1)): sealed away
    for them and who decides. It is kept with a good code only: before that, anybody may have written it.

    Raises:
        DeniedError: wrong, used or expired code, or an unknown contact: the reason is the same for all.
        UsageError: the statement is too long; the code is not used up.
    """
    if len(statement) > MAX_STATEMENT:
        raise UsageError("the statement is too long", longest=MAX_STATEMENT)
    act = _statutory(request_id, deps)
    with deps.ops() as tx:
        request = tx.requests.get(request_id)
        if request.state is not RequestState.OPENED:
            raise ConflictError("the request is not waiting for a code", state=request.state.value)
        good = _code_is_good(request, code, deps)
        attempts = request.attempts + (not good)
        state = RequestState.VERIFIED if good else RequestState.OPENED
        if attempts >= MAX_ATTEMPTS:
            state = RequestState.EXPIRED
        tag = request.code_tag if state is RequestState.OPENED else ""
        request = replace(request, state=state, attempts=attempts, code_tag=tag)
        said = (request.subject, {"statement": statement}) if good and statement else None
        entry = act.record(within=tx, detail=(("attempts", attempts), ("verified", int(good))), sealed=said)
        tx.requests.save(_noted(request, entry=entry if said else ""))
    if not good:
        raise DeniedError("the code is wrong or no longer valid", left=MAX_ATTEMPTS - attempts)
    return request


def decide_request(request_id: str, *, actor: Actor, deps: Deps) -> RightsRequest:
    """Decide a verified request by the rules in force, class by class, and write the decision down."""
    act = authorise(deps, actor, "rights:decide", resource=_resource(request_id))
    with deps.ops() as tx:
        request = tx.requests.get(request_id)
        _expect(request, RequestState.VERIFIED)
        rules = deps.policy.bundle.retention if request.right is Right.ERASURE else {}
        outcomes = erasure.plan_erasure(rules, deps.clock.now())
        kept = sum(outcome.outcome == "restrict" for outcome in outcomes)
        said: Detail = (("classes_kept", kept), ("right", request.right.value))
        entry = act.record(within=tx, about=storage_pseudonym(request.subject, deps), detail=said)
        decided = erasure.format_outcomes(outcomes)
        request = replace(request, state=RequestState.DECIDED, decided_by=actor.id, decision=decided)
        request = _noted(request, entry=entry)
        tx.requests.save(request)
    return request


def run_request(request_id: str, *, actor: Actor, deps: Deps) -> Ran:
    """Carry out a decided request, or go on with one that was interrupted; ends with a certificate."""
    act = authorise(deps, actor, "rights:run", resource=_resource(request_id))
    with deps.ops() as tx:
        request = tx.requests.get(request_id)
        if request.state is not RequestState.RUNNING:
            _expect(request, RequestState.DECIDED)
            request = replace(request, state=RequestState.RUNNING)
            tx.requests.save(request)
    carry_out = _erase if request.right is Right.ERASURE else _grant
    request, package = carry_out(request, act)
    name = certify(request, act)
    with deps.ops() as tx:
        if request.right is Right.ERASURE:
            tx.requests.forget(request.subject)
            request = replace(request, subject=0)
        request = replace(request, state=RequestState.DONE, certificate=name)
        tx.requests.save(request)
    return Ran(request, package)


def find_certificate(request_id: str, *, actor: Actor, deps: Deps) -> Path:
    """The certificate of a finished request. Raises ConflictError while there is none."""
    authorise(deps, actor, "rights:run", resource=_resource(request_id))
    with deps.ops() as tx:
        request = tx.requests.get(request_id)
    if not request.certificate:
        raise ConflictError("the request has no certificate yet", state=request.state.value)
    return deps.home / "certificates" / request.certificate


def _erase(request: RightsRequest, act: Act) -> tuple[RightsRequest, None]:
    for name, step in erasure.STEPS:
        if name in request.steps.split(","):
            continue
        found = step(request, act.deps)
        steps = ",".join(filter(None, (request.steps, name)))
        said: Detail = (("step", name), *found.items())
        with act.deps.ops() as tx:
            entry = act.record("rights:erase", within=tx, subjects=1, detail=said)
            request = _noted(replace(request, steps=steps), {name: found}, entry=entry)
            tx.requests.save(request)
    return request, None


def _grant(request: RightsRequest, act: Act) -> tuple[RightsRequest, dict[str, object] | None]:
    package, deps = None, act.deps
    if request.right is Right.ACCESS:
        package = access_package(request.subject, deps=deps)  # PIPL 45(1), GDPR 15
        found: dict[str, object] = {"parts": len(package)}
    elif request.right is Right.RESTRICTION:
        deps.vault.restrict(request.subject)  # PIPL 44, GDPR 18
        found = {"restricted": 1}
    else:
        with deps.ops() as tx:
            tx.requests.flag(request.subject, OBJECTED, deps.clock.now())  # PIPL 24(3), GDPR 21 and 22
        found = {"flag": OBJECTED}
    right = request.right.value
    return _noted(replace(request, steps=right), {right: found}), package


def _statutory(request_id: str, deps: Deps) -> Act:
    """The act of the data subject, whose right comes from the law, proven by the code: no rule grants it."""
    return Act(
        allow=True,
        rule="statutory",
        role="data_subject",
        reason="allowed",
        policy=deps.policy.bundle.digest,
        deps=deps,
        actor=Actor(f"subject:{request_id}", frozenset({"data_subject"})),
        permission="rights:verify",
        resource=_resource(request_id),
    )


def _resource(request_id: str) -> str:
    """How the log calls a request. What is no id may be anything, and the log keeps for ever: refused."""
    if not _ID.fullmatch(request_id):
        raise UnknownError("there is no such request")
    return f"rights/{request_id}"


def _noted(
    request: RightsRequest, found: Mapping[str, object] | None = None, *, entry: str = ""
) -> RightsRequest:
    """The request with more evidence, or a log entry of it: the certificate cites them all."""
    evidence = json.loads(request.evidence or "{}") | (found or {})
    if entry:
        evidence["entries"] = [*evidence.get("entries", []), entry]
    return replace(request, evidence=_json(evidence))


def _expect(request: RightsRequest, state: RequestState) -> None:
    if request.state is not state:
        found = request.state.value
        raise ConflictError("the request is not in the right state", state=found, needed=state.value)


def _deadline(opened: datetime, deps: Deps) -> datetime:
    """The earliest deadline of all laws in force here: PIPL 50 and GDPR 12(3)."""  # PIPL 50, GDPR 12(3)
    laws = deps.policy.bundle.jurisdictions.values()
    name = "rights_request"
    return min(due_at(opened, law.clocks[name], working=name in law.working_days) for law in laws)


def _code_tag(request_id: str, code: str, deps: Deps) -> str:
    return hmac.digest(deps.keyring.derive("one-time-code"), f"{request_id}:{code}".encode(), "sha256").hex()


def _code_is_good(request: RightsRequest, code: str, deps: Deps) -> bool:
    fresh = request.code_expires_at is not None and deps.clock.now() < request.code_expires_at
    same = hmac.compare_digest(request.code_tag, _code_tag(request.id, code, deps))
    return same and fresh and request.subject > 0


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
