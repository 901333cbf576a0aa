"""Scorecard maths: exact, explainable, strict; batch equals single."""

import json
from bisect import bisect_right

import polars as pl
import pytest
from fakes.scorecards import assess
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants.profiles import score_with_edges_in_the_lower_bin

from service.errors import UnknownError, UsageError
from service.scoring.batch import score_frame
from service.scoring.credit import CREDIT, GRADES, SCALING
from service.scoring.reasons import REASONS, reason_text
from service.scoring.scorecard import (
    PROTECTED,
    Feature,
    Grade,
    Scaling,
    Scorecard,
    default_probability,
    format_scorecard,
    parse_scorecard,
)


@st.composite
def cards(draw: st.DrawFn) -> Scorecard:
    features = []
    for n in range(draw(st.integers(4, 9))):
        edges = draw(st.lists(st.integers(-50, 50), min_size=1, max_size=6, unique=True).map(sorted))
        points = draw(st.lists(st.integers(-60, 60), min_size=len(edges) + 1, max_size=len(edges) + 1))
        features.append(Feature(f"f{n}", f"R{n + 1}", tuple(edges), tuple(points)))
    return Scorecard("credit", draw(st.integers(300, 700)), tuple(features), GRADES, SCALING)


@st.composite
def scored(draw: st.DrawFn) -> tuple[Scorecard, list[dict[str, float]]]:
    card = draw(cards())
    value = st.integers(-60, 60) | st.floats(-60, 60)
    row = st.fixed_dictionaries({f.name: value.map(float) for f in card.features})
    return card, draw(st.lists(row, min_size=1, max_size=5))


@given(scored())
def test_the_score_is_the_base_plus_the_points_of_each_bin(
    case: tuple[Scorecard, list[dict[str, float]]],
) -> None:
    card, rows = case
    for row in rows:
        expected = card.base
        for f in card.features:
            expected += f.points[sum(edge <= row[f.name] for edge in f.edges)]
        assert assess(card, row).score == expected


@given(scored())
def test_moving_the_first_reason_to_its_best_bin_raises_the_score_by_its_points(
    case: tuple[Scorecard, list[dict[str, float]]],
) -> None:
    card, rows = case
    for row in rows:
        before = assess(card, row)
        first = before.reasons[0]
        feature = next(f for f in card.features if f.name == first.feature)
        best = feature.points.index(max(feature.points))
        better = row | {feature.name: (*feature.edges, feature.edges[-1])[best] - (0.5 if best == 0 else 0)}
        if best:
            better[feature.name] = float(feature.edges[best - 1])
        assert bisect_right(feature.edges, better[feature.name]) == best
        assert assess(card, better).score == before.score + first.lost


@given(scored())
def test_reasons_are_four_and_fall(case: tuple[Scorecard, list[dict[str, float]]]) -> None:
    card, rows = case
    lost = [r.lost for r in assess(card, rows[0]).reasons]
    assert len(lost) == 4
    assert lost == sorted(lost, reverse=True)
    assert min(lost) >= 0


@settings(deadline=None)
@given(scored())
def test_batch_scores_equal_single_ones(case: tuple[Scorecard, list[dict[str, float]]]) -> None:
    card, rows = case
    batch = score_frame(card, pl.DataFrame(rows))
    for got, row in zip(batch.iter_rows(named=True), rows, strict=True):
        one = assess(card, row)
        assert (got["score"], got["grade"]) == (one.score, one.grade)
        assert [(got[f"reason_{i}"], got[f"lost_{i}"]) for i in range(1, 5)] == [
            (r.code, r.lost) for r in one.reasons
        ]


@given(cards())
def test_the_document_round_trips(card: Scorecard) -> None:
    assert parse_scorecard(format_scorecard(card)) == card


def example() -> Scorecard:
    feature = Feature("months_late", "R1", (1, 2), (60, 10, -40))
    return Scorecard("credit", 500, (feature,), (Grade("A", 550), Grade("B", None)), Scaling(40, 500))


def test_a_value_on_an_edge_belongs_to_the_upper_bin() -> None:
    card = example()
    assert assess(card, {"months_late": 1}).score == 510
    assert score_with_edges_in_the_lower_bin(card, {"months_late": 1}) != 510


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"base":500', '"base":500.0'),
        ('"base":500', '"base":true'),
        ('"base":500', '"base": 500'),
        ("[60,10,-40]", "[60,10]"),
        ("[1,2]", "[2,1]"),
        ('"months_late"', '"sex"'),
        ('"months_late"', '"age_band"'),
        ('"least":null', '"least":600'),
        ("@1", "@2"),
        ('"points_to_double":40', '"points_to_double":0'),
        ('"name":"credit",', ""),
    ],
)
def test_another_spelling_is_refused(old: str, new: str) -> None:
    document = format_scorecard(example())
    assert old in document
    with pytest.raises(UsageError):
        parse_scorecard(document.replace(old, new, 1))


@pytest.mark.parametrize("name", sorted(PROTECTED))
def test_a_protected_attribute_cannot_be_scored(name: str) -> None:
    with pytest.raises(UsageError):
        Feature(name, "R1", (1,), (0, 1))


def test_the_declared_features_hold_no_protected_attribute() -> None:
    assert PROTECTED.isdisjoint(c.name for c in CREDIT)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_missing_value_is_refused_and_not_guessed(value: float | None) -> None:
    with pytest.raises(UsageError):
        assess(example(), {} if value is None else {"months_late": value})
    with pytest.raises(UsageError):
        score_frame(example(), pl.DataFrame({"months_late": [value]}, schema={"months_late": pl.Float64}))


def test_even_odds_and_doubling() -> None:
    card = example()
    assert default_probability(card, 500) == pytest.approx(0.5)
    assert default_probability(card, 540) == pytest.approx(1 / 3)


def test_every_declared_reason_has_words_in_both_languages() -> None:
    assert {c.reason for c in CREDIT} == REASONS.keys()
    for code in REASONS:
        assert reason_text(code, "zh") != reason_text(code, "en")
    with pytest.raises(UnknownError):
        reason_text("R99", "en")


def test_the_document_is_plain_json_without_customer_data() -> None:
    assert json.loads(format_scorecard(example()))["training"] == {}
