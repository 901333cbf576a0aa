"""Exact totals in which no customer weighs more than a declared bound. No noise here: the result is secret.

A row of a customer with n rows in the month has weight ``w = min(1000, 1000 C div n)`` thousandths, so the
rows of one customer and month weigh at most 1000 C together, however they are grouped or filtered. A count
adds up w, a sum adds up w times the value clamped to the declared bounds. Everything is an integer: no
rounding, no dependence on the order of rows. n is the ``_n`` that the event store keeps with each row.

L2 sensitivity for T months: ``1000 C B sqrt(T)`` when month is a key (his months lie in different cells),
``1000 C B T`` otherwise, with B the largest absolute value of the bounds (1 for a count). The proof is in
docs/explanation/bounding.md. A customer is in one bucket only, so totals of buckets may be added.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from privacy.dp.query import MONTH
from privacy.dp.schema import WEIGHT, Key, Query, Total
from privacy.dp.unit import CUSTOMER

_INT64: Final = 2**63 - 1
_WEIGHT: Final = "_weight"
_CELL: Final = "_cell"


@dataclass(frozen=True, slots=True)
class Population:
    """Whose rows count: exactly the customers of ``pseudonyms``, or everybody but them.

    Attributes:
        pseudonyms: Binary, distinct.
        only: True for exactly these, False for everybody else.
    """

    pseudonyms: pl.Series
    only: bool


EVERYONE: Final = Population(pl.Series([], dtype=pl.Binary), only=False)


def l2_squared(query: Query, total: Total) -> int:
    """Square of the L2 sensitivity of one vector, exact, in thousandths squared."""
    month = WEIGHT * query.plan.rows_per_month * total.magnitude
    return month**2 * query.n_periods if query.by_month else (month * query.n_periods) ** 2


def l2_sensitivity(query: Query, total: Total) -> float:
    """The same as a float that is never too small."""
    return math.nextafter(math.sqrt(l2_squared(query, total)), math.inf)


def exact_totals(
    query: Query, tables: Mapping[str, pl.LazyFrame], population: Population = EVERYONE
) -> NDArray[np.int64]:
    """Bounded totals over the full key grid.

    Args:
        query: the resolved plan.
        tables: the live rows of ``query.datasets``, whole or of one bucket.
        population: whose rows count.

    Returns:
        Shape (totals, cells), thousandths; zero where a cell has no rows.
    """
    rows = _rows(query, tables[query.table.name])
    if not query.joins:
        rows = _among(rows, population)
    for name in query.joins:  # the join is inner, so it is enough to look people up on its smaller side
        rows = rows.join(_among(_lookup(query, name, tables[name]), population), on=CUSTOMER)
    names = [f"_t{i}" for i in range(len(query.totals))]
    sums = [_sum(total).alias(name) for name, total in zip(names, query.totals, strict=True)]
    groups = [f"_k{i}" for i in range(len(query.keys))]
    found = (rows.group_by(groups).agg(sums) if groups else rows.select(sums)).collect()
    cells = found.select(_cell(query), *names).drop_nulls(_CELL).group_by(_CELL).agg(pl.col(names).sum())
    exact = np.zeros((len(names), query.n_cells), dtype=np.int64)
    for i, name in enumerate(names):
        exact[i, cells[_CELL].to_numpy()] = cells[name].clip(-_INT64, _INT64).cast(pl.Int64).to_numpy()
    return exact


def _rows(query: Query, table: pl.LazyFrame) -> pl.LazyFrame:
    """The dataset's rows with weight and own key values; other months and filtered rows are gone."""
    if query.table.period:
        table = table.filter(_in_months(query.table.period, query.plan.periods))
    if "_n" not in table.collect_schema().names():  # the store kept no totals: count here
        month = [pl.col(query.table.period).cast(pl.Date).dt.month_start()] if query.table.period else []
        table = table.with_columns(pl.len().over(pl.col(CUSTOMER), *month).cast(pl.Int64).alias("_n"))
    return _matching(table, query, "").select(
        CUSTOMER,
        _weight(query.plan.rows_per_month),
        *_key_values(query, ""),
        *(pl.col(t.column).cast(pl.Int64).clip(t.lower, t.upper) for t in query.totals if t.column),
    )


