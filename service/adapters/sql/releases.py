"""Releases. States only move as ``service.domain.releases.NEXT`` says, and an answer is written once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from service.adapters.sql.statements import insert_once, one_row, preceding, save_state
from service.adapters.sql.tables import RELEASE
from service.domain.releases import NEXT, Release, ReleaseState
from service.errors import UnknownError

_FIXED: Final = ("id", "plan", "plan_digest", "purpose", "requester", "rho", "created_at")


class SqlReleases:
    """``service.ports.ReleaseTable``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, release: Release) -> None:
        """Store a new release. Raises ConflictError when the id is taken."""
        insert_once(self._connection, RELEASE, asdict(release))

    def get(self, release_id: str) -> Release:
        """One release, locked for this transaction. Raises UnknownError."""
        row = one_row(self._connection, RELEASE, RELEASE.c.id == release_id)
        if row is None:
            raise UnknownError("no such release")
        return _release(row)

    def save(self, release: Release) -> None:
        """Store the next state, or new fields in the same state.

        Raises:
            ConflictError: the stored state does not precede it, what was asked has changed, or there is
                another answer already.
        """
        values = asdict(release)
        save_state(
            self._connection,
            RELEASE,
            {name: value for name, value in values.items() if name not in _FIXED},
            *(RELEASE.c[name] == values[name] for name in _FIXED),
            RELEASE.c.state.in_(preceding(NEXT, release.state)),
            or_(RELEASE.c.answer == "", RELEASE.c.answer == release.answer),
        )

    def answered(self, plan_digest: str, data_version: str) -> Release | None:
        """The first released answer to the same plan over the same data."""
        query = select(RELEASE).where(
            RELEASE.c.plan_digest == plan_digest,
            RELEASE.c.data_version == data_version,
            RELEASE.c.state == ReleaseState.RELEASED.value,
        )
        ordered = query.order_by(RELEASE.c.created_at, RELEASE.c.id).limit(1)
        row = self._connection.execute(ordered).mappings().first()
        return _release(row) if row else None

    def all(self) -> tuple[Release, ...]:
        """Every release, oldest first."""
        query = select(RELEASE).order_by(RELEASE.c.created_at, RELEASE.c.id)
        return tuple(_release(row) for row in self._connection.execute(query).mappings())


def _release(row: Mapping[Any, Any]) -> Release:
    return Release(**{**row, "state": ReleaseState(row["state"])})
