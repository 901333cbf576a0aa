"""What a plan means under the contracts in force: key grid, bounds, tables. Public facts only, no data.

The contracts give each table's public key sets and declared bounds (``Table``); ``resolve`` turns a plan into
a ``Query``, or refuses it with the reason and the place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Final

from privacy.dp.budget import PrivacyLoss
from privacy.dp.errors import (
    CapacityError,
    JoinError,
    NotCategoryError,
    NotMeasureError,
    PeriodError,
    TooManyCellsError,
    UnboundedError,
    UnknownColumnError,
    UnknownKeyError,
    UnknownTableError,
)
from privacy.dp.query import MONTH, Measure, Plan, Reference

MAX_CELLS: Final = 10_000
WEIGHT: Final = 1000  # a row counts in thousandths
_CAPACITY: Final = 2**43  # thousandths of a customer in a cell: a million customers at the bound fit in int64


@dataclass(frozen=True, slots=True)
class Table:
    """Public facts of one table.

    Attributes:
        name: dataset name.
        columns: every stored column.
        categories: column to its public key set.
        measures: required number column to (lower, upper), or None where no bounds are declared.
        period: time column whose month is the release grain; empty for a table without time.
        row_per_subject: at most one row per subject, so that it can be joined.
    """

    name: str
    columns: frozenset[str]
    categories: Mapping[str, tuple[str, ...]]
    measures: Mapping[str, tuple[int, int] | None]
    period: str
    row_per_subject: bool


@dataclass(frozen=True, slots=True)
class Key:
    """One axis of the grid: where it is read and its public values, in order."""

    name: str
    column: Reference
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """One vector over the grid that gets noise: a count (empty column) or the sum of a clamped column."""

    column: str
    lower: int
    upper: int

    @property
    def magnitude(self) -> int:
        """Most that one row of full weight moves a cell."""
        return max(abs(self.lower), abs(self.upper))


COUNT: Final = Total("", 0, 1)


@dataclass(frozen=True, slots=True)
class Query:
    """A plan with its public facts. Made by ``resolve``.

    Attributes:
        plan: the question.
        table: the dataset asked.
        joins: tables joined N:1, by name.
        keys: axes of the grid, in the plan's order.
        totals: vectors to release; a count or sum is shared by all measures that need it.
    """

    plan: Plan
    table: Table
    joins: tuple[str, ...]
    keys: tuple[Key, ...]
    totals: tuple[Total, ...]

    @property
    def datasets(self) -> tuple[str, ...]:
        """Every table read."""
        return (self.table.name, *self.joins)

    @property
    def n_cells(self) -> int:
        """Size of the grid; 1 without keys."""
        return prod(len(key.values) for key in self.keys)

    def cells(self) -> Iterator[tuple[str, ...]]:
        """The key values of every cell, last key fastest: the order of all vectors."""
        return product(*(key.values for key in self.keys))

    @property
    def n_periods(self) -> int:
        """Months read; 1 for a table without time."""
        return max(1, len(self.plan.periods))

    @property
    def by_month(self) -> bool:
        """Whether rows of different months never share a cell."""
        return any(key.name == MONTH for key in self.keys)

    def share(self) -> PrivacyLoss:
        """Loss of each vector: the plan's epsilon in equal parts. Raises LossError when it is too small."""
        return PrivacyLoss.from_epsilon(self.plan.epsilon, self.plan.delta_exponent).split(len(self.totals))

    def cost(self) -> PrivacyLoss:
        """Loss of the whole plan."""
        return self.share().times(len(self.totals))


def resolve(plan: Plan, catalogue: Mapping[str, Table]) -> Query:
    """Hold the plan against the contracts. Raises a PlanError, or LossError when epsilon is too small."""
    if plan.dataset not in catalogue:
        raise UnknownTableError("dataset")
    table = catalogue[plan.dataset]
    if bool(plan.periods) != bool(table.period):
        raise PeriodError("periods")
    keys = tuple(_key(plan, catalogue, ref, f"keys[{i}]") for i, ref in enumerate(plan.keys))
    for i, condition in enumerate(plan.filters):
        values = _category(plan, catalogue, condition.column, f"filters[{i}].column")
        if not set(condition.keys) <= set(values):
            raise UnknownKeyError(f"filters[{i}].in")
    references = (*plan.keys, *(f.column for f in plan.filters))
    query = Query(
        plan=plan,
        table=table,
        joins=tuple(sorted({ref.table for ref in references if ref.table})),
        keys=keys,
        totals=_totals(plan.measures, table),
    )
    if query.n_cells > MAX_CELLS:
        raise TooManyCellsError("keys")
    months = 1 if query.by_month else query.n_periods
    widest = max(total.magnitude for total in query.totals)
    if WEIGHT * plan.rows_per_month * months * widest > _CAPACITY:
        raise CapacityError("measures")
    query.share()
    return query


def _key(plan: Plan, catalogue: Mapping[str, Table], ref: Reference, where: str) -> Key:
    if ref == Reference("", MONTH):
        if not plan.periods:
            raise PeriodError(where)
        return Key(MONTH, Reference("", catalogue[plan.dataset].period), plan.periods)
    return Key(str(ref), ref, _category(plan, catalogue, ref, where))


def _category(plan: Plan, catalogue: Mapping[str, Table], ref: Reference, where: str) -> tuple[str, ...]:
    name = ref.table or plan.dataset
    if name not in catalogue:
        raise UnknownTableError(where)
    table = catalogue[name]
    if ref.table and (not table.row_per_subject or name == plan.dataset):
        raise JoinError(where)
    if ref.column not in table.columns:
        raise UnknownColumnError(where)
    if not table.categories.get(ref.column):
        raise NotCategoryError(where)
    return table.categories[ref.column]


def _totals(measures: tuple[Measure, ...], table: Table) -> tuple[Total, ...]:
    """Count first, then sums by column: a mean needs both and shares them."""
    sums = {}
    for i, measure in enumerate(measures):
        if measure.kind != "count":
            sums[measure.column] = _sum(measure.column, table, f"measures[{i}]")
    counted = any(measure.kind != "sum" for measure in measures)
    return (*((COUNT,) if counted else ()), *(sums[column] for column in sorted(sums)))


def _sum(column: str, table: Table, where: str) -> Total:
    if column not in table.columns:
        raise UnknownColumnError(where)
    if column not in table.measures:
        raise NotMeasureError(where)
    bounds = table.measures[column]
    if bounds is None or bounds[0] > bounds[1] or bounds == (0, 0):
        raise UnboundedError(where)
    return Total(column, *bounds)
