"""A scorecard from counts alone: weight of evidence per bin, summed as naive Bayes, calibrated, scaled.

The trainer never sees a customer. It is given counts of customers per bin and outcome, which are noisy when
they come out of a differentially private release; everything here is post-processing and costs no privacy.

1. ``bin_counts``: each training customer adds 1 to one cell per characteristic, so the L2 sensitivity of the
   whole vector to one customer is the square root of the number of characteristics.
2. ``evidence``: weight of evidence ln(share of bads / share of goods) with a prior of ten customers, which
   keeps noisy or empty cells near zero; isotonic where a direction is declared.
3. ``calibrate``: naive Bayes counts correlated evidence twice. A second histogram, customers per band of
   summed evidence and outcome (L2 sensitivity 1), gives the slope and intercept that repair it.
4. ``scale``: log odds to integer points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from service.scoring.batch import bins
from service.scoring.credit import Characteristic
from service.scoring.quality import Quality
from service.scoring.scorecard import Feature, Grade, Scaling, Scorecard

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRIOR: Final = 10.0  # customers
#: Declared bands of summed evidence for the calibration histogram.
BANDS: Final = tuple(float(x) for x in np.arange(-4.0, 7.5, 0.5))
#: Declared bands of the score for the evaluation histogram.
SCORE_BANDS: Final = tuple(range(380, 740, 20))
_BAD, _GOOD = 1, 0
_CONVERGED: Final = 1e-9


def bin_counts(frame: pl.DataFrame, bad: pl.Series, declared: Sequence[Characteristic]) -> Ints:
    """Customers per bin and outcome, all characteristics one after the other.

    Args:
        frame: one row per customer with every declared feature.
        bad: 1 for default, 0 for none.
        declared: characteristics.

    Returns:
        Flat vector, ``2 * sum(bins)``: per characteristic first the goods, then the bads of each bin.
    """
    outcome = bad.cast(pl.Int64).to_numpy()
    parts = []
    for item in declared:
        place = bins(frame, _shape(item))
        parts.append(np.bincount(outcome * item.bins + place, minlength=2 * item.bins))
    return np.concatenate(parts).astype(np.int64)


def evidence(counts: Floats, declared: Sequence[Characteristic]) -> tuple[Floats, ...]:
    """Weight of evidence of each bin; larger means riskier. ``counts`` may be noisy, even negative."""
    result = []
    start = 0
    for item in declared:
        block = np.maximum(counts[start : start + 2 * item.bins], 0.0).reshape(2, item.bins)
        start += 2 * item.bins
        total = np.maximum(block.sum(axis=1), 1.0)
        share = total / total.sum()
        woe = np.log((block[_BAD] + PRIOR * share[_BAD]) / total[_BAD]) - np.log(
            (block[_GOOD] + PRIOR * share[_GOOD]) / total[_GOOD]
        )
        result.append(_directed(woe, block.sum(axis=0) + PRIOR, item))
    return tuple(result)


def _directed(woe: Floats, weight: Floats, item: Characteristic) -> Floats:
    if item.points == "free":
        return woe
    # Points fall as evidence of risk rises, so points that rise need evidence that falls.
    return isotonic(woe, weight) if item.points == "fall" else -isotonic(-woe, weight)


def isotonic(values: Floats, weight: Floats) -> Floats:
    """The nearest never falling sequence (weighted least squares), by pooling adjacent violators."""
    blocks: list[tuple[float, float, int]] = []
    for value, mass in zip(values.tolist(), weight.tolist(), strict=True):
        mean, total, size = value, mass, 1
        while blocks and blocks[-1][0] > mean:
            before, heavy, many = blocks.pop()
            mean = (before * heavy + mean * total) / (heavy + total)
            total, size = heavy + total, many + size
        blocks.append((mean, total, size))
    return np.array([mean for mean, _, size in blocks for _ in range(size)])


def total_evidence(frame: pl.DataFrame, woe: Sequence[Floats], declared: Sequence[Characteristic]) -> Floats:
    """Summed evidence of each customer."""
    parts = [w[bins(frame, _shape(item))] for w, item in zip(woe, declared, strict=True)]
    total: Floats = np.sum(parts, axis=0)
    return total


def band_counts(values: Floats, bad: pl.Series, edges: Sequence[float]) -> Ints:
    """Customers per band and outcome: first the goods of every band, then the bads."""
    n_bands = len(edges) + 1
    band = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="right")
    outcome = bad.cast(pl.Int64).to_numpy()
    return np.bincount(outcome * n_bands + band, minlength=2 * n_bands).astype(np.int64)


def middles(edges: Sequence[float]) -> Floats:
    """A value that stands for each band; the open ones get half a band's width."""
    inner = np.asarray(edges, dtype=np.float64)
    width = inner[1] - inner[0]
    return np.concatenate(([inner[0] - width / 2], (inner[:-1] + inner[1:]) / 2, [inner[-1] + width / 2]))


