"""The privacy unit: one customer with all rows, added or removed.

Two collections of tables are neighbours when one becomes the other by removing every row of one customer from
every table. All sensitivities in this package are about such neighbours; the customer is found by the storage
pseudonym, so rows of several datasets belong to the same unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl


@dataclass(frozen=True, slots=True)
class PrivacyUnit:
    """What is protected as a whole.

    Attributes:
        column: the column that names the unit in every table.
        relation: how neighbours differ.
    """

    column: str
    relation: str


CUSTOMER: Final = PrivacyUnit(column="_sp", relation="add_remove")


def remove_unit(
    tables: Mapping[str, pl.DataFrame], unit: bytes, *, kind: PrivacyUnit = CUSTOMER
) -> dict[str, pl.DataFrame]:
    """The neighbour without one unit, in every table."""
    return {name: table.filter(pl.col(kind.column) != unit) for name, table in tables.items()}
