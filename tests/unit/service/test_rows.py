"""Cleaning rules: each finds what it is for, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from fakes.contracts import make_contract
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.connectors.rows import type_rows
from service.domain.contracts import Column, DatasetContract, Kind, Limits, Role


def _contract(*columns: Column, order: tuple[tuple[str, str], ...] = ()) -> DatasetContract:
    subject = Column("mobile", Role.SUBJECT_ID, Kind.STRING, "C2", "mobile", links=True)
    return replace(make_contract(), columns=(subject, *columns), order=order)


def _judge(contract: DatasetContract, **columns: pl.Series | Sequence[object]) -> list[str | None]:
    """The rule that each row fails by, None for a good one."""
    height = len(next(iter(columns.values())))
    frame = pl.DataFrame({"mobile": ["15400000001"] * height, **columns}).with_row_index("_row", offset=1)
    typed, rejected = type_rows(frame.cast({"_row": pl.UInt32}), contract)
    assert typed.height + rejected.height == height
    assert sorted([*typed["_row"], *rejected["_row"]]) == list(range(1, height + 1))
    rules = dict(rejected.select("_row", "rule").iter_rows())
    return [rules.get(row) for row in range(1, height + 1)]


TEXT = Column("code", Role.QUASI_IDENTIFIER, Kind.STRING, "C1", required=False)
CENTS = Column("cents", Role.MEASURE, Kind.INTEGER, "C2", lower=0, upper=1, unit="CNY-fen", required=False)
DAY = Column("day", Role.EVENT_TIME, Kind.DATE, "C1", required=False)
AT = Column("at", Role.EVENT_TIME, Kind.TIMESTAMP, "C1")


def test_integers_are_held_against_minimum_and_maximum() -> None:
    column = replace(CENTS, limits=Limits(minimum=-1, maximum=5))
    values: list[object] = ["-2", "-1", "5", "6", "", "x"]
    rules = ["below_minimum", None, None, "above_maximum", None, "not_an_integer"]
    assert _judge(_contract(column), cents=values) == rules
    assert _judge(_contract(column), cents=pl.Series([-2, -1, 5, 6])) == rules[:4]


def test_the_bounds_of_a_release_are_no_cleaning_rule() -> None:
    assert _judge(_contract(CENTS), cents=["-7", "100"]) == [None, None]


def test_days_are_held_against_minimum_and_maximum() -> None:
    column = replace(DAY, limits=Limits(minimum=date(2026, 1, 2), maximum=date(2026, 1, 3)))
    days: list[object] = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-02-30"]
    rules = ["below_minimum", None, None, "above_maximum", "not_a_date"]
    assert _judge(_contract(column), day=days) == rules


def test_texts_are_held_against_length_and_pattern() -> None:
    limits = Limits(pattern="^[a-z\u4e00-\u9fff]+$", min_length=2, max_length=4)
    column = replace(TEXT, limits=limits)
    values: list[object] = ["a", "ab", "信用", "信用卡贷款", "abcd", "abcde", "AB", ""]
    rules = ["too_short", None, None, "too_long", None, "too_long", "pattern_mismatch", None]
    assert _judge(_contract(column), code=values) == rules


def test_a_huge_field_is_rejected_before_any_pattern_sees_it() -> None:
    note = Column("note", Role.FREE_TEXT, Kind.STRING, "C2")
    contract = _contract(TEXT, note, CENTS)
    code = ["x" * 10_000, "x" * 10_001, "信" * 10_000, "x", "x", "x"]
    texts = ["y", "y", "y", "z" * 100_000, "z" * 100_001, "y"]
    cents = ["1", "not a number", "1", "1", "1", "9" * 1_000_000]
    assert _judge(contract, code=code, note=texts, cents=cents) == [
        None, "too_long", None, None, "too_long", "too_long",
    ]  # fmt: skip


def test_of_two_ordered_columns_the_first_is_not_above_the_second() -> None:
    paid = replace(CENTS, name="paid")
    contract = _contract(paid, CENTS, order=(("paid", "cents"),))
    assert _judge(contract, paid=["1", "2", "3", "", "x"], cents=["2", "2", "2", "2", "2"]) == [
        None, None, "out_of_order", None, "not_an_integer",
    ]  # fmt: skip


def test_an_instant_needs_its_offset_from_utc() -> None:
    good: list[object] = [
        "2026-01-02T03:04:05Z",
        "2026-01-02t03:04:05.123456+08:00",
        "2026-12-31T23:59:59-11:30",
    ]
    bad: list[object] = [
        "2026-01-02T03:04:05", "2026-01-02", "2026-01-02 03:04:05Z", "2026-02-30T00:00:00Z", "1767323045",
        "2026-01-02T25:00:00Z", "2026-01-02T03:04:05+0800", "2026-01-02T03:04:05.1234567Z",
        "0000-01-01T00:00:00Z",
    ]  # fmt: skip
    rules = [None] * len(good) + ["not_a_timestamp"] * len(bad)
    assert _judge(_contract(AT), at=good + bad) == rules


@given(
    st.datetimes(min_value=datetime(1000, 1, 3), max_value=datetime(9999, 12, 29)),  # noqa: DTZ001
    st.integers(-1439, 1439),
)
def test_every_instant_is_stored_as_the_same_instant_in_utc(moment: datetime, offset: int) -> None:
    instant = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    frame = pl.DataFrame({"_row": [1], "mobile": ["1"], "at": [instant.isoformat()]}).cast(
        {"_row": pl.UInt32}
    )
    typed, _ = type_rows(frame, _contract(AT))
    assert typed.schema["at"] == pl.Datetime("us", "UTC")
    assert typed["at"].to_list() == [instant]


def test_typed_instants_count_only_with_their_zone() -> None:
    naive = pl.Series([datetime(2026, 1, 1)])  # noqa: DTZ001  that is the case
    assert _judge(_contract(AT), at=naive) == ["not_a_timestamp"]
    assert _judge(_contract(AT), at=naive.dt.replace_time_zone("Asia/Shanghai")) == [None]
    assert _judge(_contract(AT), at=pl.Series([date(2026, 1, 1)])) == ["not_a_timestamp"]


@pytest.mark.parametrize("values", [pl.Series([1.5]), pl.Series([1.0]), pl.Series([True])])
def test_nothing_is_rounded_to_an_integer(values: pl.Series) -> None:
    assert _judge(_contract(CENTS), cents=values) == ["not_an_integer"]


def test_limits_of_instants_are_days_in_utc() -> None:
    column = replace(AT, limits=Limits(minimum=date(2026, 1, 1), maximum=date(2026, 1, 1)))
    times: list[object] = ["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00+08:00"]
    assert _judge(_contract(column), at=times) == ["below_minimum", None, None]
    assert type_rows(
        pl.DataFrame({"_row": [1], "mobile": ["1"], "at": [datetime(2026, 1, 1, tzinfo=UTC)]}),
        _contract(column),
    )[1].is_empty()


def test_a_hostile_pattern_costs_linear_time() -> None:
    column = replace(TEXT, limits=Limits(pattern="^(a+)+$"))
    assert _judge(_contract(column), code=["a" * 9_999 + "!"] * 200) == ["pattern_mismatch"] * 200
