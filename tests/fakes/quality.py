"""How good a score is: AUC, Kolmogorov-Smirnov and Brier, from scores and outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Quality:
    """Measures on customers who took no part in training."""

    customers: int
    defaults: int
    auc: float
    ks: float
    brier: float


def auc(risk: Floats, bad: Ints) -> float:
    """Probability that a customer who defaulted has the higher risk; ties count half."""
    _, inverse, counts = np.unique(risk, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n_bad = int(bad.sum())
    n_good = len(bad) - n_bad
    return float((rank[bad == 1].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good))


def ks(risk: Floats, bad: Ints) -> float:
    """Largest distance between the two cumulative distributions."""
    levels, inverse = np.unique(risk, return_inverse=True)
    n_bad = np.bincount(inverse, weights=bad, minlength=len(levels))
    n_all = np.bincount(inverse, minlength=len(levels))
    share_bad = np.cumsum(n_bad) / n_bad.sum()
    share_good = np.cumsum(n_all - n_bad) / (n_all - n_bad).sum()
    return float(np.abs(share_bad - share_good).max())


def brier(probability: Floats, bad: Ints) -> float:
    """Mean squared error of the probability of default."""
    return float(np.mean((probability - bad) ** 2))


def quality(probability: Floats, bad: Ints) -> Quality:
    """All measures. Raises ValueError when one of the two outcomes does not occur."""
    defaults = int(bad.sum())
    if not 0 < defaults < len(bad):
        raise ValueError("both outcomes are needed")
    return Quality(len(bad), defaults, auc(probability, bad), ks(probability, bad), brier(probability, bad))
