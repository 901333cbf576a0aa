"""Which partition a storage pseudonym belongs to.

The low bits of its first four bytes, read little-endian. The number of partitions is a power of two, so
doubling it splits every bucket in two and moves nothing else:

>>> bucket_of(bytes([0x1F]) + bytes(15), 16), bucket_of(bytes([0x1F]) + bytes(15), 32)
(15, 31)
"""

from __future__ import annotations

import polars as pl


def bucket_of(pseudonym: bytes, n_buckets: int) -> int:
    """The partition of one pseudonym."""
    return int.from_bytes(pseudonym[:4], "little") & (n_buckets - 1)


def bucket_expr(n_buckets: int, column: str = "_sp") -> pl.Expr:
    """The same, columnar: ``_bucket`` Int32 of a Binary(16) column."""
    head = pl.col(column).bin.slice(0, 4).bin.reinterpret(dtype=pl.UInt32, endianness="little")
    return (head & (n_buckets - 1)).cast(pl.Int32).alias("_bucket")
