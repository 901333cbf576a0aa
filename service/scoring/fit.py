"""Train the credit scorecard on a frame, with every count passed through a noisy histogram first.

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
import polars as pl

from service.scoring.batch import score_frame
from service.scoring.credit import CREDIT, GRADES, SCALING
from service.scoring.quality import Quality
from service.scoring.scorecard import Scorecard, default_probability
from service.scoring.train import (
    BANDS,
    SCORE_BANDS,
    Floats,
    Form,
    band_counts,
    bin_counts,
    calibrate,
    evidence,
    middles,
    quality_of_bands,
    scale,
    total_evidence,
)

Noisy = Callable[[Sequence[int], float, float], Floats]
HELD_OUT: Final = 5  # one customer in five
BINS_SHARE: Final = 0.9  # of the loss; the rest pays for calibration
PPM: Final = 1_000_000


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
    bands = band_counts(total_evidence(train, woe, CREDIT), train_bad, BANDS)
    line = calibrate(noisy(bands.tolist(), 1.0, 1 - BINS_SHARE), BANDS)
    card = scale(Form(name, CREDIT, GRADES, SCALING), woe, line)
    measured = _measure(card, frame.filter(out), bad.filter(out), noisy)
    return replace(card, quality=_ppm(measured))


def _measure(card: Scorecard, frame: pl.DataFrame, bad: pl.Series, noisy: Noisy) -> Quality:
    scores = score_frame(card, frame)["score"].to_numpy().astype(np.float64)
    counts = noisy(band_counts(scores, bad, SCORE_BANDS).tolist(), 1.0, 1.0)
    probability = np.array([default_probability(card, middle) for middle in middles(SCORE_BANDS)])
    return quality_of_bands(counts, probability)


def _ppm(quality: Quality) -> tuple[tuple[str, int], ...]:
    return (
        ("customers", quality.customers),
        ("defaults", quality.defaults),
        ("auc_ppm", round(quality.auc * PPM)),
        ("ks_ppm", round(quality.ks * PPM)),
        ("brier_ppm", round(quality.brier * PPM)),
    )
