"""A table of instants is answered like one of days: the month is that of the day in UTC."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from fakes.dp_tables import query, tables, totals

ROWS = [
    (1, date(2005, 4, 1), 10, "app"),
    (1, date(2005, 4, 30), 20, "app"),
    (2, date(2005, 6, 30), 5, "branch"),
    (2, date(2005, 7, 1), 7, "branch"),
    (2, date(2005, 8, 31), 9, "app"),
    (2, date(2005, 8, 1), 9, "app"),
]


@pytest.mark.parametrize("second", [0, 1, 86_399])
@pytest.mark.parametrize("counted", [True, False])
def test_instants_give_the_totals_of_their_days(second: int, *, counted: bool) -> None:
    days = tables(ROWS, [(1, "low"), (2, "high")])
    if not counted:  # contributions are counted when they are needed
        days["events"] = days["events"].drop("_n")
    instant = pl.col("day").cast(pl.Datetime("us", "UTC")) + pl.duration(seconds=second)
    instants = {**days, "events": days["events"].with_columns(day=instant)}

    assert totals(query(), days).any()
    assert np.array_equal(totals(query(), days), totals(query(), instants))


def test_the_month_of_an_instant_does_not_depend_on_its_time_of_day() -> None:
    both = tables([(1, date(2005, 4, 1), 10, "app"), (1, date(2005, 4, 2), 10, "app")], [(1, "low")])
    seconds = pl.duration(seconds=pl.int_range(pl.len()) * 40_000)
    timed = both["events"].with_columns(pl.col("day").cast(pl.Datetime("us", "UTC")) + seconds).drop("_n")
    assert np.array_equal(totals(query(), both), totals(query(), {**both, "events": timed}))
