"""Many values in one statement, without a parameter, or SQLAlchemy's work, for each.

A statement that looks up tags takes them as one blob and cuts it itself; a statement that writes rows gets
them as tuples, which go to the driver as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Insert, LargeBinary, Select, Update, bindparam, func, literal, select

TAG_BYTES: Final = 16


def cut_tags() -> Select[tuple[bytes]]:
    """The tags in the parameter ``tags`` (see ``one_blob``), for ``IN``: it is never slow, a join may be."""
    blob = bindparam("tags", type_=LargeBinary)
    first = select(literal(1).label("at")).where(func.length(blob) > 0).cte("cut", recursive=True)
    later = select(first.c.at + TAG_BYTES).where(first.c.at + TAG_BYTES < func.length(blob))
    at = first.union_all(later).c.at
    return select(func.substr(blob, at, TAG_BYTES, type_=LargeBinary))


def one_blob(tags: Collection[bytes]) -> bytes:
    """Tags, one after the other. Raises ValueError when one does not have 16 bytes."""
    if not {TAG_BYTES}.issuperset(map(len, tags)):
        raise ValueError("a tag has 16 bytes")
    return b"".join(tags)


def execute_many(
    connection: Connection, statement: Insert | Update, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> int:
    """Execute for every row; return how many rows of the table it touched.

    Args:
        connection: in a transaction.
        statement: without values of its own.
        names: the columns to write, in the order of the table.
        rows: their values, as the driver takes them: no type of the table is asked.
    """
    if not rows:
        return 0
    text = str(statement.compile(dialect=connection.dialect, column_keys=list(names)))
    done = connection.exec_driver_sql(text, list(rows), execution_options={"preserve_rowcount": True})
    return done.rowcount
