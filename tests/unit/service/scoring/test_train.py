"""Training from counts: against plain oracles, under noise, and with declared directions."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from fakes.cards import crowd, month
from fakes.quality import auc, brier, ks, quality
from hypothesis import given
from hypothesis import strategies as st

from service.profiling.features import features
from service.scoring.batch import score_frame
from service.scoring.credit import CREDIT
from service.scoring.scorecard import default_probability, format_scorecard, parse_scorecard
from service.scoring.train import (
    BANDS,
    Floats,
    bin_counts,
    calibrate,
    evidence,
    fit_credit,
    held_out,
    isotonic,
    middles,
)


def exact(counts: Sequence[int], _l2: float, _share: float) -> Floats:
    return np.asarray(counts, dtype=np.float64)


def noisy(scale: float, seed: int = 1) -> object:
    draw = np.random.default_rng(seed)
    return lambda counts, l2, share: (
        np.asarray(counts) + draw.normal(0, scale * l2 / math.sqrt(share), len(counts))
    )


@pytest.fixture(scope="module")
def people() -> tuple[pl.DataFrame, pl.Series]:
    rows, customers, bad = crowd(3_000)
    frame = features(rows, customers, month(9))
    outcome = customers.select("_sp", bad=bad)
    joined = frame.join(outcome, on="_sp", how="left", maintain_order="left")
    return frame, joined["bad"]


def test_each_customer_adds_one_to_one_cell_per_feature(people: tuple[pl.DataFrame, pl.Series]) -> None:
    frame, bad = people
    whole = bin_counts(frame, bad, CREDIT)
    without = bin_counts(frame.slice(1), bad.slice(1), CREDIT)
    difference = whole - without
    assert len(whole) == 2 * sum(c.bins for c in CREDIT)
    assert sorted(difference.tolist())[-len(CREDIT) :] == [1] * len(CREDIT)
    assert math.sqrt(float((difference**2).sum())) == pytest.approx(math.sqrt(len(CREDIT)))


def test_evidence_equals_the_formula_by_hand() -> None:
    free = [c for c in CREDIT if c.name == "last_status"]
    good, bad = [10, 40, 100, 30, 10, 10], [2, 4, 10, 20, 30, 34]
    got = evidence(np.array([*good, *bad], dtype=np.float64), free)[0]
    n_good, n_bad = sum(good), sum(bad)
    for g, b, value in zip(good, bad, got, strict=True):
        share = n_bad / (n_good + n_bad)
        expected = math.log((b + 10 * share) / n_bad) - math.log((g + 10 * (1 - share)) / n_good)
        assert value == pytest.approx(expected)


def test_declared_directions_hold_even_under_heavy_noise(people: tuple[pl.DataFrame, pl.Series]) -> None:
    frame, bad = people
    card = fit_credit("credit", frame, bad, noisy(80.0))  # type: ignore[arg-type] # a lambda
    for declared, feature in zip(CREDIT, card.features, strict=True):
        steps = [b - a for a, b in pairwise(feature.points)]
        assert declared.points != "rise" or min(steps) >= 0
        assert declared.points != "fall" or max(steps) <= 0


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 50)), min_size=1, max_size=12))
def test_isotonic_is_rising_and_keeps_the_weighted_mean(pairs: list[tuple[float, float]]) -> None:
    values, weight = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    got = isotonic(values, weight)
    assert (np.diff(got) >= -1e-12).all()
    assert float((got * weight).sum()) == pytest.approx(float((values * weight).sum()), abs=1e-6)
    assert np.allclose(isotonic(got, weight), got)


def test_calibration_finds_a_known_line() -> None:
    x = middles(BANDS)
    n = np.full(len(x), 1e6)
    bad = n / (1 + np.exp(-(-1.2 + 0.4 * x)))
    assert calibrate(np.concatenate([n - bad, bad]), BANDS) == pytest.approx((-1.2, 0.4), abs=1e-3)


@given(st.lists(st.integers(-50, 50), min_size=2 * len(BANDS) + 2, max_size=2 * len(BANDS) + 2))
def test_calibration_never_turns_the_score_round(counts: list[int]) -> None:
    intercept, slope = calibrate(np.array(counts, dtype=np.float64), BANDS)
    assert math.isfinite(intercept)
    assert 0.1 <= slope <= 1.0


def test_the_model_separates_and_its_document_round_trips(people: tuple[pl.DataFrame, pl.Series]) -> None:
    frame, bad = people
    card = fit_credit("credit", frame, bad, exact)
    out = held_out(frame)
    assert 0.15 < out.sum() / len(out) < 0.25
    score = score_frame(card, frame.filter(out))["score"].to_numpy()
    risk = np.array([default_probability(card, s) for s in score])
    measured = quality(risk, bad.filter(out).to_numpy())
    reported = dict(card.quality)
    assert measured.auc > 0.7
    assert reported["auc_ppm"] / 1e6 == pytest.approx(measured.auc, abs=0.02)
    assert reported["brier_ppm"] / 1e6 == pytest.approx(measured.brier, abs=0.02)
    assert parse_scorecard(format_scorecard(card)) == card


def test_held_out_customers_take_no_part_in_training(people: tuple[pl.DataFrame, pl.Series]) -> None:
    frame, bad = people
    out = held_out(frame)
    turned = pl.select(pl.when(out).then(1 - bad).otherwise(bad)).to_series()
    one, two = fit_credit("credit", frame, bad, exact), fit_credit("credit", frame, turned, exact)
    assert one.features == two.features
    assert one.quality != two.quality


def test_auc_and_ks_equal_counting_pairs() -> None:
    draw = random.Random(5)
    risk = [draw.randrange(8) for _ in range(60)]
    bad = [draw.randrange(2) for _ in range(60)]
    pairs = [
        (r, s) for r, b in zip(risk, bad, strict=True) if b for s, c in zip(risk, bad, strict=True) if not c
    ]
    expected = sum((r > s) + (r == s) / 2 for r, s in pairs) / len(pairs)
    r, b = np.array(risk, dtype=np.float64), np.array(bad)
    assert auc(r, b) == pytest.approx(expected)
    gaps = [abs((r[b == 1] <= cut).mean() - (r[b == 0] <= cut).mean()) for cut in range(8)]
    assert ks(r, b) == pytest.approx(max(gaps))
    assert brier(np.full(60, 0.5), b) == pytest.approx(0.25)


def test_quality_needs_both_outcomes() -> None:
    with pytest.raises(ValueError, match="both outcomes"):
        quality(np.array([0.1, 0.2]), np.array([0, 0]))
