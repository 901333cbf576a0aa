"""Sessions and their features: a fixture worked out by hand, the edge of the pause, any order of arrival."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutants.sessions import features_in_order_of_arrival, sessions_cut_at_the_pause

from service.profiling.sessions import FEATURES, session_features, sessions

START = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
SCHEMA = pl.Schema({"_sp": pl.Binary(), "at": pl.Datetime("us", "UTC"), "path": pl.String()})
Click = tuple[bytes, int, str]

#: Customer a: 23:00 /home, 23:10 /cards, 23:10:30 /cards, 23:40:30 /pay (a pause of exactly 30 minutes),
#: 00:10:31 /home (one second more: a new session, on the next day). Customer b: one click.
FIXTURE: list[Click] = [
    (b"a", 0, "/home"),
    (b"a", 600, "/cards"),
    (b"a", 630, "/cards"),
    (b"a", 2430, "/pay"),
    (b"a", 4231, "/home"),
    (b"b", 0, "/help"),
]


def clicks(rows: list[Click]) -> pl.DataFrame:
    """Rows of subject, seconds after the start, and page."""
    data = [(sp, START + timedelta(seconds=second), path) for sp, second, path in rows]
    return pl.DataFrame(data, schema=SCHEMA, orient="row")


def test_sessions_are_those_worked_out_by_hand() -> None:
    assert sessions(clicks(FIXTURE)).rows() == [
        (b"a", START, 4, 2430.0, ["/home", "/cards", "/cards", "/pay"]),
        (b"a", START + timedelta(seconds=4231), 1, 0.0, ["/home"]),
        (b"b", START, 1, 0.0, ["/help"]),
    ]


def test_features_are_those_worked_out_by_hand() -> None:
    assert session_features(clicks(FIXTURE)).rows() == [
        (b"a", 2, 5, 2.5, 1215.0, 2.0, 3),
        (b"b", 1, 1, 1.0, 0.0, 1.0, 1),
    ]


@pytest.mark.parametrize(("pause", "count"), [(1800, 1), (1801, 2)])
def test_only_a_pause_of_more_than_thirty_minutes_ends_a_session(pause: int, count: int) -> None:
    assert sessions(clicks([(b"a", 0, "/x"), (b"a", pause, "/x")])).height == count


def test_cutting_at_the_pause_itself_is_caught() -> None:
    pair = clicks([(b"a", 0, "/x"), (b"a", 1800, "/x")])
    assert sessions_cut_at_the_pause(pair) != sessions(pair).height


ROWS = st.lists(
    st.tuples(st.sampled_from([b"a", b"b"]), st.integers(0, 9000), st.sampled_from(["/x", "/y", "/z"])),
    max_size=30,
)


@given(ROWS, st.randoms(use_true_random=False), st.integers(0, 30))
def test_neither_order_nor_batches_nor_repeats_of_arrival_matter(
    rows: list[Click], rng: random.Random, again: int
) -> None:
    shuffled = rows + rows[:again]
    rng.shuffle(shuffled)
    assert session_features(clicks(shuffled)).equals(session_features(clicks(rows)))
    assert sessions(clicks(shuffled)).equals(sessions(clicks(rows)))


@given(ROWS)
def test_every_click_is_in_one_session_and_sessions_lie_apart(rows: list[Click]) -> None:
    visits = sessions(clicks(rows))
    assert visits["pages"].sum() == len(set(rows))
    ends = pl.col("start") + pl.duration(microseconds=(pl.col("dwell_seconds") * 1_000_000).round())
    apart = visits.with_columns(pause=pl.col("start") - ends.shift(1).over("_sp"))
    assert (apart["pause"].drop_nulls() > timedelta(minutes=30)).all()


def test_going_by_the_order_of_arrival_is_caught() -> None:
    late = clicks([(b"a", second, "/x") for second in (0, 4000, 10, 4100)])
    assert not features_in_order_of_arrival(late).equals(session_features(late).select("_sp", "sessions"))


def test_no_clicks_give_an_empty_table_with_all_columns() -> None:
    table = session_features(clicks([]))
    assert table.is_empty()
    assert table.columns == ["_sp", *FEATURES]
