"""Rights requests and their standing flags. States only move as ``service.domain.requests.NEXT`` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, literal, or_, select, update

from service.adapters.sql.statements import insert_new, insert_once, one_row, preceding, save_state
from service.adapters.sql.tables import RIGHTS_REQUEST, SUBJECT_FLAG
from service.domain.requests import NEXT, RequestState, Right, RightsRequest
from service.errors import UnknownError

_FIXED: Final = ("id", "right", "opened_at")


class SqlRequests:
    """``service.ports.RequestTable``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, request: RightsRequest) -> None:
        """Store a new request. Raises ConflictError when the id is taken."""
        insert_once(self._connection, RIGHTS_REQUEST, asdict(request))

    def get(self, request_id: str) -> RightsRequest:
        """One request, locked for this transaction. Raises UnknownError."""
        row = one_row(self._connection, RIGHTS_REQUEST, RIGHTS_REQUEST.c.id == request_id)
        if row is None:
            raise UnknownError("no such request")
        return _request(row)

    def save(self, request: RightsRequest) -> None:
        """Store the next state, or new fields in the same state.

        The subject can only become 0: a forgotten one does not come back through an old copy.

        Raises:
            ConflictError: the stored state does not precede it, or what was asked has changed.
        """
        values = asdict(request)
        changed = {name: value for name, value in values.items() if name not in _FIXED}
        if request.subject != 0:
            del changed["subject"]
        save_state(
            self._connection,
            RIGHTS_REQUEST,
            changed,
            *(RIGHTS_REQUEST.c[name] == values[name] for name in _FIXED),
            or_(RIGHTS_REQUEST.c.subject.in_((0, request.subject)), literal(request.subject == 0)),
            RIGHTS_REQUEST.c.state.in_(preceding(NEXT, request.state)),
        )

    def all(self) -> tuple[RightsRequest, ...]:
        """Every request, oldest first."""
        query = select(RIGHTS_REQUEST).order_by(RIGHTS_REQUEST.c.opened_at, RIGHTS_REQUEST.c.id)
        return tuple(_request(row) for row in self._connection.execute(query).mappings())

    def flag(self, subject: int, flag: str, at: datetime) -> None:
        """Set a standing flag; setting it again keeps the first time."""
        values = {"subject": subject, "flag": flag, "at": at}
        self._connection.execute(insert_new(self._connection, SUBJECT_FLAG).values(**values))

    def flagged(self, flag: str) -> frozenset[int]:
        """Subjects with the flag."""
        query = select(SUBJECT_FLAG.c.subject).where(SUBJECT_FLAG.c.flag == flag)
        return frozenset(self._connection.scalars(query))

    def forget(self, subject: int) -> int:
        """Remove the subject's flags and its number from its requests; return rows touched."""
        gone = delete(SUBJECT_FLAG).where(SUBJECT_FLAG.c.subject == subject)
        cleared = update(RIGHTS_REQUEST).where(RIGHTS_REQUEST.c.subject == subject).values(subject=0)
        return self._connection.execute(gone).rowcount + self._connection.execute(cleared).rowcount


def _request(row: Mapping[Any, Any]) -> RightsRequest:
    return RightsRequest(**{**row, "right": Right(row["right"]), "state": RequestState(row["state"])})
