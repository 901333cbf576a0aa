"""Seeded bug: a reader that judges every line for itself, so a text field can smuggle in a row of its own."""

from __future__ import annotations

import polars as pl

from service.adapters.connectors.delimited import read_delimited
from service.domain.contracts import DatasetContract


def read_line_by_line(data: bytes, contract: DatasetContract) -> pl.DataFrame:
    """The rows taken in when no line knows of the one before."""
    header, *lines = data.split(b"\n")
    frames = [read_delimited(header + b"\n" + line, contract, separator=",")[0] for line in lines]
    return pl.concat(frames)