def calibrate(counts: Floats, edges: Sequence[float]) -> tuple[float, float]:
    """Intercept and slope of log odds of default on summed evidence, by Newton's method on band counts.

    A ridge of ten customers' weight pulls the slope to 1, so that a few noisy counts cannot turn it round;
    the slope is kept between 0.1 and 1.
    """
    good, bad = np.maximum(counts, 0.0).reshape(2, len(edges) + 1)
    x = middles(edges)
    beta = np.array([np.log((bad.sum() + 1.0) / (good.sum() + 1.0)), 1.0])
    design = np.stack([np.ones_like(x), x], axis=1)
    ridge = np.diag([1e-6, PRIOR])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ beta, -30.0, 30.0)))
        n = good + bad
        gradient = design.T @ (bad - n * p) - ridge @ (beta - [beta[0], 1.0])
        hessian = (design * (n * p * (1 - p))[:, None]).T @ design + ridge
        step = np.linalg.solve(hessian, gradient)
        beta = beta + np.clip(step, -1.0, 1.0)
        if float(np.abs(step).max()) < _CONVERGED:
            break
    return float(beta[0]), float(np.clip(beta[1], 0.1, 1.0))


@dataclass(frozen=True, slots=True)
class Form:
    """What a scorecard needs beside its numbers."""

    name: str
    declared: tuple[Characteristic, ...]
    grades: tuple[Grade, ...]
    scaling: Scaling


def scale(form: Form, woe: Sequence[Floats], line: tuple[float, float]) -> Scorecard:
    """Turn evidence into integer points: fewer points for more risk."""
    intercept, slope = line
    per_nat = form.scaling.points_to_double / np.log(2.0)
    features = tuple(
        Feature(d.name, d.reason, d.edges, tuple(int(p) for p in np.rint(-per_nat * slope * w)))
        for d, w in zip(form.declared, woe, strict=True)
    )
    base = int(np.rint(form.scaling.at_even_odds - per_nat * intercept))
    return Scorecard(form.name, base, features, form.grades, form.scaling)


def quality_of_bands(counts: Floats, probability: Floats) -> Quality:
    """AUC, KS and Brier from a (noisy) histogram of score bands and outcomes.

    Args:
        counts: goods of each band, then bads, bands by rising score.
        probability: probability of default that each band stands for.
    """
    # Negative noisy counts stay: cutting them off would add customers to empty bands and bias every measure.
    good, bad = counts.reshape(2, len(probability))
    n_good, n_bad = max(good.sum(), 1.0), max(bad.sum(), 1.0)
    # Walk from the riskiest band up: a bad ranks above every good in a later band, ties count half.
    later = n_good - np.cumsum(good)
    area = float((bad * (later + good / 2)).sum() / (n_good * n_bad))
    distance = float(np.abs(np.cumsum(bad) / n_bad - np.cumsum(good) / n_good).max())
    error = float((bad * (1 - probability) ** 2 + good * probability**2).sum() / (n_good + n_bad))
    inside = [min(max(measure, 0.0), 1.0) for measure in (area, distance, error)]  # noise alone leads outside
    return Quality(int(n_good + n_bad), int(n_bad), *inside)


def _shape(item: Characteristic) -> Feature:
    return Feature(item.name, item.reason, item.edges, (0,) * item.bins)
