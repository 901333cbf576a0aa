"""Seeded bug: polars' lenient reading, which cuts surplus fields and skips blank lines without a word."""

from __future__ import annotations

import io

import polars as pl

from service.domain.contracts import DatasetContract


def read_truncating(data: bytes, contract: DatasetContract) -> pl.DataFrame:
    """All rows polars makes of the file."""
    frame = pl.read_csv(io.BytesIO(data), infer_schema=False, truncate_ragged_lines=True)
    return frame.select(c.name for c in contract.columns).drop_nulls("mobile")
