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

Who draws the noise is the caller's matter: ``noisy(counts, l2, share)`` returns the counts with noise for the
given L2 sensitivity, paid with that share of the privacy loss. Only its results reach the model.

One customer in five, chosen by a byte of the pseudonym, is held out: they take no part in training and the
trained model is measured on them. A customer is in one of the two groups only, so the measurement may use the
whole loss again (parallel composition).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from service.scoring.batch import Ints, bins, score_frame
from service.scoring.credit import CREDIT, GRADES, SCALING, Characteristic
from service.scoring.scorecard import Feature, Scorecard, default_probability

Floats = npt.NDArray[np.float64]
Noisy = Callable[[Sequence[int], float, float], Floats]

HELD_OUT: Final = 5  # one customer in five
BINS_SHARE: Final = 0.9  # of the loss; the rest pays for calibration
PPM: Final = 1_000_000
PRIOR: Final = 10.0  # customers
#: Declared bands of summed evidence for the calibration histogram.
BANDS: Final = tuple(float(x) for x in np.arange(-4.0, 7.5, 0.5))
#: Declared bands of the score for the evaluation histogram.
SCORE_BANDS: Final = tuple(range(380, 740, 20))
_BAD, _GOOD = 1, 0
_CONVERGED: Final = 1e-9


def held_out(frame: pl.DataFrame) -> pl.Series:
    """Which rows are held out; pseudonyms are uniform, so this is a fair draw that never changes."""
    return frame["_sp"].bin.slice(15, 1).bin.reinterpret(dtype=pl.UInt8, endianness="little") % HELD_OUT == 0


def fit_credit(name: str, frame: pl.DataFrame, bad: pl.Series, noisy: Noisy) -> Scorecard:
    """Train and measure.

    Args:
        name: of the model.
        frame: ``_sp`` and the features of ``credit.CREDIT``, one row per customer.
        bad: 1 for default, 0 for none, same height.
        noisy: adds noise to counts.

    Returns:
        A scorecard with ``quality``.
    """
    out = held_out(frame)
    train, train_bad = frame.filter(~out), bad.filter(~out)
    counts = bin_counts(train, train_bad, CREDIT)
    woe = evidence(noisy(counts.tolist(), math.sqrt(len(CREDIT)), BINS_SHARE), CREDIT)
    bands = _band_counts(_total_evidence(train, woe), train_bad, BANDS)
    line = calibrate(noisy(bands.tolist(), 1.0, 1 - BINS_SHARE), BANDS)
    card = _scale(name, woe, line)
    scores = score_frame(card, frame.filter(out))["score"].to_numpy().astype(np.float64)
    measured = noisy(_band_counts(scores, bad.filter(out), SCORE_BANDS).tolist(), 1.0, 1.0)
    probability = np.array([default_probability(card, middle) for middle in middles(SCORE_BANDS)])
    return replace(card, quality=_quality(measured, probability))


def bin_counts(frame: pl.DataFrame, bad: pl.Series, declared: Sequence[Characteristic]) -> Ints:
    """Customers per bin and outcome, all characteristics one after the other.

    Args:
        frame: one row per customer with every declared feature.
        bad: 1 for default, 0 for none.
        declared: characteristics.

    Returns:
        Flat vector, ``2 * sum(bins)``: per characteristic first the goods, then the bads of each bin.
    """
    return np.concatenate([_by_outcome(bins(frame, item), bad, item.bins) for item in declared])


def _by_outcome(place: Ints, bad: pl.Series, n_places: int) -> Ints:
    """Customers per place and outcome: first the goods of every place, then the bads."""
    outcome = bad.cast(pl.Int64).to_numpy()
    return np.bincount(outcome * n_places + place, minlength=2 * n_places).astype(np.int64)


def evidence(counts: Floats, declared: Sequence[Characteristic]) -> tuple[Floats, ...]:
    """Weight of evidence of each bin; larger means riskier. ``counts`` may be noisy, even negative."""
    result = []
    ends = np.cumsum([2 * item.bins for item in declared])
    for item, part in zip(declared, np.split(counts, ends[:-1]), strict=True):
        block = np.maximum(part, 0.0).reshape(2, item.bins)
        total = np.maximum(block.sum(axis=1, keepdims=True), 1.0)
        rates = np.log((block + PRIOR * (total / total.sum())) / total)
        result.append(_directed(rates[_BAD] - rates[_GOOD], block.sum(axis=0) + PRIOR, item))
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


def _total_evidence(frame: pl.DataFrame, woe: Sequence[Floats]) -> Floats:
    """Summed evidence of each customer."""
    total: Floats = np.sum([w[bins(frame, item)] for w, item in zip(woe, CREDIT, strict=True)], axis=0)
    return total


def _band_counts(values: Floats, bad: pl.Series, edges: Sequence[float]) -> Ints:
    """Customers per band and outcome."""
    band = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="right")
    return _by_outcome(band, bad, len(edges) + 1)


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


def _scale(name: str, woe: Sequence[Floats], line: tuple[float, float]) -> Scorecard:
    """Turn evidence into integer points: fewer points for more risk."""
    intercept, slope = line
    per_nat = SCALING.points_to_double / np.log(2.0)
    features = tuple(
        Feature(d.name, d.reason, d.edges, tuple(int(p) for p in np.rint(-per_nat * slope * w)))
        for d, w in zip(CREDIT, woe, strict=True)
    )
    base = int(np.rint(SCALING.at_even_odds - per_nat * intercept))
    return Scorecard(name, base, features, GRADES, SCALING)


def _quality(counts: Floats, probability: Floats) -> tuple[tuple[str, int], ...]:
    """AUC, KS and Brier, in millionths, from a (noisy) histogram of score bands and outcomes.

    Args:
        counts: goods of each band, then bads, bands by rising score.
        probability: probability of default that each band stands for.
    """
    # Negative noisy counts stay: cutting them off would add customers to empty bands and bias every measure.
    good, bad = counts.reshape(2, len(probability))
    n_good, n_bad = max(good.sum(), 1.0), max(bad.sum(), 1.0)
    # Walk from the riskiest band up: a bad ranks above every good in a later band, ties count half.
    later = n_good - np.cumsum(good)
    measures = {
        "auc_ppm": (bad * (later + good / 2)).sum() / (n_good * n_bad),
        "ks_ppm": np.abs(np.cumsum(bad) / n_bad - np.cumsum(good) / n_good).max(),
        "brier_ppm": (bad * (1 - probability) ** 2 + good * probability**2).sum() / (n_good + n_bad),
    }
    # Noise alone leads outside 0 to 1.
    inside = {name: round(min(max(float(value), 0.0), 1.0) * PPM) for name, value in measures.items()}
    return ("customers", int(n_good + n_bad)), ("defaults", int(n_bad)), *inside.items()
