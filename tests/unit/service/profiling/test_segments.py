"""Segments are disjoint, cover everyone and follow the declared limits."""

from itertools import product

import polars as pl
import pytest
from fakes.cards import crowd, month

from service.profiling import segments as s
from service.profiling.features import features


def test_every_combination_of_levels_has_exactly_one_segment() -> None:
    found = {s.segment_of(*levels) for levels in product(s.CONTRIBUTIONS, s.RELIABILITIES, s.DIRECTIONS)}
    assert found == set(s.SEGMENTS)


def test_a_combination_that_no_rule_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 rules"):
        s.segment_of("middle", "reliable", "down")


def test_every_customer_gets_one_segment_in_the_same_order() -> None:
    rows, people, _ = crowd(200)
    frame = features(rows, people, month(9))
    got = s.segments(frame)
    assert got["_sp"].equals(frame["_sp"])
    assert got["segment"].is_in(s.SEGMENTS).all()


LEVELS = ("revolve_cents", "spend_cents", "months_late", "last_status", "util_trend")


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
    frame = pl.DataFrame({"_sp": [b"x" * 16], **{n: [v] for n, v in zip(LEVELS, row, strict=True)}})
    assert s.segments(frame)["segment"].to_list() == [segment]
