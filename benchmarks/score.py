"""A score with four reasons, one at a time and in bulk; the peer is a frame-based scorecard doing one row."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.report import Row, cpu_seconds
from service.scoring.batch import score_frame
from service.scoring.credit import CREDIT, GRADES, SCALING
from service.scoring.scorecard import Feature, Scorecard, assess

ROWS = 20_000
SINGLE = 200


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
    framed = cpu_seconds(lambda: [score_frame(card, frame.slice(n, 1)) for n in range(SINGLE)]) / SINGLE
    bulk = ROWS / cpu_seconds(lambda: score_frame(card, frame))
    ratio = framed / single
    return [
        Row(
            what="one score with four reasons",
            ours=f"{single * 1e6:.1f} µs CPU",
            peer=f"the same scorecard on a frame of one row: {framed * 1e6:.0f} µs",
            ratio=ratio,
            target="at least 20 times faster, at most 50 µs",
            met=ratio >= 20 and single <= 50e-6,
        ),
        Row(
            what="scores in bulk",
            ours=f"{bulk:,.0f} rows / CPU s",
            peer=f"one at a time: {1 / single:,.0f} rows / CPU s",
            ratio=bulk * single,
            target="at least 2 times faster",
            met=bulk * single >= 2,
        ),
    ]
