"""What became of the rows of a batch, counted while its chunks come in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from service.domain.batches import IngestCounts
from service.domain.contracts import DatasetContract
from service.domain.quality import assess, fields
from service.ports import Chunk
from service.usecases.quality import check_quality


@dataclass(slots=True)
class Tally:
    """Rows read, and rows set aside or refused by reason."""

    batch: str
    contract: DatasetContract
    keep: bool  # the numbers of admitted rows
    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    measures: Counter[str] = field(default_factory=Counter)
    admitted: pl.Series = field(default_factory=lambda: pl.Series("_row", dtype=pl.UInt32))

    def counts(self, admitted: int) -> IngestCounts:
        """No row is lost."""
        quarantined = self.rejected.total()
        return IngestCounts(self.rows, admitted, quarantined, self.rows - admitted - quarantined)

    def read(self, chunk: Chunk) -> None:
        """A chunk was read."""
        self.rows += chunk.frame.height + chunk.rejected.height
        self.measures.update(fields(chunk.frame, self.contract))

    def reject(self, rows: pl.DataFrame) -> None:
        """Rows were set aside, each by its ``rule``."""
        self.rejected.update(dict(rows["rule"].value_counts().iter_rows()))

    def check(self) -> None:
        """Raises QualityError."""
        found = assess(self.rows, self.rejected.total(), self.rejected, self.measures)
        check_quality(self.contract, found)
