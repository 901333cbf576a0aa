"""The statements that tables are read and written with.

A state is never read, judged in Python and then written: the condition is part of the UPDATE, so two writers
cannot both succeed, whatever the isolation level.

Of many values none needs a parameter, or SQLAlchemy's work, of its own: a statement that looks up tags takes
them as one blob and cuts it itself; a statement that writes rows gets them as tuples, which go to the driver
as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from service.errors import ConflictError

TAG_BYTES: Final = 16


class SqlTable:
    """What holds rows, over the connection of one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection


def insert_into(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say what becomes of a row whose key is taken."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_new(
    connection: sa.Connection, table: sa.Table, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]
) -> int:
    """Insert rows but leave existing ones alone; return how many were new."""
    new = insert_into(connection, table).on_conflict_do_nothing().values(values)
    return connection.execute(new.execution_options(preserve_rowcount=True)).rowcount


def insert_once(connection: sa.Connection, table: sa.Table, values: Mapping[str, Any]) -> None:
    """Insert one row. Raises ConflictError when its key is taken; the transaction can go on."""
    if insert_new(connection, table, values) != 1:
        raise ConflictError("exists already", kind=table.name)


def upsert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that replaces the row with the same primary key."""
    statement = insert_into(connection, table)
    keys = [column.name for column in table.primary_key]
    others = {c.name: statement.excluded[c.name] for c in table.c if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=others)


def save_state(
    connection: sa.Connection, table: sa.Table, values: Mapping[str, Any], *where: sa.ColumnElement[bool]
) -> None:
    """Update exactly one row under a condition. Raises ConflictError when it does not hold."""
    if connection.execute(sa.update(table).where(*where).values(**values)).rowcount != 1:
        raise ConflictError("the stored state does not allow this", kind=table.name)


def one_row(
    connection: sa.Connection, table: sa.Table, *where: sa.ColumnElement[bool]
) -> dict[str, Any] | None:
    """The row, locked until the transaction ends (SQLite's transactions exclude each other anyway)."""
    row = connection.execute(sa.select(table).where(*where).with_for_update()).mappings().first()
    return dict(row) if row is not None else None


def remove_where(
    connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool], *, dry_run: bool
) -> int:
    """Remove rows, or count them only; returns how many."""
    if dry_run:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0)
    return connection.execute(sa.delete(table).where(where)).rowcount


def cut_tags() -> sa.Select[tuple[bytes]]:
    """The tags in the parameter ``tags`` (see ``one_blob``), for ``IN``: it is never slow, a join may be."""
    blob = sa.bindparam("tags", type_=sa.LargeBinary)
    first = sa.select(sa.literal(1).label("at")).where(sa.func.length(blob) > 0).cte("cut", recursive=True)
    later = sa.select(first.c.at + TAG_BYTES).where(first.c.at + TAG_BYTES < sa.func.length(blob))
    at = first.union_all(later).c.at
    return sa.select(sa.func.substr(blob, at, TAG_BYTES, type_=sa.LargeBinary))


def one_blob(tags: Collection[bytes]) -> bytes:
    """Tags, one after the other. Raises ValueError when one does not have 16 bytes."""
    if not {TAG_BYTES}.issuperset(map(len, tags)):
        raise ValueError("a tag has 16 bytes")
    return b"".join(tags)


def execute_many(
    connection: sa.Connection,
    statement: sa.Insert | sa.Update,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
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
