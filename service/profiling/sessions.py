"""What clicks say about customers: visits cut at a pause, and one row of features per customer.

A pause of more than 30 minutes between two clicks of one customer begins a new session; one of exactly 30
minutes does not. How long somebody looked at the last page of a session is not known and counts as nothing.
The same page at the same instant is one click that was sent twice. So both tables are functions of the set of
clicks: the order and the batches in which they arrive are no matter. The features:

=====================  ==================================================================
``sessions``           sessions
``clicks``             clicks
``clicks_per_day``     clicks / days (in UTC) with at least one: the click frequency
``dwell_seconds``      mean seconds from the first to the last click of a session
``path_length``        mean pages of a session, a page clicked again and again counted once
``distinct_paths``     different pages seen
=====================  ==================================================================
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import polars as pl

GAP: Final = timedelta(minutes=30)
FEATURES: Final = (
    "sessions", "clicks", "clicks_per_day", "dwell_seconds", "path_length", "distinct_paths",
)  # fmt: skip


def sessions(clicks: pl.DataFrame) -> pl.DataFrame:
    """Cut clicks into sessions.

    Args:
        clicks: ``_sp``, ``at`` Datetime, ``path`` String; without nulls, in any order.

    Returns:
        One row per session, sorted by ``_sp``, ``start``: ``_sp``, ``start``, ``pages`` (clicks),
        ``dwell_seconds`` Float64, ``path`` (pages in order, List of String).
    """
    at, path = pl.col("at"), pl.col("path")
    ordered = clicks.lazy().select("_sp", "at", "path").unique().sort("_sp", "at", "path")
    pause = at - at.shift(1).over("_sp")
    number = (pause > GAP).fill_null(value=False).cum_sum().over("_sp").alias("_session")
    return (
        ordered.with_columns(number)
        .group_by("_sp", "_session", maintain_order=True)
        .agg(
            start=at.first(),
            pages=pl.len().cast(pl.Int32),
            dwell_seconds=(at.last() - at.first()).dt.total_microseconds() / 1_000_000,
            path=path,
        )
        .drop("_session")
        .collect()
    )


def session_features(clicks: pl.DataFrame) -> pl.DataFrame:
    """One row of ``FEATURES`` per customer that clicked.

    Args:
        clicks: as in ``sessions``.

    Returns:
        ``_sp`` and ``FEATURES``, sorted by ``_sp``, without nulls.
    """
    visits = sessions(clicks)
    page = pl.element()
    steps = pl.col("path").list.eval(page.filter(page.ne_missing(page.shift(1)))).list.len()
    totals = (
        visits.group_by("_sp", maintain_order=True)
        .agg(
            sessions=pl.len().cast(pl.Int32),
            clicks=pl.col("pages").sum(),
            dwell_seconds=pl.col("dwell_seconds").mean(),
            path_length=steps.mean(),
            distinct_paths=pl.col("path").explode().n_unique().cast(pl.Int32),
        )
        .sort("_sp")
    )
    days = clicks.group_by("_sp").agg(_days=pl.col("at").dt.date().n_unique())
    return (
        totals.join(days, on="_sp", maintain_order="left")
        .with_columns(clicks_per_day=pl.col("clicks") / pl.col("_days"))
        .select("_sp", *FEATURES)
    )
