"""Each abnormal-payment rule fires at its limit and not before, and judges by the past only."""

import polars as pl
import pytest
from fakes.cards import Row, crowd, customers, month, statements

from service.profiling.abnormal import RULES, abnormal, counts

LIMIT = 50_000_000
CALM: list[Row] = [(1_000_000, 900_000, -1)] * 4


def flagged(rows: list[Row], limit: int = LIMIT) -> set[str]:
    return set(abnormal(statements([rows]), customers([limit]), month(20))["rule"])


def test_a_calm_customer_is_not_flagged() -> None:
    assert flagged(CALM) == set()


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([*CALM, (1_000_000, 90_000, 0)], "payment_drop@1"),
        ([*CALM, (1_000_000, 0, 1), (1_000_000, 0, 1)], "payment_stop@1"),
        ([*CALM, (1_000_000, 2_000_000, -1)], "overpayment@1"),
        ([*CALM, (4_000_000, 900_000, 0)], "bill_jump@1"),
        ([*CALM, (1_000_000, 900_000, 2)], "status_jump@1"),
    ],
)
def test_each_rule_fires_at_its_limit(rows: list[Row], rule: str) -> None:
    assert rule in flagged(rows)


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([*CALM, (1_000_000, 90_001, 0)], "payment_drop@1"),
        ([*CALM, (1_000_000, 0, 1)], "payment_stop@1"),
        ([*CALM, (1_000_000, 1_999_999, -1)], "overpayment@1"),
        ([*CALM, (3_999_999, 900_000, 0)], "bill_jump@1"),
        ([*CALM, (1_000_000, 900_000, 1)], "status_jump@1"),
    ],
)
def test_no_rule_fires_below_its_limit(rows: list[Row], rule: str) -> None:
    assert rule not in flagged(rows)


def test_a_bill_at_eleven_tenths_of_the_limit_is_flagged() -> None:
    assert flagged([(1_100_000, 0, 0)], limit=1_000_000) == {"over_limit@1"}
    assert flagged([(1_099_999, 0, 0)], limit=1_000_000) == set()


def test_flags_of_earlier_months_do_not_change_when_later_months_arrive() -> None:
    rows, people, _ = crowd(60)
    early = abnormal(rows, people, month(3))
    late = abnormal(rows, people, month(5)).filter(pl.col("month") <= month(3))
    assert early.equals(late)


def test_counts_list_every_rule_even_when_nothing_was_flagged() -> None:
    got = counts(abnormal(statements([CALM]), customers([LIMIT]), month(20)))
    assert got["rule"].to_list() == [r.id for r in RULES]
    assert got["customers"].sum() == 0
