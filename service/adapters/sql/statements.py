"""The three statements that every table here is written with.

A state is never read, judged in Python and then written: the condition is part of the UPDATE, so two writers
cannot both succeed, whatever the isolation level.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.errors import ConflictError

S = TypeVar("S", bound=StrEnum)


def insert_new(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that leaves existing rows alone; its row count says how many were new."""
    new: sqlite.Insert | postgresql.Insert
    if connection.dialect.name == "postgresql":
        new = postgresql.insert(table).on_conflict_do_nothing()
    else:
        new = sqlite.insert(table).on_conflict_do_nothing()
    return new.execution_options(preserve_rowcount=True)


def insert_once(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert one row. Raises ConflictError when its key is taken; the transaction can go on."""
    if connection.execute(insert_new(connection, table).values(**values)).rowcount != 1:
        raise ConflictError("exists already", kind=table.name)


def save_state(
    connection: Connection,
    table: Table,
    values: Mapping[str, Any],
    *where: ColumnElement[bool],
) -> None:
    """Update exactly one row under a condition. Raises ConflictError when it does not hold."""
    if connection.execute(update(table).where(*where).values(**values)).rowcount != 1:
        raise ConflictError("the stored state does not allow this", kind=table.name)


def one_row(connection: Connection, table: Table, *where: ColumnElement[bool]) -> dict[str, Any] | None:
    """The row, locked until the transaction ends (SQLite's transactions exclude each other anyway)."""
    row = connection.execute(select(table).where(*where).with_for_update()).mappings().first()
    return dict(row) if row is not None else None


def preceding(table: Mapping[S, frozenset[S]], state: S) -> tuple[str, ...]:
    """States from which one step leads to ``state``, and ``state`` itself: its fields may still change."""
    return tuple(s.value for s, following in table.items() if s == state or state in following)
