"""The credit scorecard's declared characteristics: bins, directions, reason codes, grades.

Bin edges come from this table and never from data, so they cost no privacy and every count that the trainer
sees belongs to a bin known beforehand. Where a direction is declared, points follow it: a customer with more
months overdue never gets more points. Amounts are cents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from service.scoring.scorecard import Grade, Scaling

_UNIT: Final = 100  # cents


@dataclass(frozen=True, slots=True)
class Characteristic:
    """A feature as declared before any training.

    Attributes:
        name: column of ``profiling.features``.
        reason: reason code.
        edges: bin edges, rising.
        points: ``rise`` or ``fall`` with the value, or ``free``.
    """

    name: str
    reason: str
    edges: tuple[int | float, ...]
    points: Literal["rise", "fall", "free"]

    @property
    def bins(self) -> int:
        """Number of bins."""
        return len(self.edges) + 1


def _amounts(*thousands: float) -> tuple[int, ...]:
    return tuple(int(x * 1000 * _UNIT) for x in thousands)


CREDIT: Final = (
    Characteristic("months_late", "R1", (1, 2, 3, 4, 5, 6), "fall"),
    Characteristic("last_status", "R2", (-1, 0, 1, 2, 3), "free"),
    Characteristic("worst_status", "R3", (-1, 0, 1, 2, 3, 4), "free"),
    Characteristic("util_mean", "R4", (0.01, 0.1, 0.3, 0.5, 0.8, 0.95, 1.05), "free"),
    Characteristic("util_trend", "R5", (-0.2, -0.1, -0.02, 0.02, 0.1, 0.2, 0.4), "free"),
    Characteristic("paid_cents", "R6", _amounts(0.5, 1, 2, 3, 5, 10, 20), "rise"),
    Characteristic("limit_cents", "R7", _amounts(30, 50, 80, 120, 160, 200, 300, 500), "rise"),
    Characteristic("pay_ratio", "R8", (0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 0.9, 1.0), "free"),
)

#: 50 points double the odds; 500 points are even odds.
SCALING: Final = Scaling(points_to_double=50, at_even_odds=500)
GRADES: Final = (Grade("A", 640), Grade("B", 600), Grade("C", 550), Grade("D", 500), Grade("E", None))
