"""Features against a per-customer oracle, and point-in-time correctness."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest
from fakes.cards import Row, crowd, customers, month, pseudonym, statements
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants.profiles import features_that_see_the_future

from service.profiling.features import FEATURES, features

Build = Callable[[pl.DataFrame, pl.DataFrame, date], pl.DataFrame]
ROWS = st.lists(
    st.tuples(st.integers(-(10**6), 10**8), st.integers(0, 10**8), st.integers(-2, 9)), min_size=1, max_size=8
)


def oracle(rows: list[Row], limit: int) -> dict[str, float]:
    bills, paid, status = ([r[i] for r in rows] for i in range(3))
    owed = [max(b, 0) for b in bills]
    due, settled = owed[:-1], paid[1:]
    spend = [max(0, b - a + p) for a, b, p in zip(bills, bills[1:], settled, strict=False)]
    half = len(rows) // 2
    use = [b / limit for b in owed]

    def mean(values: list[float] | list[int]) -> float:
        return sum(values) / len(values) if values else 0.0

    return {
        "limit_cents": limit,
        "months": len(rows),
        "used_months": sum(b > 0 for b in bills),
        "bill_cents": mean(owed),
        "spend_cents": mean(spend),
        "paid_cents": mean(paid),
        "revolve_cents": mean([max(0, d - p) for d, p in zip(due, settled, strict=True)]),
        "util_last": use[-1],
        "util_mean": mean(use),
        "util_trend": mean(use[half:]) - mean(use[:half]) if half else 0.0,
        "pay_ratio": min(2.0, sum(settled) / sum(due)) if sum(due) else 1.0,
        "last_status": status[-1],
        "worst_status": max(status),
        "months_late": sum(s >= 1 for s in status),
    }


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 10**8))
def test_features_equal_the_oracle(rows: list[Row], limit: int) -> None:
    got = features(statements([rows]), customers([limit]), month(20)).row(0, named=True)
    for name, expected in oracle(rows, limit).items():
        tolerance = 0.5 if name.endswith("_cents") else 1e-9 * max(1.0, abs(expected))
        assert got[name] == pytest.approx(expected, abs=tolerance), name


def leaks(build: Build) -> bool:
    """Whether rows after the as-of date change a feature."""
    late, people, _ = crowd(40)
    early = late.filter(pl.col("month") <= month(3))
    return not build(late, people, month(3)).equals(build(early, people, month(3)))


def test_no_value_later_than_the_as_of_date_is_used() -> None:
    assert not leaks(features)


def test_the_leak_test_catches_a_leak() -> None:
    assert leaks(features_that_see_the_future)


def test_the_order_of_rows_does_not_matter() -> None:
    rows, people, _ = crowd(30)
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=3)
    assert features(shuffled, people, month(9)).equals(features(rows, people, month(9)))


def test_a_customer_without_a_limit_has_no_features() -> None:
    assert features(statements([[(1, 1, 0)], [(2, 2, 0)]]), customers([0, 5]), month(9))["_sp"].to_list() == [
        pseudonym(1)
    ]


def test_an_unknown_status_word_is_an_error() -> None:
    rows = statements([[(1, 1, 0)]]).with_columns(pay_status=pl.lit("sometimes"))
    with pytest.raises(pl.exceptions.InvalidOperationError):
        features(rows, customers([5]), month(9))


def test_features_have_no_nulls() -> None:
    rows, people, _ = crowd(50)
    got = features(rows, people, month(9))
    assert got.columns == ["_sp", *FEATURES]
    assert got.null_count().row(0) == (0,) * got.width
