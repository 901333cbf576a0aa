"""Scores with four reasons in bulk; the peer is a scorecard by hand, one customer at a time."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.report import Row, cpu_seconds
from service.scoring.batch import score_frame
from service.scoring.credit import CREDIT, GRADES, SCALING
from service.scoring.scorecard import Feature, Scorecard

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.scorecards import assess

ROWS = 20_000


def _card() -> Scorecard:
    points = np.random.default_rng(3)
    features = tuple(
        Feature(c.name, c.reason, c.edges, tuple(points.integers(-60, 60, c.bins).tolist())) for c in CREDIT
    )
    return Scorecard("credit", 590, features, GRADES, SCALING)


def _frame() -> pl.DataFrame:
    draw = np.random.default_rng(4)
    return pl.DataFrame({c.name: draw.uniform(c.edges[0] - 1, c.edges[-1] + 1, ROWS) for c in CREDIT})


def run() -> list[Row]:
    card, frame = _card(), _frame()
    rows = frame.to_dicts()
    single = cpu_seconds(lambda: [assess(card, row) for row in rows]) / ROWS
    bulk = ROWS / cpu_seconds(lambda: score_frame(card, frame))
    return [
        Row(
            what="scores in bulk",
            ours=f"{bulk:,.0f} rows / CPU s",
            peer=f"one at a time: {1 / single:,.0f} rows / CPU s",
            ratio=bulk * single,
            target="at least 2 times faster",
            met=bulk * single >= 2,
        ),
    ]
