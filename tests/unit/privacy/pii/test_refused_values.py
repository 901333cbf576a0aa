"""Values that no dataset may hold: positions, profiles in social networks, pages of online shops."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.pii.columns import undeclared

ROWS = 41


def types(values: list[str]) -> set[tuple[int, str]]:
    """Row and type of what is found in a column ``x1``."""
    return set(undeclared(pl.DataFrame({"x1": values}), ["x1"]).select("_row", "type").rows())


COORDINATES = st.tuples(
    st.decimals(-90, 90, places=5),
    st.decimals(-180, 180, places=5),
    st.sampled_from([",", ", ", " ", ";", "，"]),
).map(lambda p: f"{p[0]}{p[2]}{p[1]}")
PROFILES = st.sampled_from(
    [
        "https://weibo.com/u/1",
        "m.weibo.cn/u/1",
        "x.com/jack",
        "https://www.linkedin.com/in/w",
        "t.me/w",
        "wxid_abc123",
    ]
)
SHOPS = st.sampled_from(["https://item.taobao.com/i?id=1", "item.jd.com/1.html", "amazon.co.uk/dp/1"])
PLANTED = st.one_of(
    COORDINATES.map(lambda v: (v, "GEO_POINT")),
    st.sampled_from(["POINT(116.4 39.9)", "39°54′15″N", '{"coordinates": [1, 2]}']).map(
        lambda v: (v, "GEO_POINT")
    ),
    PROFILES.map(lambda v: (v, "SOCIAL_PROFILE")),
    SHOPS.map(lambda v: (v, "SHOPPING_PAGE")),
)


@given(PLANTED, st.integers(0, ROWS - 1), st.booleans())
def test_one_such_value_in_any_row_is_found(
    planted: tuple[str, str],
    at: int,
    upper: bool,  # noqa: FBT001
) -> None:
    value, kind = planted
    cells = [f"grade {n}" for n in range(ROWS)]
    cells[at] = value.upper() if upper else value
    assert types(cells) == {(at + 1, kind)}


@pytest.mark.parametrize(
    "value",
    [
        "12.50", "1,234.500", "2026-03-01", "12.345", "4.125 %", "https://bank.example/cards", "box.com/a",
        "/cards/:id", "max.com/offer", "points 3.2", "auth/2026/7", "30°C", "1.25,2.50", "weibo", "jd.com",
    ],
)  # fmt: skip
def test_ordinary_values_pass(value: str) -> None:
    assert types([value]) == set()


@given(st.integers(-(10**9), 10**9), st.dates().map(str), st.decimals(0, 10**6, places=4).map(str))
def test_amounts_and_dates_pass(number: int, day: str, rate: str) -> None:
    assert {kind for _, kind in types([str(number), day, rate])} <= {"PHONE_NUMBER"}
