"""The only door out: exact bounded totals go in, noisy cells with their intervals come out.

Every cell of the key grid is answered, and every cell of every vector gets its own noise: that a cell is
empty is not told. Counts and sums are whole numbers; a count is shown as at least 0, with the raw noisy
number of thousandths beside it for whoever wants to add up cells without bias. There is no seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from privacy.dp.accuracy import (
    CONFIDENCE,
    REFERENCE_ROWS,
    Accuracy,
    around,
    half_width,
    joint,
    nearest,
    ratio_half_width,
    ratio_interval,
)
from privacy.dp.bounding import l2_sensitivity
from privacy.dp.budget import PrivacyLoss
from privacy.dp.errors import MechanismError
from privacy.dp.mechanisms import add_gaussian, gaussian_scale
from privacy.dp.query import Measure
from privacy.dp.schema import COUNT, WEIGHT, Query, Total


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number that may leave.

    Attributes:
        value: rows, or units of the column; where a mean has no positive count, the middle of its interval.
        low: lower end of the 95 % interval.
        high: upper end.
        raw: noisy thousandths as drawn; None for a mean.
    """

    value: int
    low: int
    high: int
    raw: int | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of key values and its estimates, in the order of the plan's measures."""

    key: tuple[str, ...]
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class NoisyHistograms:
    """Noisy counts of several histograms, their noise scale and the 95 % half-width of each count."""

    counts: tuple[tuple[int, ...], ...]
    scale: float
    half_width: int


def expected_accuracy(query: Query) -> tuple[Accuracy, ...]:
    """The half-width of every measure, before any data is read."""
    return tuple(_accuracy(query, measure) for measure in query.plan.measures)


def release_cells(query: Query, exact: NDArray[np.int64], loss: PrivacyLoss) -> tuple[Cell, ...]:
    """Draw the noise and answer every cell.

    Args:
        query: the resolved plan.
        exact: shape (totals, cells), from ``privacy.dp.bounding.exact_totals`` with the same query.
        loss: what was paid. Must be the plan's cost.

    Raises:
        MechanismError: the loss is not the plan's cost, the shape is not the grid, or OpenDP does not confirm
            the loss. Nothing left then.
    """
    if loss != query.cost() or exact.shape != (len(query.totals), query.n_cells):
        raise MechanismError("the vectors or the loss do not belong to the plan")
    share = query.share().rho
    noisy = [
        add_gaussian(vector.tolist(), l2_sensitivity(query, total), share)
        for vector, total in zip(exact, query.totals, strict=True)
    ]
    columns = [_column(query, measure, noisy) for measure in query.plan.measures]
    return tuple(Cell(key, tuple(estimates)) for key, *estimates in zip(query.cells(), *columns, strict=True))


def format_cells(query: Query, cells: Sequence[Cell]) -> list[dict[str, str | dict[str, int]]]:
    """One JSON object per cell: key to value, measure to ``value``, ``low``, ``high`` and ``raw``."""
    names = [key.name for key in query.keys]
    measures = [str(measure) for measure in query.plan.measures]
    return [
        dict(zip(names, cell.key, strict=True))
        | {
            measure: {"value": e.value, "low": e.low, "high": e.high}
            | ({} if e.raw is None else {"raw": e.raw})
            for measure, e in zip(measures, cell.estimates, strict=True)
        }
        for cell in cells
    ]


def noisy_histograms(counts: Sequence[Sequence[int]], rho: int, l2: float) -> NoisyHistograms:
    """Several histograms over the same customers in one release, such as bin x class counts of a scorecard.

    Args:
        counts: one vector per feature.
        rho: privacy loss of all together, in micro-units.
        l2: L2 sensitivity of all together: sqrt(features) when a customer adds 1 to one cell of each.

    Raises:
        MechanismError: as ``release_cells``.
    """
    bound = math.nextafter(l2, math.inf)  # a square root may have been rounded down
    flat = add_gaussian([count for vector in counts for count in vector], bound, rho)
    scale = gaussian_scale(bound, rho)
    ends = accumulate((len(vector) for vector in counts), initial=0)
    parts = tuple(tuple(flat[start:end]) for start, end in pairwise(ends))
    return NoisyHistograms(parts, scale, half_width(scale))


def _half(query: Query, total: Total, confidence: float = CONFIDENCE) -> int:
    return half_width(gaussian_scale(l2_sensitivity(query, total), query.share().rho), confidence)


def _total(query: Query, measure: Measure) -> Total:
    return next(total for total in query.totals if total.column == measure.column)


def _accuracy(query: Query, measure: Measure) -> Accuracy:
    total = _total(query, measure)
    if measure.kind != "mean":
        return Accuracy(str(measure), -(-_half(query, total) // WEIGHT))
    halves = _half(query, total, joint()), _half(query, COUNT, joint())
    width = ratio_half_width(*halves, total.magnitude, REFERENCE_ROWS, WEIGHT)
    return Accuracy(str(measure), width, REFERENCE_ROWS)


def _column(query: Query, measure: Measure, noisy: list[list[int]]) -> list[Estimate]:
    """One measure over all cells."""
    total = _total(query, measure)
    values = noisy[query.totals.index(total)]
    if measure.kind != "mean":
        half, least = _half(query, total), 0 if measure.kind == "count" else None
        return [_single(value, half, least) for value in values]
    halves = _half(query, total, joint()), _half(query, COUNT, joint())
    counts = noisy[query.totals.index(COUNT)]
    return [_mean(total, pair, halves) for pair in zip(values, counts, strict=True)]


def _single(raw: int, half: int, least: int | None) -> Estimate:
    value, (low, high) = nearest(raw, WEIGHT), around(raw, half, WEIGHT)
    if least is not None:
        value, low, high = max(least, value), max(least, low), max(least, high)
    return Estimate(value, low, high, raw)


def _mean(total: Total, noisy: tuple[int, int], halves: tuple[int, int]) -> Estimate:
    sums, counts = ((value - half, value + half) for value, half in zip(noisy, halves, strict=True))
    low, high = ratio_interval(sums, counts, (total.lower, total.upper))
    if noisy[1] <= 0:
        return Estimate((low + high) // 2, low, high, None)
    value = min(max(nearest(*noisy), total.lower), total.upper)
    return Estimate(value, low, high, None)
