"""The consent gate written plainly, one row at a time: what the columnar one must equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

STRENGTH = {"plain": 0, "separate": 1, "written": 2, "guardian": 2}


@dataclass(frozen=True, slots=True)
class Given:
    """One consent record."""

    subject: int
    purpose: str
    kind: str
    given_at: datetime
    valid_until: datetime | None
    withdrawn_at: datetime | None


def covers(kind: str, need: str) -> bool:
    """A stronger kind covers a weaker need; the two strongest do not cover each other."""
    return kind == need or STRENGTH[kind] > STRENGTH[need]


def reason(
    subject: int | None, records: Sequence[Given], purpose: str, need: str, at: datetime
) -> str | None:
    """None when admitted."""
    mine = [r for r in records if r.subject == subject and r.purpose == purpose and r.given_at <= at]
    if not mine:
        return "no_consent"
    covering = [r for r in mine if covers(r.kind, need)]
    pool = covering or mine
    newest = max(r.given_at for r in pool)
    tied = [r for r in pool if r.given_at == newest]
    for record in mine:
        if record.withdrawn_at is None or record.withdrawn_at > at:
            continue
        if record.withdrawn_at >= newest or record in tied:
            return "withdrawn"
    if any(r.valid_until is not None and r.valid_until <= at for r in tied):
        return "expired"
    return None if covering else "not_separate"
