"""What the behaviour report is made from: frames without identifiers, and small facts about governance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from service.reporting.document import Provenance, Text

#: One noisy number: group, measure, estimate (None when there is none), and its 95 % interval.
Cells = tuple[str, str, int | None, int, int]


@dataclass(frozen=True, slots=True)
class ModelFact:
    """The model that made the scores."""

    name: str
    version: int
    digest: str
    trained_by: str
    approved_by: str
    rho: int
    training: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class BudgetFact:
    """A budget scope, in micro-rho."""

    scope: str
    cap: int
    spent: int


@dataclass(frozen=True, slots=True)
class ReleaseFact:
    """A noisy answer that left.

    Attributes:
        id: release id.
        question: such as ``count, mean:bill_cents by month, education``.
        purpose: purpose code.
        rho: micro-rho charged.
        epsilon: micro-epsilon asked for.
        data_version: tables and versions read.
        entry: index of its audit entry.
        cells: its numbers.
    """

    id: str
    question: str
    purpose: str
    rho: int
    epsilon: int
    data_version: str
    entry: int
    cells: tuple[Cells, ...]


@dataclass(frozen=True, slots=True)
class BatchFact:
    """Row accounts of one dataset's batches."""

    dataset: str
    batches: int
    rows: int
    admitted: int
    quarantined: int
    refused: int


@dataclass(frozen=True, slots=True)
class RightsFact:
    """Rights requests of one kind."""

    right: str
    opened: int
    done: int
    refused: int
    expired: int
    open: int
    late: int


@dataclass(frozen=True, slots=True)
class BehaviourFacts:
    """Everything that the report says, collected.

    Attributes:
        provenance: for whom, about when, from which state.
        profiles: ``segment``, ``contribution_cents``, ``util_mean``, ``pay_ratio`` per customer.
        scores: ``score``, ``grade``, ``bad`` (1, 0 or null when the outcome is unknown) per customer.
        months: ``month``, ``statements``, ``late``, ``bill_cents``, ``paid_cents`` per month.
        flags: ``rule``, ``limit``, ``customers``, ``months`` per rule.
        consents: ``purpose``, ``standing``, ``withdrawn``, ``expired`` people per purpose.
        purposes: purpose code to title.
        model: None while no model is approved.
        budget: scopes.
        releases: noisy answers.
        batches: intake accounts.
        rights: requests by kind.
        versions: table name to version.
    """

    provenance: Provenance
    profiles: pl.DataFrame
    scores: pl.DataFrame
    months: pl.DataFrame
    flags: pl.DataFrame
    consents: pl.DataFrame
    purposes: Mapping[str, Text]
    model: ModelFact | None
    budget: tuple[BudgetFact, ...]
    releases: tuple[ReleaseFact, ...]
    batches: tuple[BatchFact, ...]
    rights: tuple[RightsFact, ...]
    versions: Mapping[str, int]

    def inputs(self, *names: str) -> tuple[str, ...]:
        """Tables at the versions that were read; what is named in full already stays as it is."""
        return tuple(n if {":", "@"} & {*n} else f"{n}@{self.versions.get(n, -1)}" for n in names)
