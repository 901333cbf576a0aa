from typing import Any

import opendp.prelude as dp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.dp.budget import MAX_EPSILON, MICRO, PrivacyLoss
from privacy.dp.errors import LossError


def test_epsilon_one_at_delta_1e_7_is_about_rho_0_0202() -> None:
    assert 20_180 <= PrivacyLoss.from_epsilon(MICRO, 7).rho <= 20_200


def opendp_epsilon(rho: float, delta: float) -> float:
    """OpenDP's conversion by another way: a Gaussian of that rho."""
    scale = (1 / (2 * rho)) ** 0.5
    gaussian = dp.m.make_gaussian(
        dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T=float), scale=scale
    )
    fixed: Any = dp.c.make_fix_delta(dp.c.make_zCDP_to_approxDP(gaussian), delta)
    return float(fixed.map(1.0)[0])


@pytest.mark.parametrize("rho", [50, 20_187, 1_000_000, 30_000_000])
@pytest.mark.parametrize("exponent", [5, 7, 15])
def test_display_agrees_with_opendps_gaussian(rho: int, exponent: int) -> None:
    shown = PrivacyLoss(rho).epsilon(exponent) / MICRO
    assert shown == pytest.approx(opendp_epsilon(rho / MICRO, 10.0**-exponent), rel=1e-4, abs=2e-6)


@settings(deadline=None)  # a search of some 60 conversions
@given(st.integers(20_000, MAX_EPSILON), st.integers(5, 15))
def test_the_largest_rho_within_epsilon_is_found(epsilon: int, exponent: int) -> None:
    loss = PrivacyLoss.from_epsilon(epsilon, exponent)
    assert loss.epsilon(exponent) <= epsilon < PrivacyLoss(loss.rho + 1).epsilon(exponent)


@pytest.mark.parametrize("rho", [0, -1, True, 1.0, float("nan"), "1", None])
def test_only_a_positive_integer_is_a_loss(rho: object) -> None:
    with pytest.raises(LossError):
        PrivacyLoss(rho)  # type: ignore[arg-type]


@pytest.mark.parametrize("epsilon", [float("nan"), -1, 0, float("inf"), 1.0, "1", True, MAX_EPSILON + 1])
def test_only_a_positive_epsilon_in_micro_units_is_taken(epsilon: Any) -> None:
    with pytest.raises(LossError, match="epsilon"):
        PrivacyLoss.from_epsilon(epsilon, 7)


@pytest.mark.parametrize("exponent", [4, 16, 7.0, True])
def test_delta_outside_the_range_is_refused(exponent: int) -> None:
    with pytest.raises(LossError, match="delta"):
        PrivacyLoss.from_epsilon(MICRO, exponent)


def test_an_epsilon_below_one_micro_rho_is_refused() -> None:
    with pytest.raises(LossError, match="epsilon"):
        PrivacyLoss.from_epsilon(10, 7)


@given(st.integers(1, 10**9), st.integers(1, 50))
def test_equal_shares_never_exceed_the_whole(rho: int, parts: int) -> None:
    if rho < parts:
        with pytest.raises(LossError):
            PrivacyLoss(rho).split(parts)
        return
    spent = PrivacyLoss(rho).split(parts).times(parts)
    assert rho - parts < spent.rho <= rho


def test_losses_add_up() -> None:
    assert PrivacyLoss(3).times(4) == PrivacyLoss(12)
