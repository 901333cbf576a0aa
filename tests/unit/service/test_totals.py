"""Contribution totals at the edges of their types."""

from __future__ import annotations

from datetime import date

import polars as pl
from fakes.batches import admitted, ledger_contract, pseudonym

from service.adapters.events import totals

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
