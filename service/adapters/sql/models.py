"""Model registry: what was trained, by whom, and who else approved it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, select

from service.adapters.sql.statements import insert_once, preceding, save_state
from service.adapters.sql.tables import MODEL
from service.domain.models import NEXT, Model, ModelState
from service.errors import UnknownError

_CHANGES: Final = ("state", "approved_by")


class SqlModels:
    """``service.ports.ModelTable``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, model: Model) -> None:
        """Store a new version. Raises ConflictError when name and version are taken."""
        insert_once(self._connection, MODEL, asdict(model))

    def get(self, name: str, version: int | None = None) -> Model:
        """One version; without a number the newest approved one, or the newest when none is approved.

        Raises:
            UnknownError: no such model or version.
        """
        query = select(MODEL).where(MODEL.c.name == name).order_by(MODEL.c.version.desc()).with_for_update()
        if version is not None:
            query = query.where(MODEL.c.version == version)
        found = [_model(row) for row in self._connection.execute(query).mappings()]
        if not found:
            raise UnknownError("no such model")
        return next((m for m in found if m.state is ModelState.APPROVED), found[0])

    def save(self, model: Model) -> None:
        """Store a new state. Raises ConflictError when it does not follow, or anything else has changed."""
        values = asdict(model)
        save_state(
            self._connection,
            MODEL,
            {name: values[name] for name in _CHANGES},
            *(MODEL.c[name] == value for name, value in values.items() if name not in _CHANGES),
            MODEL.c.state.in_(preceding(NEXT, model.state)),
        )

    def all(self) -> tuple[Model, ...]:
        """Every version of every model."""
        query = select(MODEL).order_by(MODEL.c.name, MODEL.c.version)
        return tuple(_model(row) for row in self._connection.execute(query).mappings())


def _model(row: Mapping[Any, Any]) -> Model:
    return Model(**{**row, "state": ModelState(row["state"])})
