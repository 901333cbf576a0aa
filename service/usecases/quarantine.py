"""What is kept of a rejected row: where it was, which rule, and a tag by which its sender can find it again.

No value of the row is kept. The tag is a MAC of the row under a key of its own, so whoever holds the file
and the service together can match them, and nobody else can.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from privacy.pseudonym.blind_index import blind_index
from service.domain.batches import DTYPES, REJECTED, AdmittedBatch
from service.domain.contracts import DatasetContract
from service.usecases.drift import CLASS_DRIFT

_FIELD: Final = "\x1f"  # no structured field may hold a control character
_NULL: Final = "\x00"
_PART: Final = 250_000  # rows


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


def all_rejected(batch: str, contract: DatasetContract, rows: int, column: str) -> Iterator[AdmittedBatch]:
    """Parts of a batch of which every row is rejected because of what has become of a column."""
    stored = {c.name: DTYPES[c.kind] for c in contract.stored}
    ours = {"_row": pl.UInt32(), "_sp": pl.Binary(), "_bucket": pl.Int32()}
    none = pl.DataFrame(schema={**ours, **stored})
    for first in range(1, rows + 1, _PART):
        rejected = pl.select(
            pl.int_range(first, min(first + _PART, rows + 1), dtype=pl.UInt32).alias("_row"),
            rule=pl.lit(CLASS_DRIFT), column=pl.lit(column), _sp=pl.lit(None, pl.Binary), row_tag=pl.lit(""),
        )  # fmt: skip
        yield AdmittedBatch(batch, contract, none, rejected.cast(REJECTED), 0)
