"""Small generated tables, their public facts, and the worst customers that a bound must hold for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from fractions import Fraction
from typing import Any, Final

import numpy as np
import polars as pl

from privacy.dp.bounding import exact_totals, l2_squared
from privacy.dp.query import parse_plan
from privacy.dp.schema import Query, Table, Total, resolve
from privacy.dp.unit import CUSTOMER

Row = tuple[int, date, int, str]  # customer, day, amount, channel
Person = tuple[int, str]  # customer, education

LOWER: Final = -50
UPPER: Final = 200
MONTHS: Final = ("2005-04", "2005-05", "2005-06", "2005-08")
CATALOGUE: Final[Mapping[str, Table]] = {
    "people": Table(
        name="people",
        columns=frozenset({"education", "limit", "free"}),
        categories={"education": ("low", "high")},
        measures={"limit": (0, 1000)},
        period="",
        row_per_subject=True,
    ),
    "events": Table(
        name="events",
        columns=frozenset({"day", "amount", "channel", "unbounded"}),
        categories={"channel": ("app", "branch")},
        measures={"amount": (LOWER, UPPER), "unbounded": None},
        period="day",
        row_per_subject=False,
    ),
}
PLAN: Final[Mapping[str, Any]] = {
    "dataset": "events",
    "keys": ["month", "people.education"],
    "measures": ["count", "sum:amount", "mean:amount"],
    "periods": list(MONTHS),
    "epsilon": 1_000_000,
}


def query(**changes: Any) -> Query:
    """``PLAN`` with changes, resolved."""
    return resolve(parse_plan({**PLAN, **changes}), CATALOGUE)


def pseudonym(customer: int) -> bytes:
    """A 16-byte stand-in for a storage pseudonym."""
    return customer.to_bytes(16, "big")


def tables(rows: Iterable[Row], people: Iterable[Person]) -> dict[str, pl.DataFrame]:
    """The stored form: pseudonyms, and on every event the customer's row count of its month."""
    events = pl.DataFrame(
        [(pseudonym(c), day, amount, channel) for c, day, amount, channel in rows],
        schema={"_sp": pl.Binary, "day": pl.Date, "amount": pl.Int64, "channel": pl.String},
        orient="row",
    ).with_columns(pl.len().over("_sp", pl.col("day").dt.month_start()).cast(pl.Int64).alias("_n"))
    known = pl.DataFrame(
        [(pseudonym(c), education, 500) for c, education in people],
        schema={"_sp": pl.Binary, "education": pl.String, "limit": pl.Int64},
        orient="row",
    )
    return {"events": events, "people": known}


def totals(asked: Query, stored: Mapping[str, pl.DataFrame]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Exact totals of eager tables."""
    return exact_totals(asked, {name: table.lazy() for name, table in stored.items()})


def worst_ratio(
    asked: Query,
    stored: Mapping[str, pl.DataFrame],
    claim: Callable[[Query, Total], int] = l2_squared,
) -> Fraction:
    """The certificate: remove every customer in turn; the largest squared L2 change over the claimed one."""
    whole = totals(asked, stored)
    worst = Fraction(0)
    customers = {unit for table in stored.values() for unit in table[CUSTOMER].to_list()}
    for unit in customers:
        neighbour = {name: table.filter(pl.col(CUSTOMER) != unit) for name, table in stored.items()}
        change = whole - totals(asked, neighbour)
        for total, row in zip(asked.totals, change, strict=True):
            moved = sum(int(value) ** 2 for value in row)
            worst = max(worst, Fraction(moved, claim(asked, total)))
    return worst


def worst_case() -> dict[str, pl.DataFrame]:
    """Customers made to move as much as they can, beside some ordinary ones."""
    rows: list[Row] = []
    for month in (4, 5, 6, 8):
        rows.append((1, date(2005, month, 1), UPPER, "app"))  # one full row every month
        rows += [(2, date(2005, month, d), 10**9, "app") for d in range(1, 29)]  # many rows, above the bound
        rows += [(3, date(2005, month, d), (-1) ** d * 10**9, "branch") for d in range(1, 8)]
        rows.append((4, date(2005, month, 2), -(10**9), "branch"))  # below the bound
        rows += [(5, date(2005, month, d), UPPER, "app" if d % 2 else "branch") for d in (3, 9, 27)]
        rows.append((6, date(2005, month, 5), 7, "fax"))  # outside the public key set
    rows += [(7, date(2005, 4, 30), UPPER, "app")] * 3  # the same row three times
    people = [(c, "high" if c % 2 else "low") for c in range(1, 8)] + [(8, "low"), (8, "high")]
    return tables(rows, people)


def naive_totals(asked: Query, stored: Mapping[str, pl.DataFrame]) -> list[list[int]]:
    """The same totals, row by row in plain Python: what ``exact_totals`` must give."""
    education: dict[bytes, list[str]] = {}
    for row in stored["people"].rows(named=True):
        education.setdefault(row["_sp"], []).append(row["education"])
    cells = list(asked.cells())
    out = [[0] * len(cells) for _ in asked.totals]
    for row in stored["events"].rows(named=True):
        known = education.get(row["_sp"], [])
        values = {
            "month": row["day"].strftime("%Y-%m"),
            "channel": row["channel"],
            "people.education": known[0] if len(known) == 1 else None,
        }
        kept = all(values[str(f.column)] in f.keys for f in asked.plan.filters)
        if not kept or (asked.joins and len(known) != 1) or values["month"] not in asked.plan.periods:
            continue
        cell = tuple(values[key.name] for key in asked.keys)
        if cell not in cells:
            continue
        weight = min(1000, 1000 * asked.plan.rows_per_month // row["_n"])
        for place, total in enumerate(asked.totals):
            value = min(max(row["amount"], total.lower), total.upper) if total.column else 1
            out[place][cells.index(cell)] += weight * value
    return out
