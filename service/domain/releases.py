"""An aggregate's life: requested, approved by another person, charged, released. Forward only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class ReleaseState(StrEnum):
    """Where a release stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    CHARGED = "charged"  # paid, not yet answered: after a crash it stays paid
    RELEASED = "released"
    REFUSED = "refused"


NEXT: Final[dict[ReleaseState, frozenset[ReleaseState]]] = {
    ReleaseState.REQUESTED: frozenset({ReleaseState.APPROVED, ReleaseState.REFUSED}),
    ReleaseState.APPROVED: frozenset({ReleaseState.CHARGED, ReleaseState.REFUSED}),
    ReleaseState.CHARGED: frozenset({ReleaseState.RELEASED}),
    ReleaseState.RELEASED: frozenset(),
    ReleaseState.REFUSED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Release:
    """A request for a noisy answer and, once released, the answer.

    Attributes:
        id: 128 random bits in hex.
        plan: canonical JSON of the closed plan (``privacy.dp.query``).
        plan_digest: ``sha256:`` of the plan.
        purpose: purpose code.
        requester: actor id.
        approver: actor id, empty until approved; never the requester.
        rho: cost in micro-rho.
        state: see ``ReleaseState``.
        created_at: UTC.
        data_version: versions of the tables read, such as ``customers@3,statements@7``; empty until charged.
        answer: canonical JSON of the answer, empty until released.
        entry: id of the audit entry that recorded the release, empty until then.
    """

    id: str
    plan: str
    plan_digest: str
    purpose: str
    requester: str
    approver: str
    rho: int
    state: ReleaseState
    created_at: datetime
    data_version: str = ""
    answer: str = ""
    entry: str = ""
