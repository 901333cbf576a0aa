"""Card customers for tests: small frames from plain rows, and a seeded crowd."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from datetime import date

import polars as pl

from service.profiling.features import STATUS

WORDS = {number: word for word, number in STATUS.items()}
Row = tuple[int, int, int]


def pseudonym(number: int) -> bytes:
    """A fixed pseudonym of a test customer."""
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def month(number: int) -> date:
    """The first day of the n-th month from April 2005."""
    return date(2005 + (3 + number) // 12, (3 + number) % 12 + 1, 1)


def statements(people: Sequence[Sequence[Row]]) -> pl.DataFrame:
    """Rows (bill, paid, status) per person, months one after the other."""
    rows = [
        (pseudonym(person), month(nth), bill, paid, WORDS[status])
        for person, months in enumerate(people)
        for nth, (bill, paid, status) in enumerate(months)
    ]
    schema = {
        "_sp": pl.Binary,
        "month": pl.Date,
        "bill_cents": pl.Int64,
        "paid_cents": pl.Int64,
        "pay_status": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def customers(limits: Sequence[int]) -> pl.DataFrame:
    """One customer per limit."""
    return pl.DataFrame(
        {"_sp": [pseudonym(n) for n in range(len(limits))], "limit_cents": limits},
        schema={"_sp": pl.Binary, "limit_cents": pl.Int64},
    )


def crowd(size: int, seed: int = 7) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series]:
    """Statements, customers and outcomes in which late payers default more often."""
    draw = random.Random(seed)
    people, limits, bad = [], [], []
    for _ in range(size):
        limit = draw.choice((2_000_000, 8_000_000, 30_000_000))
        trouble = draw.random() < 0.25
        months: list[Row] = []
        for _ in range(6):
            bill = round(limit * draw.uniform(0.5 if trouble else 0.0, 1.0))
            status = draw.choice((1, 2, 3)) if trouble and draw.random() < 0.6 else draw.choice((-2, -1, 0))
            months.append((bill, round(bill * draw.uniform(0, 0.1 if trouble else 1.0)), status))
        people.append(months)
        limits.append(limit)
        bad.append(int(draw.random() < (0.6 if trouble else 0.1)))
    return statements(people), customers(limits), pl.Series("bad", bad)
