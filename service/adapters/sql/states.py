"""Releases, rights requests and models: records whose state only moves as the domain's tables say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, Table, delete, literal, or_, select, update

from service.adapters.sql.statements import SqlTable, insert_new, insert_once, one_row, save_state
from service.adapters.sql.tables import MODEL, RELEASE, RIGHTS_REQUEST, SUBJECT_FLAG
from service.domain import models, releases, requests
from service.domain.models import Model, ModelState
from service.domain.releases import Release, ReleaseState
from service.domain.requests import Right, RightsRequest
from service.errors import UnknownError

T = TypeVar("T", Release, RightsRequest, Model)


class _States(SqlTable, Generic[T]):
    """A table whose columns are the fields of a type.

    Attributes:
        table: the table.
        kind: the type.
        enums: fields that are more than the text in their column.
        following: to each state the states that may follow it.
        fixed: fields that never change.
        order: of ``all``.
        name: of a record in an error.
    """

    table: Table
    kind: type[T]
    enums: tuple[tuple[str, Any], ...]
    following: Mapping[Any, frozenset[Any]]
    fixed: tuple[str, ...]
    order: tuple[str, ...]
    name: str

    def add(self, record: T) -> None:
        """Store a new record. Raises ConflictError when its key is taken."""
        insert_once(self._connection, self.table, asdict(record))

    def get(self, key: str) -> T:
        """The record of an id, locked for this transaction. Raises UnknownError."""
        row = one_row(self._connection, self.table, self.table.c.id == key)
        if row is None:
            raise UnknownError(f"no such {self.name}")
        return self._record(row)

    def all(self) -> tuple[T, ...]:
        """Every record, in ``order``."""
        return self._read(select(self.table).order_by(*(self.table.c[name] for name in self.order)))

    def _read(self, query: Select[Any]) -> tuple[T, ...]:
        return tuple(self._record(row) for row in self._connection.execute(query).mappings())

    def _record(self, row: Mapping[Any, Any]) -> T:
        return self.kind(**{**row, **{name: enum(row[name]) for name, enum in self.enums}})

    def _save(self, record: T, *where: ColumnElement[bool], but: tuple[str, ...] = ()) -> None:
        """Store all fields that may change, ``but`` some. Raises ConflictError."""
        values, state = asdict(record), record.state
        # the state itself precedes it too: its other fields may still change
        preceding = [s.value for s, after in self.following.items() if s == state or state in after]
        save_state(
            self._connection,
            self.table,
            {name: value for name, value in values.items() if name not in (*self.fixed, *but)},
            *(self.table.c[name] == values[name] for name in self.fixed),
            self.table.c.state.in_(preceding),
            *where,
        )


class SqlReleases(_States[Release]):
    """``service.ports.tables.ReleaseTable``. An answer is written once."""

    table, kind, enums, following = RELEASE, Release, (("state", ReleaseState),), releases.NEXT
    fixed = ("id", "plan", "plan_digest", "purpose", "requester", "rho", "created_at")
    order, name = ("created_at", "id"), "release"

    def save(self, release: Release) -> None:
        """Store the next state, or new fields in the same state.

        Raises:
            ConflictError: the stored state does not precede it, what was asked has changed, or there is
                another answer already.
        """
        self._save(release, or_(RELEASE.c.answer == "", RELEASE.c.answer == release.answer))

    def answered(self, plan_digest: str, data_version: str) -> Release | None:
        """The first released answer to the same plan over the same data."""
        query = select(RELEASE).where(
            RELEASE.c.plan_digest == plan_digest,
            RELEASE.c.data_version == data_version,
            RELEASE.c.state == ReleaseState.RELEASED.value,
        )
        found = self._read(query.order_by(RELEASE.c.created_at, RELEASE.c.id).limit(1))
        return found[0] if found else None


class SqlRequests(_States[RightsRequest]):
    """``service.ports.tables.RequestTable``: requests, and the standing flags that come of them."""

    table, kind, following = RIGHTS_REQUEST, RightsRequest, requests.NEXT
    enums = (("right", Right), ("state", requests.RequestState))
    fixed = ("id", "right", "opened_at")
    order, name = ("opened_at", "id"), "request"

    def save(self, request: RightsRequest) -> None:
        """Store the next state, or new fields in the same state.

        The subject can only become 0: a forgotten one does not come back through an old copy.

        Raises:
            ConflictError: the stored state does not precede it, or what was asked has changed.
        """
        forgets = request.subject == 0
        same = or_(RIGHTS_REQUEST.c.subject.in_((0, request.subject)), literal(forgets))
        self._save(request, same, but=() if forgets else ("subject",))

    def flag(self, subject: int, flag: str, at: datetime) -> None:
        """Set a standing flag; setting it again keeps the first time."""
        insert_new(self._connection, SUBJECT_FLAG, {"subject": subject, "flag": flag, "at": at})

    def flagged(self, flag: str) -> frozenset[int]:
        """Subjects with the flag."""
        query = select(SUBJECT_FLAG.c.subject).where(SUBJECT_FLAG.c.flag == flag)
        return frozenset(self._connection.scalars(query))

    def forget(self, subject: int) -> int:
        """Remove the subject's flags and its number from its requests; return rows touched."""
        gone = delete(SUBJECT_FLAG).where(SUBJECT_FLAG.c.subject == subject)
        cleared = update(RIGHTS_REQUEST).where(RIGHTS_REQUEST.c.subject == subject).values(subject=0)
        return self._connection.execute(gone).rowcount + self._connection.execute(cleared).rowcount


class SqlModels(_States[Model]):
    """``service.ports.tables.ModelTable``: what was trained, by whom, and who else approved it."""

    table, kind, enums, following = MODEL, Model, (("state", ModelState),), models.NEXT
    fixed = ("name", "version", "document", "digest", "trained_by", "trained_at", "purpose", "rho")
    order, name = ("name", "version"), "model"

    def get(self, name: str, version: int | None = None) -> Model:
        """One version; without a number the newest approved one, or the newest when none is approved.

        Raises:
            UnknownError: no such model or version.
        """
        query = select(MODEL).where(MODEL.c.name == name).order_by(MODEL.c.version.desc()).with_for_update()
        if version is not None:
            query = query.where(MODEL.c.version == version)
        found = self._read(query)
        if not found:
            raise UnknownError(f"no such {self.name}")
        return next((m for m in found if m.state is ModelState.APPROVED), found[0])

    def save(self, model: Model) -> None:
        """Store a new state. Raises ConflictError when it does not follow, or anything else has changed."""
        self._save(model)
