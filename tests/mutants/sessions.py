"""Broken variants of sessions and of the cleaning of paths that the tests must catch."""

from __future__ import annotations

from urllib.parse import urlsplit

import polars as pl

from service.profiling.sessions import GAP


def sessions_cut_at_the_pause(clicks: pl.DataFrame) -> int:
    """Counts a pause of exactly the gap as the end of a session."""
    pause = clicks.sort("_sp", "at").select(pl.col("at").diff().over("_sp") >= GAP).to_series()
    return int(pause.sum()) + clicks["_sp"].n_unique()


def features_in_order_of_arrival(clicks: pl.DataFrame) -> pl.DataFrame:
    """Takes the clicks as they came."""
    cut = (pl.col("at").diff().over("_sp") > GAP).fill_null(value=False)
    cuts = clicks.with_columns(_cut=cut).group_by("_sp", maintain_order=True)
    return cuts.agg(sessions=(pl.col("_cut").sum() + 1).cast(pl.Int32))


def path_before_decoding(value: str) -> str:
    """Cuts the query off first and never looks at what is encoded."""
    return urlsplit(value).path
