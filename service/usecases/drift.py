"""A batch in which a column is no longer what its contract says: found early, set aside as a whole.

Two ways to drift: a column without a declared identifier fills with identifiers, or an identifier column
fills with something else. A few such rows are rejected one by one; many mean that the contract is not true of
this batch, and then the rows that look sound may not be.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from privacy.pii.columns import undeclared
from service.domain.quality import has_lost_class, has_undeclared_class
from service.errors import DriftError, QualityError
from service.ports import BatchRow
from service.usecases.quality import BELOW

CLASS_DRIFT: Final = "class_drift"  # rule of every row of such a batch
UNKNOWN: Final = "unknown"


def not_set_aside(known: BatchRow) -> BatchRow:
    """A batch that was taken in. Raises DriftError or QualityError when it is in quarantine as a whole."""
    for rule, kind in ((CLASS_DRIFT, DriftError), (BELOW, QualityError)):
        if rule in known.reasons:
            raise kind("this batch is in quarantine as a whole", batch=known.id)
    return known


def check_undeclared(found: pl.DataFrame, rows: int) -> None:
    """Raise when a structured column has become one of identifiers.

    Args:
        found: ``column`` and ``type`` of each identifier found where none is declared, one line per row.
        rows: rows that were looked at.

    Raises:
        DriftError: with ``column``, ``became`` and ``rows``.
    """
    hits = (
        found.group_by("column", "type").len().sort("len", "column", "type", descending=[True, False, False])
    )
    for column, became, count in hits.head(1).iter_rows():
        if has_undeclared_class(count, rows):
            raise DriftError(
                "a column holds identifiers that its contract does not declare",
                column=column,
                became=became.lower(),
                rows=count,
            )


def check_identifiers(values: pl.Series, normal: pl.Series, id_type: str) -> None:
    """Raise when most values of an identifier column have no normal form of its type.

    Raises:
        DriftError: with ``column``, ``declared``, ``became`` (``unknown`` when not recognised) and ``rows``.
    """
    lost = values.filter(normal.is_null()).drop_nulls()
    if has_lost_class(lost.len(), values.len() - values.null_count()):
        types = undeclared(lost.to_frame(), [values.name])["type"].mode().sort().to_list()
        raise DriftError(
            "an identifier column holds something else",
            column=values.name,
            declared=id_type,
            became=types[0].lower() if types else UNKNOWN,
            rows=lost.len(),
        )
