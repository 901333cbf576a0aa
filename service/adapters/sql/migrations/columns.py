"""How the first migrations write tables. Never changed: a migration makes tomorrow what it makes today."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

TEXT: Final = sa.String()
INTEGER: Final = sa.Integer()
BIG: Final = sa.BigInteger()
FLAG: Final = sa.Boolean()
TIME: Final = sa.DateTime(timezone=True)
BYTES: Final = sa.LargeBinary()


def create(
    table: str,
    *parts: tuple[str, TypeEngine[Any]] | sa.Column[Any] | sa.Constraint | sa.Index,
    key: str = "id",
) -> None:
    """Create a table; constraints and indexes get their names from the convention of the tables' metadata.

    Args:
        table: its name.
        parts: names of columns with their type, which hold a value always; other columns; constraints.
        key: names of the primary key's columns.
    """
    items: list[sa.schema.SchemaItem] = [sa.PrimaryKeyConstraint(*key.split())]
    for part in parts:
        if isinstance(part, tuple):
            names, kind = part
            items += [sa.Column(n, kind, nullable=False, autoincrement=False) for n in names.split()]
        else:
            items.append(part)
    op.create_table(table, *items)
