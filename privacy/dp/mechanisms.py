"""Noise, and nothing else: OpenDP's discrete Gaussian on integer vectors (Canonne, Kamath, Steinke 2020).

The only module that imports ``opendp``. There is no seed: OpenDP draws from the operating system, and a noise
that can be repeated can be subtracted. Only the vector mechanism of OpenDP's core is used, never its data
frame layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, Final

import opendp.prelude as dp

from privacy.dp.errors import MechanismError

dp.enable_features("contrib", "honest-but-curious")

_MICRO: Final = 1_000_000
_MAX_SCALE: Final = 2.0**58  # 2^63 is 32 standard deviations away; no plan that resolves comes this far


def gaussian_scale(l2: float, rho: int) -> float:
    """Standard deviation for rho (micro-units) at L2 sensitivity ``l2``: l2 / sqrt(2 rho), rounded up."""
    return l2 / math.sqrt(2 * rho / _MICRO) * (1 + 1e-12)


def add_gaussian(exact: Sequence[int], l2: float, rho: int) -> list[int]:
    """One draw of the discrete Gaussian per element.

    Args:
        exact: 64-bit integers; never shown to anyone.
        l2: L2 sensitivity of the whole vector.
        rho: privacy loss in micro-units.

    Raises:
        MechanismError: OpenDP's own map does not confirm the loss, or the scale leaves the integers. No noise
            was drawn then.
    """
    if not (math.isfinite(l2) and l2 > 0) or rho < 1:
        raise MechanismError("sensitivity and loss must be positive")
    scale = gaussian_scale(l2, rho)
    if scale > _MAX_SCALE:
        raise MechanismError("scale exceeds the integers")
    measurement: Any = dp.m.make_gaussian(*_int_vectors(), scale=scale)
    if Fraction(measurement.map(l2)) * _MICRO > rho:
        raise MechanismError("the loss is larger than what was paid")
    noisy: list[int] = measurement(list(exact))
    return noisy


@lru_cache(maxsize=4096)
def epsilon_of_rho(rho: int, delta_exponent: int) -> int:
    """OpenDP's conversion of rho-zCDP to (epsilon, delta)-DP: micro-rho to micro-epsilon, rounded up."""
    conversion: Any = _identity()
    profile = conversion.map(math.nextafter(rho / _MICRO, math.inf))
    return math.ceil(Fraction(profile.epsilon(10.0**-delta_exponent)) * _MICRO)


@cache
def _int_vectors() -> tuple[Any, Any]:
    return dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T=float)


@cache
def _identity() -> Any:
    """A measurement that is never run: its map hands rho through, so that only the conversion is left."""
    loss = dp.m.make_user_measurement(
        *_int_vectors(),
        dp.zero_concentrated_divergence(),
        function=lambda _: 0,
        privacy_map=lambda rho: rho,
        TO="i32",
    )
    return dp.c.make_zCDP_to_approxDP(loss)
