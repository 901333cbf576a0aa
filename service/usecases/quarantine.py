"""What is kept of a rejected row: where it was, which rule, and a tag by which its sender can find it again.

No value of the row is kept. The tag is a MAC of the row under a key of its own, so whoever holds the file
and the service together can match them, and nobody else can.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from privacy.pseudonym.blind_index import blind_index
from service.domain.batches import DTYPES, REJECTED, AdmittedBatch, RawBatch, rejected
from service.domain.contracts import DatasetContract, Role
from service.ports import Deps
from service.usecases.rows import recent

TOO_OLD: Final = "too_old"  # rule of a row that no read would show
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
    return rejected(rows.with_columns(row_tag=blind_index(content, key).bin.encode("hex")))


def set_old_aside(batch: RawBatch, deps: Deps) -> RawBatch:
    """The batch without the rows that are past their use: what retention removed does not come back."""
    for test in recent(batch.contract, deps):  # PIPL 19
        is_recent = test.fill_null(value=False)
        period = batch.contract.with_role(Role.EVENT_TIME)[0].name
        old = batch.frame.filter(~is_recent).with_columns(rule=pl.lit(TOO_OLD), column=pl.lit(period))
        aside = reject(old, [c.name for c in batch.contract.columns], deps.keyring.derive("row-tag"))
        frame = batch.frame.filter(is_recent)
        return RawBatch(batch.id, batch.contract, frame, pl.concat([batch.rejected, aside]))
    return batch


def all_rejected(
    batch: str, contract: DatasetContract, rows: int, why: tuple[str, str], cited: pl.DataFrame
) -> Iterator[AdmittedBatch]:
    """Parts of a batch of which every row is rejected: ``cited`` as they are, the others by one rule."""
    rule, column = why
    stored = {c.name: DTYPES[c.kind] for c in contract.stored}
    ours = {"_row": pl.UInt32(), "_sp": pl.Binary(), "_bucket": pl.Int32()}
    none = pl.DataFrame(schema={**ours, **stored})
    for first in range(1, rows + 1, _PART):
        numbers = pl.int_range(first, min(first + _PART, rows + 1), dtype=pl.UInt32)
        part = rejected(pl.select(_row=numbers, rule=pl.lit(rule), column=pl.lit(column)))
        own = cited.filter(pl.col("_row").is_between(first, first + _PART - 1))
        others = part.join(own, on="_row", how="anti")
        yield AdmittedBatch(batch, contract, none, pl.concat([own, others]), 0)
