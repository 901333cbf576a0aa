"""How far a released number may be from the exact bounded one: 95 % intervals, known before data is read.

A count or sum has the same half-width in every cell, a function of the noise scale alone. A mean is the ratio
of a noisy sum and a noisy count. Its interval is conservative: both 97.5 % intervals hold together with at
least 95 % probability (union bound), and then the ratio lies between the extreme quotients. Fieller's is
shorter, but where the count is near zero it is unbounded or the outside of an interval, and small cells are
the ones that mislead. Here such a cell gets the declared bounds of the column, which always hold.

>>> half_width(100.0)
197
>>> ratio_interval((900, 1100), (90, 110), (0, 50))
(8, 13)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

CONFIDENCE: Final = 0.95
REFERENCE_ROWS: Final = 1000  # a mean's half-width depends on the cell; it is quoted for this many rows

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What to expect of one measure.

    Attributes:
        measure: such as ``sum:bill_cents``.
        half_width: of the 95 % interval, in rows or in the unit of the column.
        at_rows: size of the cell for which it holds; 0 when it holds for every cell.
    """

    measure: str
    half_width: int
    at_rows: int = 0


def half_width(scale: float, confidence: float = CONFIDENCE) -> int:
    """Half-width that the discrete Gaussian keeps with at least this probability.

    P(X >= m) <= P(N >= m - 1) for the continuous Gaussian N of the same scale (Canonne et al., prop. 25).
    """
    return math.ceil(NormalDist().inv_cdf((1 + confidence) / 2) * scale) + 1


def joint(confidence: float = CONFIDENCE) -> float:
    """Confidence that each of two intervals needs so that both hold with ``confidence``."""
    return (1 + confidence) / 2


def around(noisy: int, half: int, unit: int) -> Interval:
    """Interval of a noisy number of thousandths, in whole units, rounded outward."""
    return (noisy - half) // unit, -((-noisy - half) // unit)


def nearest(noisy: int, unit: int) -> int:
    """A number of thousandths rounded to whole units, halves up."""
    return (2 * noisy + unit) // (2 * unit)


def ratio_interval(numerator: Interval, denominator: Interval, bounds: Interval) -> Interval:
    """All quotients of the two intervals, rounded outward and cut to the bounds of the column."""
    lower, upper = bounds
    if denominator[0] <= 0:
        return bounds
    low = min(numerator[0] // d for d in denominator)
    high = max(-(-numerator[1] // d) for d in denominator)
    return min(max(low, lower), upper), max(min(high, upper), lower)


def ratio_half_width(sum_half: int, count_half: int, magnitude: int, rows: int, unit: int) -> int:
    """Half-width of a mean over ``rows`` rows, at worst: the errors of sum and count add up."""
    least = rows * unit - count_half
    if least <= 0:
        return 2 * magnitude
    return min(2 * magnitude, -(-(sum_half + magnitude * count_half) // least))
