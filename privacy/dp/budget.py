"""Privacy loss as a value: zero-concentrated differential privacy, rho in integer micro-units.

Rho adds up over releases, so it is the currency of the ledger. (epsilon, delta) is how people ask and read;
the conversion is OpenDP's. A request is turned into the largest rho whose conversion is still within epsilon,
a display is rounded up.

>>> loss = PrivacyLoss.from_epsilon(1_000_000, delta_exponent=7)
>>> loss
PrivacyLoss(rho=20187)
>>> loss.epsilon(delta_exponent=7) <= 1_000_000
True
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Final

from privacy.dp.errors import LossError
from privacy.dp.mechanisms import epsilon_of_rho

MICRO: Final = 1_000_000
MAX_EPSILON: Final = 100 * MICRO
DELTA_EXPONENTS: Final = range(5, 16)  # delta from 1e-5 to 1e-15


@dataclass(frozen=True, slots=True)
class PrivacyLoss:
    """Loss of a release under zCDP.

    Attributes:
        rho: micro-units, at least 1. Raises LossError for anything else.
    """

    rho: int

    def __post_init__(self) -> None:
        """Refuse floats (NaN among them), booleans, zero and negative numbers."""
        _positive(self.rho, "rho")

    @classmethod
    def from_epsilon(cls, epsilon: int, delta_exponent: int) -> PrivacyLoss:
        """The largest loss within (epsilon micro-units, 10^-delta_exponent). Raises LossError."""
        _positive(epsilon, "epsilon")
        if epsilon > MAX_EPSILON:
            raise LossError("epsilon")
        return cls(_largest_rho(epsilon, _exponent(delta_exponent)))

    def epsilon(self, delta_exponent: int) -> int:
        """Epsilon in micro-units at delta = 10^-delta_exponent, rounded up."""
        return epsilon_of_rho(self.rho, _exponent(delta_exponent))

    def split(self, parts: int) -> PrivacyLoss:
        """An equal share; a remainder is not spent. Raises LossError when the share would be nothing."""
        _positive(parts, "parts")
        return PrivacyLoss(self.rho // parts)

    def times(self, count: int) -> PrivacyLoss:
        """The loss of ``count`` releases of this loss."""
        _positive(count, "count")
        return PrivacyLoss(self.rho * count)


def _positive(value: int, field: str) -> None:
    if type(value) is not int or value < 1:  # not isinstance: True is an int
        raise LossError(field)


def _exponent(value: int) -> int:
    if type(value) is not int or value not in DELTA_EXPONENTS:
        raise LossError("delta")
    return value


@lru_cache(maxsize=1024)
def _largest_rho(epsilon: int, delta_exponent: int) -> int:
    """Search in integers: epsilon grows with rho. Raises LossError when one micro-rho is too much.

    Epsilon is close to rho + c sqrt(rho); each probe tells c and so the next one. Every fourth probe halves
    the bracket, so that the search ends whatever the curve.
    """
    low, high = 0, epsilon
    while epsilon_of_rho(high, delta_exponent) <= epsilon:
        low, high = high, high * 2
    probe = high // 16
    for step in count(1):
        if high - low <= 1:
            break
        probe = min(max(probe, low + 1), high - 1) if step % 4 else (low + high) // 2
        seen = epsilon_of_rho(probe, delta_exponent)
        low, high = (probe, high) if seen <= epsilon else (low, probe)
        slope = max(0.0, seen - probe) / math.sqrt(probe)
        probe = int((math.sqrt(slope * slope + 4 * epsilon) - slope) ** 2 / 4)
    if low == 0:
        raise LossError("epsilon")
    return low
