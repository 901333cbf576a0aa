"""Consent records as columns, and what a kind of consent covers.

A record says: this subject consented to this purpose, in this kind, from ``given_at`` until ``valid_until``
(null: open-ended), and withdrew at ``withdrawn_at`` (null: never). Intervals are half-open: a consent holds
at the instant it is given and no longer at the instant it expires or is withdrawn. All times are UTC.

Kinds are those of PIPL 14, 29 and 31. A stronger kind covers a weaker need; ``written`` and ``guardian``
consent do not stand in for each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import polars as pl

_UTC: Final = pl.Datetime("us", "UTC")

#: Columns the gate reads; a frame may have more.
CONSENTS: Final = pl.Schema(
    {
        "_subject": pl.Int64(),
        "purpose": pl.String(),
        "kind": pl.String(),
        "given_at": _UTC,
        "valid_until": _UTC,
        "withdrawn_at": _UTC,
    }
)

#: What is needed -> the kinds that cover it.
COVERED_BY: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "plain": frozenset({"plain", "separate", "written", "guardian"}),  # PIPL 14
        "separate": frozenset({"separate", "written", "guardian"}),  # PIPL 29
        "written": frozenset({"written"}),  # PIPL 29
        "guardian": frozenset({"guardian"}),  # PIPL 31
    }
)

#: Lawful bases under which no consent is asked for (PIPL 13(1) 2 and 3). Any other word is refused.
NO_CONSENT_NEEDED: Final = frozenset({"contract", "legal_obligation"})


@dataclass(frozen=True, slots=True)
class ConsentNeed:
    """What a purpose needs of each subject.

    Attributes:
        basis: ``consent``, or a basis that needs none.
        purpose: purpose code.
        kind: kind of consent needed; empty where the basis needs none.
    """

    basis: str
    purpose: str
    kind: str
