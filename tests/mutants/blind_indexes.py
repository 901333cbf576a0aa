"""A bulk CMAC that zero-fills the last block and forgets the padding bit: values collide with longer ones."""

from __future__ import annotations

import polars as pl
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC


def unpadded(values: pl.Series, key: bytes) -> pl.Series:
    """``blind_index`` with the bug."""
    tags = []
    for value in values:
        mac = CMAC(algorithms.AES(key))
        mac.update(value + bytes(-len(value) % 16))
        tags.append(mac.finalize())
    return pl.Series(tags, dtype=pl.Binary)
