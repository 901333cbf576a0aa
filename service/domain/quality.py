"""How good a batch is: integer measures, one score, and no value of any row.

==============  ==============================================================================
completeness    share of the fields of optional columns that have a value, in rows that parse
validity        share of rows that no rule about a row by itself rejected
consistency     share of rows that no rule about a row beside others rejected (``BESIDE_OTHERS``)
==============  ==============================================================================

All are per mille, rounded down; 1000 where there is nothing to measure. The score weighs them:
``(2 completeness + 5 validity + 3 consistency) div 10``. Rows that are released from quarantine no longer
count as rejected. Rows refused for want of consent say nothing about quality.

A column is not what its contract says when many of its values are of another class (``drift``): then no row
of the batch can be trusted.

>>> half = Quality(rows=10, invalid=5, inconsistent=0, cells=0, filled=0)
>>> half.validity, half.score
(500, 750)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from operator import add
from typing import Final

import polars as pl

from service.domain.contracts import DatasetContract

WHOLE: Final = 1000
#: Rules that look beyond the row: at other columns' order, at other rows and tables, at who the person is.
BESIDE_OTHERS: Final = ("duplicate", "identity_conflict", "out_of_order", "reference", "unknown_subject")
_LEAST_HITS: Final = 20
_UNDECLARED_SHARE: Final = 20  # one row in so many
_INVALID_SHARE: Final = 2


@dataclass(frozen=True, slots=True)
class Quality:
    """Counts of one batch or of several.

    Attributes:
        rows: rows that came.
        invalid: rejected by a rule about a row by itself.
        inconsistent: rejected by a rule about a row beside others.
        cells: fields of optional columns.
        filled: those of them that have a value.
    """

    rows: int
    invalid: int
    inconsistent: int
    cells: int
    filled: int

    def __add__(self, other: Quality) -> Quality:
        """Both together."""
        return Quality(*map(add, astuple(self), astuple(other)))

    @property
    def parts(self) -> dict[str, int]:
        """Score and parts by name."""
        return {name: getattr(self, name) for name in ("score", "completeness", "validity", "consistency")}

    @property
    def completeness(self) -> int:
        """Per mille."""
        return _share(self.filled, self.cells)

    @property
    def validity(self) -> int:
        """Per mille."""
        return _share(self.rows - self.invalid, self.rows)

    @property
    def consistency(self) -> int:
        """Per mille."""
        return _share(self.rows - self.inconsistent, self.rows)

    @property
    def score(self) -> int:
        """Per mille."""
        return (2 * self.completeness + 5 * self.validity + 3 * self.consistency) // 10


def fields(frame: pl.DataFrame, contract: DatasetContract) -> dict[str, int]:
    """``cells`` and ``filled`` of the rows of a chunk; the measures of chunks add up to those of a batch."""
    optional = [c.name for c in contract.columns if not c.required]
    empty = sum(frame[name].null_count() for name in optional)
    cells = frame.height * len(optional)
    return {"cells": cells, "filled": cells - empty}


def assess(rows: int, rejected: int, reasons: Mapping[str, int], measures: Mapping[str, int]) -> Quality:
    """The quality of a batch.

    Args:
        rows: that came.
        rejected: those that are in quarantine.
        reasons: rows by rule, refusals among them.
        measures: what ``fields`` gave, added up.
    """
    inconsistent = sum(reasons.get(rule, 0) for rule in BESIDE_OTHERS)
    return Quality(
        rows, rejected - inconsistent, inconsistent, measures.get("cells", 0), measures.get("filled", 0)
    )


def has_undeclared_class(hits: int, rows: int) -> bool:
    """Whether so many rows of a column hold an identifier that the contract's word is not true of it."""
    return hits >= _LEAST_HITS and hits * _UNDECLARED_SHARE > rows


def has_lost_class(invalid: int, values: int) -> bool:
    """Whether most values of an identifier column are none of its type."""
    return invalid >= _LEAST_HITS and invalid * _INVALID_SHARE > values


def _share(part: int, whole: int) -> int:
    return WHOLE * part // whole if whole else WHOLE
