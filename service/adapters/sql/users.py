"""Staff, their roles and the digests of their API tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from service.adapters.sql.statements import SqlTable, insert_once, one_row
from service.adapters.sql.tables import ACTOR, API_TOKEN
from service.domain.actors import Actor
from service.errors import UnknownError


class SqlUsers(SqlTable):
    """``service.ports.tables.UserTable``."""

    def add(self, actor: Actor, at: datetime) -> None:
        """Store a new actor. Raises ConflictError when the id is taken."""
        values = {"id": actor.id, "roles": " ".join(sorted(actor.roles)), "added_at": at}
        insert_once(self._connection, ACTOR, values)

    def get(self, actor_id: str) -> Actor:
        """One actor. Raises UnknownError."""
        row = one_row(self._connection, ACTOR, ACTOR.c.id == actor_id)
        if row is None:
            raise UnknownError("no such user")
        return Actor(id=row["id"], roles=frozenset(row["roles"].split()))

    def add_token(self, actor_id: str, token_id: str, digest: str, expires_at: datetime) -> None:
        """Store a token's digest. Raises UnknownError (actor), ConflictError (token id is taken)."""
        self.get(actor_id)
        values = {"id": token_id, "actor": actor_id, "digest": digest, "expires_at": expires_at}
        insert_once(self._connection, API_TOKEN, values)

    def token(self, token_id: str) -> tuple[str, str, datetime] | None:
        """Actor id, digest and expiry of a token."""
        row = one_row(self._connection, API_TOKEN, API_TOKEN.c.id == token_id)
        return (row["actor"], row["digest"], row["expires_at"]) if row else None

    def all(self) -> tuple[Actor, ...]:
        """Every actor, by id."""
        rows = self._connection.execute(select(ACTOR).order_by(ACTOR.c.id)).mappings()
        return tuple(Actor(id=row["id"], roles=frozenset(row["roles"].split())) for row in rows)
