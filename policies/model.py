"""Frozen types of the rules. The rules themselves are files; see ``policies/README.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from policies.denied import DeniedFeatures

#: Data classes after JR/T 0171-2020, from the lowest to the highest.
CLASSES: Final = ("C1", "C2", "C3")

#: Conditions a rule may name. ``none`` always holds, another one when the caller has established that fact.
CONDITIONS: Final = ("none", "not_requester")

#: In a rule's purposes: a request that has no purpose.
NO_PURPOSE: Final = "-"

#: In a rule's purposes: no purpose, or any that ``purposes.yaml`` declares.
ANY_PURPOSE: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """What is asked of the decision point. All fields are mandatory; ``""`` stands for none.

    Attributes:
        actor: ``user:ann``.
        roles: assigned roles.
        resource: resource type, such as ``aggregate``, ``score``, ``report``.
        action: verb, such as ``request``, ``approve``, ``read``.
        data_class: highest class touched, C1 to C3.
        purpose: purpose code.
        facts: names of conditions the caller has established, such as ``not_requester``.
    """

    actor: str
    roles: frozenset[str]
    resource: str
    action: str
    data_class: str
    purpose: str
    facts: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer.

    Attributes:
        allow: False unless a rule says so.
        rule: id of the matched rule, empty for none.
        role: role under which it matched, empty for none.
        reason: short code, such as ``allowed``, ``no_rule``, ``purpose_not_granted``, ``class_too_high``,
            ``condition_failed``, ``denied_by_rule``.
        policy: ``sha256:`` digest of the bundle that decided.
    """

    allow: bool
    rule: str
    role: str
    reason: str
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """A processing purpose and its lawful basis.

    Attributes:
        code: such as ``credit_scoring``.
        basis: how it is lawful; ``consent`` needs a standing record per subject.
        consent_kind: strength of consent needed (``plain``, ``separate``, ...), empty for other bases.
        automated_decision: PIPL 24(3) applies: a subject may refuse it.
        title: language code to text.
        law: citation.
    """

    code: str
    basis: Literal["consent", "contract", "legal_obligation"]
    consent_kind: str
    automated_decision: bool
    title: Mapping[str, str]
    law: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """What erasure does to a class of data.

    Attributes:
        data_class: such as ``aml_record``, ``contact``, ``service_note``.
        outcome: ``delete``, or ``restrict`` where a law says keep (PIPL 47, second paragraph).
        keep_days: how long after the decision it is kept; 0 for ``delete``.
        use_days: days after its event for which a row may be used; 0 for no such end.
        purposes: the only ones that a dataset of the class may name; empty for any.
        needs: roles of columns that only datasets of such a class have, and all of them do.
        covers: datasets (``dataset:statements``) and sealed documents (``vault:identity``) of the class.
        title: language code to text.
        law: citation.
    """

    data_class: str
    outcome: Literal["delete", "restrict"]
    keep_days: int
    covers: tuple[str, ...]
    title: Mapping[str, str]
    law: str
    use_days: int = 0
    purposes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRule:
    """A scope of the privacy budget.

    Attributes:
        scope: ``dataset:statements``, ``role:analyst`` or ``actor:*`` (one scope per actor).
        rho: cap in micro-rho (zCDP).
        delta_exponent: delta of 10^-n at which the cap is shown as epsilon.
    """

    scope: str
    rho: int
    delta_exponent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that must be told of a breach, and by when.

    Attributes:
        title: language code to what is told, and to whom.
        law: language code to the article that asks for it.
        hours: how long after its start; 0 where the law says at once.
        start: ``known``, or ``closed`` when the handling has ended.
        grade: the lowest grade of a breach that it is due for; empty for every breach.
        since: the day, in UTC, from which the law is in force.
    """

    title: Mapping[str, str]
    law: Mapping[str, str]
    hours: int
    start: str
    grade: str
    since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Jurisdiction:
    """Deadlines and references of a law, as data.

    Attributes:
        code: such as ``cn_pipl``.
        title: language code to text.
        clocks: name to days, such as ``rights_request: 15``.
        working_days: names of the clocks that count working days.
        notices: what must be told of a breach.
        grades: grade of a breach to the number of people affected from which it is of that grade.
        clauses: law clause to what it asks, such as ``PIPL 47(1)``; the law-to-code matrix is built from it.
    """

    code: str
    title: Mapping[str, str]
    clocks: Mapping[str, int]
    working_days: tuple[str, ...]
    notices: tuple[Notice, ...]
    grades: Mapping[str, int]
    clauses: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of ``access/policy.csv``.

    Attributes:
        id: unique, quoted in every decision and audit entry.
        role: who.
        resource: on what.
        action: does what.
        max_class: highest data class the rule reaches.
        purposes: purpose codes, ``-`` for a request without one, ``*`` for any.
        condition: one of ``CONDITIONS``.
        eft: ``allow``, or ``deny``, which wins over every allow.
    """

    id: str
    role: str
    resource: str
    action: str
    max_class: str
    purposes: tuple[str, ...]
    condition: str
    eft: Literal["allow", "deny"]

    @property
    def permission(self) -> str:
        """``noun:verb``."""
        return f"{self.resource}:{self.action}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """Separation of duties.

    Attributes:
        four_eyes: permission to approve, to the permission to ask that it approves.
        apart: pairs of roles that one person may not hold together.
        never: role to permissions that a deny rule must keep from it.
    """

    four_eyes: Mapping[str, str]
    apart: tuple[frozenset[str], ...]
    never: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Limits of the probability that two enrolments are one person, in thousandths.

    Attributes:
        accept: from here on merged without a person's judgement, where the hard rules allow it.
        review: from here on shown to a person.
    """

    accept: int
    review: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBundle:
    """All rules in force, read at one time. Replaced as a whole, never changed.

    Attributes:
        digest: ``sha256:`` over the names and bytes of all rule files.
        matcher: text of ``access/model.conf``.
        rules: in file order.
        roles: every role that exists.
        role_titles: role to its title by language.
        permissions: every ``noun:verb`` that exists.
        separation: separation of duties.
        purposes: by code.
        retention: by data class.
        log_days: days for which entries are kept, by log: ``governance``, ``access``.
        budgets: caps of the privacy budget.
        datamap: place (``dataset:notes``, ``vault:card``) to data class.
        jurisdictions: by code.
        denied: features that no dataset may hold.
        matching: when two enrolments are read as one person.
    """

    digest: str
    matcher: str
    rules: tuple[Rule, ...]
    roles: frozenset[str]
    role_titles: Mapping[str, Mapping[str, str]]
    permissions: frozenset[str]
    separation: Separation
    purposes: Mapping[str, Purpose]
    retention: Mapping[str, RetentionRule]
    log_days: Mapping[str, int]
    budgets: tuple[BudgetRule, ...]
    datamap: Mapping[str, str]
    jurisdictions: Mapping[str, Jurisdiction]
    denied: DeniedFeatures
    matching: Matching

    def conflicting_roles(self, roles: Iterable[str]) -> tuple[str, ...]:
        """Those of the roles that one person may not hold together, sorted; empty when all is well."""
        held = frozenset(roles)
        return tuple(sorted({role for pair in self.separation.apart if pair <= held for role in pair}))
