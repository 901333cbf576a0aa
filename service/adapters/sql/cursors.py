"""How far growing sources have been taken in. At most one batch of a source and dataset is ever pending."""

from __future__ import annotations

from sqlalchemy import Connection

from service.adapters.sql.statements import insert_new, one_row, save_state
from service.adapters.sql.tables import CURSOR
from service.errors import UsageError
from service.ports import Cursor


class SqlCursors:
    """``service.ports.CursorTable``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, source: str, dataset: str) -> Cursor:
        """The cursor, locked for this transaction; a new source is at its start."""
        row = one_row(self._connection, CURSOR, CURSOR.c.source == source, CURSOR.c.dataset == dataset)
        return Cursor(row["done"], row["pending"]) if row else Cursor()

    def begin(self, source: str, dataset: str, upto: str) -> None:
        """Set what is pending; the same once more changes nothing.

        Raises:
            ConflictError: another batch is pending.
            UsageError: the empty position, which means that nothing is pending.
        """
        if not upto:
            raise UsageError("a batch needs a position to end at")
        new = insert_new(self._connection, CURSOR).values(source=source, dataset=dataset, done="", pending="")
        self._connection.execute(new)
        self._save(source, dataset, {"pending": upto}, when=("", upto))

    def finish(self, source: str, dataset: str, upto: str) -> None:
        """The pending batch is committed. Raises ConflictError when ``upto`` is not what is pending."""
        self._save(source, dataset, {"done": upto, "pending": ""}, when=(upto,) if upto else ())

    def _save(self, source: str, dataset: str, values: dict[str, str], *, when: tuple[str, ...]) -> None:
        mine = (CURSOR.c.source == source, CURSOR.c.dataset == dataset)
        save_state(self._connection, CURSOR, values, *mine, CURSOR.c.pending.in_(when))
