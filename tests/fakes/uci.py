"""The 30,000 card customers that ship with the demo, as statements and customers with test pseudonyms."""

from __future__ import annotations

from datetime import date

import polars as pl
from fakes.cards import WORDS, pseudonym

from service.demo.generate import DATA

MONTHS = 6


def card_customers() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Statements (six months) and customers with ``limit_cents`` and ``bad``."""
    source = pl.read_parquet(DATA)
    sp = pl.Series("_sp", [pseudonym(n) for n in range(source.height)], dtype=pl.Binary)
    people = source.select(
        sp, limit_cents=(pl.col("LIMIT_BAL") * 100).cast(pl.Int64), bad=pl.col("Default").cast(pl.Int64)
    )
    return pl.concat(_month(source, sp, n) for n in range(1, MONTHS + 1)), people


def _month(source: pl.DataFrame, sp: pl.Series, number: int) -> pl.DataFrame:
    """UCI counts months backwards from September 2005; the first status column is called PAY_0."""
    status = "PAY_0" if number == 1 else f"PAY_{number}"
    return source.select(
        sp,
        month=pl.lit(date(2005, 10 - number, 1)),
        bill_cents=(pl.col(f"BILL_AMT{number}") * 100).cast(pl.Int64),
        paid_cents=(pl.col(f"PAY_AMT{number}") * 100).cast(pl.Int64),
        pay_status=pl.col(status).cast(pl.Int64).replace_strict(WORDS),
    )
