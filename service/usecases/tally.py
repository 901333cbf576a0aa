"""What became of the rows of a batch, counted while its chunks come in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from service.domain.batches import REJECTED, IngestCounts
from service.domain.contracts import DatasetContract
from service.domain.quality import assess, fields
from service.errors import ContractError, QualityError
from service.ports import Chunk, Stage
from service.usecases.quality import BELOW, check_quality


@dataclass(slots=True)
class Tally:
    """Rows read, and rows set aside or refused by reason."""

    batch: str
    contract: DatasetContract
    keep: bool  # the numbers of admitted rows
    aside: tuple[type[ContractError], ...]  # what sends the batch to quarantine as a whole
    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    measures: Counter[str] = field(default_factory=Counter)
    admitted: pl.Series = field(default_factory=lambda: pl.Series("_row", dtype=pl.UInt32))
    cited: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECTED))

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
        if QualityError in self.aside:  # then it is a batch of bounded size
            self.cited = pl.concat([self.cited, rows.with_columns(_sp=pl.lit(None, pl.Binary))])

    def give_up(self, rule: str) -> pl.DataFrame:
        """All rows are rejected by this rule, but for those returned, which are by their own."""
        cited = self.cited if rule == BELOW else self.cited.clear()  # after drift none can be trusted
        self.refused.clear()
        self.rejected = Counter(cited["rule"]) + Counter({rule: self.rows - cited.height})
        return cited

    def check(self, stage: Stage) -> None:
        """Hold all rows against the contract, with those that repeat others. Raises QualityError."""
        if not self.contract.minimum_quality:
            return
        for repeated in stage.duplicates():
            self.reject(repeated)
        found = assess(self.rows, self.rejected.total(), self.rejected, self.measures)
        check_quality(self.contract, found)
