"""Contribution totals at the edges of their types."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
from fakes.batches import admitted, ledger_contract, pseudonym

from service.adapters.events import totals
from service.domain.contracts import DatasetContract, Kind, Role

DAY = date(2026, 1, 31)


def test_rows_are_counted_whatever_their_amounts() -> None:
    frame = admitted("b", [(1, DAY, 2**63 - 1), (1, DAY, -(2**63)), (2, DAY, -5)]).frame
    out = totals.with_totals(frame, ledger_contract())
    assert out["_n"].to_list() == [2, 2, 1]


def test_rows_without_a_measure_count() -> None:
    frame = admitted("b", [(1, DAY, 7), (1, DAY, 0)]).frame.with_columns(cents=pl.Series([7, None]))
    out = totals.with_totals(frame, ledger_contract())
    assert out["_n"].to_list() == [2, 2]


def test_rows_without_a_date_share_one_period() -> None:
    frame = admitted("b", [(1, DAY, 7), (1, DAY, 8)]).frame.with_columns(
        pl.lit(None, pl.Date).alias("booked_on")
    )
    out = totals.with_totals(frame, ledger_contract())
    assert out["_n"].to_list() == [2, 2]
    stored = out.lazy()
    assert totals.meets(frame, stored, ledger_contract())


def test_a_batch_meets_only_the_same_subject_in_the_same_month() -> None:
    contract = ledger_contract()
    stored = admitted("a", [(1, date(2026, 1, 1), 1)]).frame.lazy()
    assert totals.meets(admitted("b", [(1, date(2026, 1, 31), 1)]).frame, stored, contract)
    assert not totals.meets(admitted("b", [(1, date(2026, 2, 1), 1)]).frame, stored, contract)
    assert not totals.meets(admitted("b", [(2, date(2026, 1, 1), 1)]).frame, stored, contract)


def test_the_last_row_of_a_subject_wins_where_one_is_kept() -> None:
    contract = ledger_contract(row_per_subject=True)
    frame = admitted("a", [(1, DAY, 1), (2, DAY, 2), (1, DAY, 3)]).frame
    kept = totals.newest(frame, contract)
    assert dict(zip(kept["_sp"], kept["cents"], strict=True)) == {pseudonym(1): 3, pseudonym(2): 2}


def _timed() -> DatasetContract:
    """The ledger with an instant in the place of the day."""
    contract = ledger_contract()
    columns = (replace(c, kind=Kind.TIMESTAMP) if c.role is Role.EVENT_TIME else c for c in contract.columns)
    return replace(contract, columns=tuple(columns))


def _at(frame: pl.DataFrame, *instants: datetime) -> pl.DataFrame:
    return frame.with_columns(booked_on=pl.Series(instants, dtype=pl.Datetime("us", "UTC")))


def test_the_month_of_an_instant_is_that_of_its_utc_day() -> None:
    frame = admitted("b", [(1, DAY, 1)] * 4).frame
    january = [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC)]
    february = [datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 1, 12, tzinfo=UTC)]
    frame = _at(frame, january[0], february[0], january[1], february[1])
    assert totals.with_totals(frame, _timed())["_n"].to_list() == [2, 2, 2, 2]


def test_instants_meet_in_the_same_month_whatever_their_time_of_day() -> None:
    frame = admitted("a", [(1, DAY, 1)]).frame
    late = _at(frame, datetime(2026, 1, 1, 0, 30, tzinfo=UTC))
    stored = _at(frame, datetime(2026, 1, 31, 23, 59, tzinfo=UTC)).lazy()
    assert totals.meets(late, stored, _timed())
    assert totals.meets(stored.collect(), late.lazy(), _timed())
    assert not totals.meets(_at(frame, datetime(2026, 2, 1, tzinfo=UTC)), stored, _timed())


def test_only_days_show_in_the_log_of_a_table() -> None:
    assert totals.log_statistics(ledger_contract()) == "booked_on"
    assert totals.log_statistics(_timed()) is None
