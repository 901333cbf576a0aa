"""What is kept of a rejected row: where it was, which rule, and a tag by which its sender can find it again.

No value of the row is kept. The tag is a MAC of the row under a key of its own, so whoever holds the file
and the service together can match them, and nobody else can.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from privacy.pseudonym.blind_index import blind_index
from service.domain.batches import REJECTED

_FIELD: Final = "\x1f"  # no structured field may hold a control character
_NULL: Final = "\x00"


def reject(rows: pl.DataFrame, columns: Sequence[str], key: bytes) -> pl.DataFrame:
    """A REJECTED frame.

    Args:
        rows: ``_row``, ``rule``, ``column``, perhaps ``_sp``, and the columns of the row as they were read.
        columns: the columns that the tag covers, in contract order.
        key: 32 bytes, the keyring's ``row-tag`` key.

    Returns:
        Same height, columns of ``REJECTED``.
    """
    if rows.is_empty():
        return pl.DataFrame(schema=REJECTED)
    content = rows.select(
        pl.concat_str([pl.col(name).cast(pl.String).fill_null(_NULL) for name in columns], separator=_FIELD)
    ).to_series()
    pseudonym = pl.col("_sp") if "_sp" in rows.columns else pl.lit(None, pl.Binary)
    tags = blind_index(content, key).bin.encode("hex")
    return rows.select("_row", "rule", "column", pseudonym.alias("_sp"), row_tag=tags).cast(REJECTED)
