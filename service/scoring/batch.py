"""Many scores at once in numpy; the tests hold them against a scorecard by hand, row by row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from service.errors import UsageError
from service.scoring.credit import Characteristic
from service.scoring.scorecard import REASONS, Feature, Scorecard

Ints = npt.NDArray[np.int64]


def bins(frame: pl.DataFrame, feature: Feature | Characteristic) -> Ints:
    """The bin of each row: how many edges are not above the value. Raises UsageError on null or NaN."""
    values = frame[feature.name].cast(pl.Float64).to_numpy() if feature.name in frame.columns else np.nan
    if not np.isfinite(values).all():  # a null has become NaN
        raise UsageError("a feature is missing", feature=feature.name)
    return np.searchsorted(np.asarray(feature.edges, dtype=np.float64), values, side="right").astype(np.int64)


def score_frame(card: Scorecard, frame: pl.DataFrame) -> pl.DataFrame:
    """Score every row.

    Args:
        card: the model.
        frame: one row per customer with every feature of the card.

    Returns:
        Same height: ``score`` Int64, ``grade`` String, ``reason_1``.. String and ``lost_1``.. Int64, as many
        as the card has features, four at most.
    """
    points = np.stack([np.asarray(f.points, dtype=np.int64)[bins(frame, f)] for f in card.features], axis=1)
    score = card.base + points.sum(axis=1)
    lost = np.asarray([f.best for f in card.features], dtype=np.int64) - points
    # A stable sort keeps the card's order among equal losses.
    order = np.argsort(-lost, axis=1, kind="stable")[:, :REASONS]
    codes = np.asarray([f.reason for f in card.features])
    columns: dict[str, pl.Series] = {"score": pl.Series(score), "grade": _grades(card, score)}
    for place in range(order.shape[1]):
        columns[f"reason_{place + 1}"] = pl.Series(codes[order[:, place]].tolist(), dtype=pl.String)
    for place in range(order.shape[1]):
        taken = np.take_along_axis(lost, order[:, place : place + 1], axis=1)[:, 0]
        columns[f"lost_{place + 1}"] = pl.Series(taken)
    return pl.DataFrame(columns)


def _grades(card: Scorecard, score: Ints) -> pl.Series:
    rising = np.asarray([g.least for g in reversed(card.grades) if g.least is not None], dtype=np.int64)
    names = np.asarray([g.name for g in reversed(card.grades)])
    return pl.Series(names[np.searchsorted(rising, score, side="right")].tolist(), dtype=pl.String)
