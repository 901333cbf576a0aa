"""Contribution totals and "newest row wins": what rows become when a batch joins those already stored.

Every row carries ``_n``, the number of rows its subject has in that row's month. A release scales each row
by it, which bounds what one person adds to a month whatever the grouping (docs/explanation/bounding.md). It
depends on the subject's own rows only, so nobody else's rows change it. It is a function of the set of live
rows: in which batches the rows came is no matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from service.domain.contracts import Column, DatasetContract, Kind

_MONTH: Final = "_month"
_N: Final = "_n"


def log_statistics(contract: DatasetContract) -> str | None:
    """The column whose range the table's log may show: days, never the time of somebody's act."""
    period = contract.period
    return period.name if period and period.kind is Kind.DATE else None


def total_types(contract: DatasetContract) -> Mapping[str, pl.DataType]:
    """The total columns; none for a table without time."""
    return {_N: pl.Int64()} if contract.period else {}


def with_totals(frame: pl.DataFrame, contract: DatasetContract) -> pl.DataFrame:
    """Set the totals of whole subject-months; ``frame`` must hold all rows of every subject in it."""
    if contract.period is None:
        return frame
    month = _day(contract.period).dt.month_start()
    return frame.with_columns(pl.len().over("_sp", month).cast(pl.Int64).alias(_N))


def first_seen(
    new: pl.DataFrame, stored: pl.LazyFrame, contract: DatasetContract
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """New rows, and those that repeat a row of their subject in the columns the contract calls unique."""
    if not contract.unique_by:
        return new, new.clear()
    keys = ["_sp", *contract.unique_by]
    known = stored.select(keys).join(new.lazy().select(keys), on=keys, how="semi", nulls_equal=True).collect()
    first = new.unique(keys, keep="first", maintain_order=True)
    fresh = first.join(known, on=keys, how="anti", nulls_equal=True, maintain_order="left")
    return fresh, new.join(fresh, on="_row", how="anti", maintain_order="left")


def newest(frame: pl.DataFrame, contract: DatasetContract) -> pl.DataFrame:
    """At most one row per subject when the contract says so: the latest by event time, else by arrival."""
    if not contract.row_per_subject:
        return frame
    by_time = frame.sort(contract.period.name, maintain_order=True) if contract.period else frame
    return by_time.unique("_sp", keep="last", maintain_order=True)


def meets(new: pl.DataFrame, stored: pl.LazyFrame, contract: DatasetContract) -> bool:
    """Whether a new row changes a stored one: same subject (one row each) or same subject and month."""
    if contract.row_per_subject:
        keys = new.lazy().select("_sp")
        return _any(stored.select("_sp").join(keys, on="_sp", how="semi"))
    period = contract.period
    if period is None:
        return False
    day = _day(period)
    month = day.dt.month_start().alias(_MONTH)
    low, high = new.select(day.min().dt.month_start(), high=day.max().dt.month_end()).row(0)
    near = stored.filter(day.is_null() | day.is_between(low, high)) if low is not None else stored
    pairs = new.lazy().select("_sp", month).unique()
    return _any(near.select("_sp", month).join(pairs, on=["_sp", _MONTH], how="semi", nulls_equal=True))


def merged(new: pl.DataFrame, stored: pl.DataFrame, contract: DatasetContract) -> pl.DataFrame:
    """All rows of the buckets the batch touches, old and new, with totals computed anew."""
    names = [name for name in stored.columns if name != _N]
    return with_totals(newest(pl.concat([stored.select(names), new.select(names)]), contract), contract)


def _day(period: Column) -> pl.Expr:
    return pl.col(period.name) if period.kind is Kind.DATE else pl.col(period.name).dt.date()


def _any(frame: pl.LazyFrame) -> bool:
    return not frame.head(1).collect().is_empty()
