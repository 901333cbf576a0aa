"""Segments are disjoint, cover everyone and follow the declared limits."""

from itertools import product

import polars as pl
import pytest
from fakes.cards import crowd, month

from service.profiling import segments as s
from service.profiling.features import features

LEVELS = ("revolve_cents", "spend_cents", "months_late", "last_status", "util_trend")
CENTS = {"low": 0, "middle": 400_000, "high": 8_000_000}
LATE = {"reliable": 0, "strained": 2}
TREND = {"flat": 0.0, "up": 0.05}
#: (contribution, reliability, direction) to segment; "*" stands for every level.
TABLE = (
    ("*", "strained", "*", "at_risk"),
    ("low", "reliable", "*", "low_activity"),
    ("middle", "reliable", "up", "growing"),
    ("middle", "reliable", "flat", "steady"),
    ("high", "reliable", "*", "high_value"),
)


def one(*row: float) -> pl.DataFrame:
    return s.segments(
        pl.DataFrame({"_sp": [b"x" * 16], **{n: [v] for n, v in zip(LEVELS, row, strict=True)}})
    )


@pytest.mark.parametrize("levels", list(product(CENTS, LATE, TREND)))
def test_every_combination_of_levels_has_the_one_segment_of_its_rule(levels: tuple[str, str, str]) -> None:
    (rule,) = [
        segment for *rule, segment in TABLE if all(r in {"*", v} for r, v in zip(rule, levels, strict=True))
    ]
    got = one(CENTS[levels[0]], 0, LATE[levels[1]], 0, TREND[levels[2]])
    assert got.select("contribution", "reliability", "direction", "segment").row(0) == (*levels, rule)


def test_every_segment_has_a_rule() -> None:
    assert {segment for *_, segment in TABLE} == set(s.SEGMENTS)


def test_every_customer_gets_one_segment_in_the_same_order() -> None:
    rows, people, _ = crowd(200)
    frame = features(rows, people, month(9))
    got = s.segments(frame)
    assert got["_sp"].equals(frame["_sp"])
    assert got["segment"].is_in(s.SEGMENTS).all()


@pytest.mark.parametrize(
    ("row", "segment"),
    [
        ((0, 0, 0, -2, 0.0), "low_activity"),
        ((399_999, 0, 0, 0, 0.0), "low_activity"),
        ((400_000, 0, 0, 0, 0.0), "steady"),
        ((400_000, 0, 0, 0, 0.05), "growing"),
        ((8_000_000, 0, 0, 0, 0.0), "high_value"),
        ((0, 6_666_667, 1, 1, 0.5), "high_value"),
        ((8_000_000, 0, 2, 0, 0.5), "at_risk"),
        ((0, 0, 1, 2, 0.0), "at_risk"),
    ],
)
def test_limits_are_where_they_are_declared(row: tuple[float, ...], segment: str) -> None:
    assert one(*row)["segment"].to_list() == [segment]
