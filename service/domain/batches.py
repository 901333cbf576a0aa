"""The four states of a batch on its one way in; a step takes one and returns the next, so none is skipped.

Frames are columnar (polars). Column names that start with an underscore are ours:

``_row`` UInt32, number of the row in the source, from 1; ``_sp`` Binary(16), storage pseudonym;
``_bucket`` Int32, partition; ``_subject`` Int64, subject number (never stored);
``_n`` Int64, the subject's row count within the row's month: the contribution total for bounding
(docs/explanation/bounding.md); ``_batch`` String, first 16 hex digits of the batch id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from service.domain.contracts import DatasetContract, Kind


@dataclass(frozen=True, slots=True)
class Batch:
    """What every state has.

    Attributes:
        id: ``batch_id``, or what stands for it.
        contract: what the rows are held against.
        frame: the rows that are still on their way.
        rejected: columns of ``REJECTED``, no personal data beyond ``_sp``.
    """

    id: str
    contract: DatasetContract
    frame: pl.DataFrame
    rejected: pl.DataFrame


class RawBatch(Batch):
    """A file as it came: every contract column present and typed, ``_row`` added, nothing checked."""


class ScannedBatch(Batch):
    """Detection has run: free text is redacted, rows with undeclared personal data are in ``rejected``."""


class PseudonymisedBatch(Batch):
    """Identifier columns are gone; ``_subject``, ``_sp`` and ``_bucket`` stand instead."""


@dataclass(frozen=True, slots=True)
class AdmittedBatch(Batch):
    """Consent has been checked row by row. The only thing the event store takes."""

    refused: int


#: The type of a column in every frame and in the event store.
DTYPES: Final[Mapping[Kind, pl.DataType]] = {
    Kind.STRING: pl.String(),
    Kind.INTEGER: pl.Int64(),
    Kind.DATE: pl.Date(),
    Kind.TIMESTAMP: pl.Datetime("us", "UTC"),
}

#: Rejected rows: where it was, which rule, which column, the pseudonym if known, a keyed hash of the raw row.
REJECTED = pl.Schema(
    {
        "_row": pl.UInt32(),
        "rule": pl.String(),
        "column": pl.String(),
        "_sp": pl.Binary(),
        "row_tag": pl.String(),
    }
)


def rejected(rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` as a REJECTED frame; without a column for them there is no pseudonym, and no hash."""
    unknown = {"_sp": pl.lit(None), "row_tag": pl.lit("")}
    missing = {name: value for name, value in unknown.items() if name not in rows.columns}
    return rows.with_columns(**missing).select(REJECTED.names()).cast(REJECTED)


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """Rows in = admitted + quarantined + refused, always."""

    rows: int
    admitted: int
    quarantined: int
    refused: int

    def __post_init__(self) -> None:
        """Refuse counts that lose a row."""
        if self.rows != self.admitted + self.quarantined + self.refused:
            raise ValueError("rows in must equal admitted + quarantined + refused")
