"""Who may do what, said a second time in plain Python: the decision point is held against it.

It does not read ``access/policy.csv``. Whoever changes a rule there changes it here as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

CONTRACT, REPORTING = "contract_performance", "regulatory_reporting"
SCORING, SEGMENTS, SERVICE = "credit_scoring", "value_segmentation", "service_improvement"
BEHAVIOUR, THIRD_PARTY = "behaviour_analysis", "third_party_data"
PURPOSES: Final = (CONTRACT, REPORTING, SCORING, SEGMENTS, SERVICE, BEHAVIOUR, THIRD_PARTY)
ROLES: Final = (
    "admin",
    "data_steward",
    "analyst",
    "modeller",
    "risk_officer",
    "privacy_officer",
    "compliance_officer",
    "auditor",
    "source_system",
)
NONE: Final = frozenset({""})
ANY: Final = frozenset({"", *PURPOSES})
AGGREGATES: Final = frozenset({REPORTING, SERVICE, SEGMENTS, BEHAVIOUR, THIRD_PARTY})


@dataclass(frozen=True)
class Grant:
    """Up to which class, for which purposes, and whether only for what somebody else asked."""

    top: int
    purposes: frozenset[str]
    other_person: bool = False


PLAIN: Final = Grant(1, ANY)
AGGREGATE: Final = Grant(2, AGGREGATES)
APPROVE: Final = Grant(2, AGGREGATES, other_person=True)
SEGMENT: Final = Grant(2, frozenset({SEGMENTS}))
SCORE: Final = Grant(2, frozenset({SCORING}))
RIGHTS: Final = Grant(3, NONE)
REPORT: Final = Grant(2, frozenset({"", REPORTING}))

GRANTS: Final[dict[str, dict[str, Grant]]] = {
    "dataset:add": {"data_steward": PLAIN},
    "dataset:ingest": {"data_steward": Grant(2, ANY), "source_system": Grant(2, NONE)},
    "reference:add": {"data_steward": PLAIN},
    "pii:scan": {"data_steward": Grant(2, NONE)},
    "pii:classify": {"data_steward": Grant(2, NONE)},
    "consent:import": {"data_steward": PLAIN},
    "consent:withdraw": dict.fromkeys(("data_steward", "privacy_officer", "compliance_officer"), PLAIN),
    "identity:match": {"data_steward": RIGHTS},
    "identity:decide": {"data_steward": RIGHTS},
    "identity:read": dict.fromkeys(("data_steward", "privacy_officer"), Grant(1, NONE)),
    "identity:undo": dict.fromkeys(("data_steward", "privacy_officer"), Grant(1, NONE)),
    "aggregate:preview": {"analyst": AGGREGATE, "privacy_officer": AGGREGATE},
    "aggregate:request": {"analyst": AGGREGATE},
    "aggregate:approve": {"privacy_officer": APPROVE},
    "aggregate:run": {"analyst": AGGREGATE},
    "profile:build": dict.fromkeys(("data_steward", "modeller"), Grant(2, frozenset({SEGMENTS, BEHAVIOUR}))),
    "profile:read": {"analyst": SEGMENT},
    "model:train": {"modeller": SCORE},
    "model:approve": {"privacy_officer": Grant(2, frozenset({SCORING}), other_person=True)},
    "score:build": {"modeller": SCORE},
    "score:read": {"risk_officer": SCORE},
    "rights:open": {"compliance_officer": RIGHTS},
    "rights:decide": {"compliance_officer": RIGHTS},
    "rights:run": {"compliance_officer": RIGHTS},
    "retention:run": dict.fromkeys(("data_steward", "compliance_officer"), RIGHTS),
    "report:build": {"compliance_officer": REPORT},
    "report:approve": {"privacy_officer": Grant(2, frozenset({"", REPORTING}), other_person=True)},
    "report:read": dict.fromkeys(("compliance_officer", "privacy_officer", "auditor"), REPORT),
    "audit:read": dict.fromkeys(("privacy_officer", "compliance_officer", "auditor"), PLAIN),
    "audit:open": {"compliance_officer": RIGHTS},
    "audit:trace": {"compliance_officer": RIGHTS},
    "audit:export": dict.fromkeys(("privacy_officer", "compliance_officer", "auditor"), PLAIN),
    "user:add": {"admin": PLAIN},
    "key:rotate": {"admin": PLAIN},
    "source:add": {"admin": PLAIN},
    "source:revoke": {"admin": PLAIN},
    "budget:read": dict.fromkeys(ROLES[:-1], PLAIN),
}
#: Where no deny rule stands in the way of an administrator who also holds another role.
ADMIN_NOT_KEPT: Final = frozenset(
    {
        "user:add",
        "key:rotate",
        "source:add",
        "source:revoke",
        "budget:read",
        "audit:read",
        "audit:export",
        "dataset:add",
        "identity:read",
        "identity:undo",
        "reference:add",
        "rights:open",
        "consent:import",
        "consent:withdraw",
    }
)


@dataclass(frozen=True)
class Cell:
    """One point of the decision matrix."""

    roles: frozenset[str]
    permission: str
    data_class: str
    purpose: str
    facts: frozenset[str]


def role_sets() -> tuple[frozenset[str], ...]:
    """Nobody, each role, each pair with the administrator or the auditor, and one pair of two grants."""
    pairs = {frozenset({a, b}) for a in ("admin", "auditor") for b in ROLES}
    return (frozenset(), *sorted(pairs, key=sorted), *(frozenset({r}) for r in ROLES), frozenset(ROLES[2:6]))


def cells() -> tuple[Cell, ...]:
    """The whole matrix."""
    facts = (frozenset[str](), frozenset({"not_requester"}))
    asked = ("", *PURPOSES, "curiosity")
    return tuple(
        Cell(roles, permission, data_class, purpose, fact)
        for permission, roles, data_class, purpose, fact in product(
            GRANTS, dict.fromkeys(role_sets()), ("C1", "C2", "C3"), asked, facts
        )
    )


def decide(cell: Cell) -> tuple[bool, str]:
    """Whether it is allowed, and the reason code."""
    if cell.purpose not in ANY:
        return False, "purpose_not_granted"
    if "admin" in cell.roles and cell.permission not in ADMIN_NOT_KEPT:
        return False, "denied_by_rule"
    if "auditor" in cell.roles and cell.permission == "user:add":
        return False, "denied_by_rule"
    lacks = [_lacks(grant, cell) for role, grant in GRANTS[cell.permission].items() if role in cell.roles]
    if not lacks:
        return False, "no_rule"
    nearest = min(lacks, key=len)
    return (False, nearest[0]) if nearest else (True, "allowed")


def _lacks(grant: Grant, cell: Cell) -> list[str]:
    lacks = []
    if cell.purpose not in grant.purposes:
        lacks.append("purpose_not_granted")
    if int(cell.data_class[1]) > grant.top:
        lacks.append("class_too_high")
    if grant.other_person and "not_requester" not in cell.facts:
        lacks.append("condition_failed")
    return lacks
