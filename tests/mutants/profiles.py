"""Broken variants of profiling, scoring and suppression that the tests must catch."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from service.profiling.features import features
from service.reporting.suppression import SMALLEST
from service.scoring.scorecard import Scorecard


def features_that_see_the_future(
    statements: pl.DataFrame, customers: pl.DataFrame, _as_of: date
) -> pl.DataFrame:
    """Ignores the as-of date."""
    return features(statements, customers, date.max)


def score_with_edges_in_the_lower_bin(card: Scorecard, values: Mapping[str, float]) -> int:
    """Puts a value that equals an edge into the bin below it."""
    return card.base + sum(f.points[bisect_left(f.edges, values[f.name])] for f in card.features)


def suppress_only_the_small(counts: Sequence[int]) -> tuple[int | None, ...]:
    """Hides small cells, but leaves a single hidden one to be worked out from the total."""
    return tuple(None if 0 < n < SMALLEST else n for n in counts)