def _lookup(query: Query, name: str, table: pl.LazyFrame) -> pl.LazyFrame:
    """A per-subject table reduced to key values.

    A customer with several rows has none: decided by his own rows alone, and no error tells of it.
    """
    alone = table.filter(pl.col(CUSTOMER).is_unique())
    return _matching(alone, query, name).select(CUSTOMER, *_key_values(query, name))


def _among(rows: pl.LazyFrame, population: Population) -> pl.LazyFrame:
    if not population.only and population.pseudonyms.is_empty():
        return rows
    people = population.pseudonyms.alias(CUSTOMER).to_frame().lazy()
    return rows.join(people, on=CUSTOMER, how="semi" if population.only else "anti")


def _matching(table: pl.LazyFrame, query: Query, name: str) -> pl.LazyFrame:
    """Rows that meet the filters over this table."""
    for condition in query.plan.filters:
        if condition.column.table == name:
            value = pl.col(condition.column.column).cast(pl.String)
            table = table.filter(value.is_in(list(condition.keys)))
    return table


def _weight(rows_per_month: int) -> pl.Expr:
    """``min(1000, 1000 C div n)``; a row count that cannot be true gives no weight."""
    n = pl.col("_n").cast(pl.Int64)
    full = pl.lit(WEIGHT, dtype=pl.Int64)
    capped = pl.when(n <= rows_per_month).then(full).otherwise(WEIGHT * rows_per_month // n)
    return pl.when(n >= 1).then(capped).otherwise(pl.lit(0, dtype=pl.Int64)).alias(_WEIGHT)


def _sum(total: Total) -> pl.Expr:
    """Summed in 128 bits; ``exact_totals`` cuts to 64, and a cut never moves two sums further apart."""
    value = pl.col(total.column) * pl.col(_WEIGHT) if total.column else pl.col(_WEIGHT)
    return value.cast(pl.Int128).sum()


def _key_values(query: Query, name: str) -> list[pl.Expr]:
    """The keys read from one table, as they stand in it; days become months in ``_cell``."""
    return [
        (pl.col(key.column.column).cast(pl.Date) if _is_month(key) else pl.col(key.column.column)).alias(
            f"_k{i}"
        )
        for i, key in enumerate(query.keys)
        if key.column.table == name
    ]


def _cell(query: Query) -> pl.Expr:
    """Position in the grid, last key fastest; null when a value is not in its public key set."""
    cell = pl.lit(0, dtype=pl.Int64)
    for i, key in enumerate(query.keys):
        if _is_month(key):
            public = pl.Series([_first(v) for v in key.values], dtype=pl.Date)
            value = pl.col(f"_k{i}").dt.month_start()
        else:
            public, value = pl.Series(key.values, dtype=pl.String), pl.col(f"_k{i}").cast(pl.String)
        positions = pl.Series(range(len(public)), dtype=pl.Int64)
        cell = cell * len(public) + value.replace_strict(public, positions, default=None)
    return cell.alias(_CELL)


def _in_months(column: str, periods: Sequence[str]) -> pl.Expr:
    """Rows of these months, as few date ranges as they make up."""
    day = pl.col(column).cast(pl.Date)
    ranges: list[tuple[date, date]] = []
    for period in periods:
        first, after = _first(period), _first(period, later=1)
        if ranges and ranges[-1][1] == first:
            ranges[-1] = (ranges[-1][0], after)
        else:
            ranges.append((first, after))
    return pl.any_horizontal(day.is_between(first, after, closed="left") for first, after in ranges)


def _is_month(key: Key) -> bool:
    return key.name == MONTH


def _first(period: str, later: int = 0) -> date:
    year, month = divmod(int(period[:4]) * 12 + int(period[5:]) - 1 + later, 12)
    return date(year, month + 1, 1)
