"""Consent records as the service keeps them: who, for what, of which kind, from when to when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ConsentKind(StrEnum):
    """PIPL knows several strengths of consent; a stronger one covers a weaker one's need."""

    PLAIN = "plain"  # PIPL 14
    SEPARATE = "separate"  # PIPL 29
    WRITTEN = "written"  # PIPL 29
    GUARDIAN = "guardian"  # PIPL 31


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One giving of consent.

    Attributes:
        subject: subject number.
        purpose: purpose code.
        kind: strength.
        given_at: UTC.
        valid_until: UTC, None for open-ended.
        withdrawn_at: UTC, None while it stands.
        notice: version of the notice that was shown.
    """

    subject: int
    purpose: str
    kind: ConsentKind
    given_at: datetime
    valid_until: datetime | None
    withdrawn_at: datetime | None
    notice: str
