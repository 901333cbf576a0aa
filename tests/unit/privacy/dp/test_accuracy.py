import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.dp.accuracy import around, half_width, joint, nearest, ratio_half_width, ratio_interval


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0, 33.3, 500.0])
@pytest.mark.parametrize("confidence", [0.95, 0.975])
def test_the_half_width_holds_against_the_exact_distribution(scale: float, confidence: float) -> None:
    reach = math.ceil(scale * 12)
    weights = {k: math.exp(-k * k / (2 * scale * scale)) for k in range(-reach, reach + 1)}
    half = half_width(scale, confidence)
    inside = sum(weight for k, weight in weights.items() if abs(k) <= half) / sum(weights.values())
    assert inside >= confidence
    assert half <= 2.3 * scale + 2


def test_two_intervals_of_the_joint_confidence_hold_together() -> None:
    assert 2 * (1 - joint(0.95)) == pytest.approx(0.05)


@given(st.integers(-(10**15), 10**15), st.integers(0, 10**12))
def test_an_interval_in_whole_units_holds_the_one_in_thousandths(noisy: int, half: int) -> None:
    low, high = around(noisy, half, 1000)
    assert 1000 * low <= noisy - half
    assert noisy + half <= 1000 * high
    assert high - low <= 2 * half / 1000 + 2
    assert low <= nearest(noisy, 1000) <= high


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**9))
def test_nearest_is_off_by_half_a_unit_at_most(number: int, unit: int) -> None:
    assert abs(Fraction(number, unit) - nearest(number, unit)) <= Fraction(1, 2)


@given(
    st.integers(-(10**9), 10**9),
    st.integers(1, 10**6),
    st.integers(0, 10**9),
    st.integers(0, 10**6),
    st.fractions(-1, 1),
    st.fractions(-1, 1),
)
def test_a_ratio_interval_holds_every_quotient_within_the_bounds(  # noqa: PLR0917 - drawn by Hypothesis
    total: int, count: int, total_half: int, count_half: int, here: Fraction, there: Fraction
) -> None:
    bounds = (-1000, 5000)
    interval = ratio_interval(
        (total - total_half, total + total_half), (count - count_half, count + count_half), bounds
    )
    low, high = interval
    assert bounds[0] <= low <= high <= bounds[1]
    denominator = count + there * count_half
    if denominator > 0:
        quotient = (total + here * total_half) / denominator
        if bounds[0] <= quotient <= bounds[1]:
            assert low <= quotient <= high


def test_a_mean_without_a_sure_count_has_the_declared_bounds() -> None:
    assert ratio_interval((-5, 5), (0, 10), (-7, 9)) == (-7, 9)
    assert ratio_half_width(10, 2_000_000, 50, 1000, 1000) == 100


def test_the_quoted_half_width_of_a_mean_is_the_worst_case() -> None:
    rows, unit, magnitude, sum_half, count_half = 1000, 1000, 200, 5_000_000, 30_000
    quoted = ratio_half_width(sum_half, count_half, magnitude, rows, unit)
    for mean in range(-magnitude, magnitude + 1, 50):
        for sign in (-1, 1):
            noisy = (mean * rows * unit + sign * sum_half) / (rows * unit - count_half)
            assert abs(noisy - mean) <= quoted
