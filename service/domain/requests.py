"""A rights request and its state table. Every transition is listed; anything else is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Right(StrEnum):
    """What a data subject may ask for here."""

    ACCESS = "access"  # PIPL 45, GDPR 15
    ERASURE = "erasure"  # PIPL 47, GDPR 17
    RESTRICTION = "restriction"  # PIPL 44, GDPR 18
    OBJECTION = "objection"  # PIPL 24(3), GDPR 21 and 22: no decision by automation alone


class RequestState(StrEnum):
    """Where a request stands. An unverified request has no effect on anything."""

    OPENED = "opened"
    VERIFIED = "verified"
    DECIDED = "decided"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"


NEXT: Final[dict[RequestState, frozenset[RequestState]]] = {
    RequestState.OPENED: frozenset({RequestState.VERIFIED, RequestState.EXPIRED}),
    RequestState.VERIFIED: frozenset({RequestState.DECIDED, RequestState.REFUSED}),
    RequestState.DECIDED: frozenset({RequestState.RUNNING}),
    RequestState.RUNNING: frozenset({RequestState.DONE}),
    RequestState.DONE: frozenset(),
    RequestState.REFUSED: frozenset(),
    RequestState.EXPIRED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class RightsRequest:
    """One request.

    Attributes:
        id: 128 random bits in hex.
        right: what is asked.
        subject: subject number; 0 when the contact is unknown (the answer to the outside is the same), and
            0 again once an erasure is done.
        state: see ``RequestState``.
        opened_at: UTC.
        due_at: UTC, statutory deadline of the jurisdiction.
        code_tag: keyed tag of the one-time code, empty once used.
        code_expires_at: UTC.
        attempts: wrong codes so far.
        decided_by: actor id.
        decision: canonical JSON, per data class outcome and law; empty until decided.
        steps: names of the finished steps, comma separated, in order.
        evidence: canonical JSON, what each finished step found; empty until running.
        certificate: file name of the certificate, empty until done.
    """

    id: str
    right: Right
    subject: int
    state: RequestState
    opened_at: datetime
    due_at: datetime
    code_tag: str = ""
    code_expires_at: datetime | None = None
    attempts: int = 0
    decided_by: str = ""
    decision: str = ""
    steps: str = ""
    evidence: str = ""
    certificate: str = ""
