"""Staff and their API tokens: who may speak to the service, and how long.

A token is ``fdc_<id>_<secret>``; only SHA-256 of the 256-bit random secret is stored. The prefix lets leak
scanners find it. Rights are those of the owner at the time of use.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import timedelta
from typing import Final

from policies.lint import conflicting_roles
from service.domain.actors import Actor
from service.errors import ConflictError, UnauthenticatedError, UsageError
from service.ports import Deps, OpsTransaction
from service.usecases.access import authorise

MAX_TOKEN_DAYS: Final = 90
_TOKEN: Final = re.compile(r"fdc_([0-9a-f]{16})_([0-9a-f]{64})")


def add_user(user: Actor, *, actor: Actor, deps: Deps, days: int = MAX_TOKEN_DAYS) -> str:
    """Add a person with roles and return their first token, shown once.

    Raises:
        ConflictError: the roles may not be held by one person (separation of duties).
        UsageError: an unknown role, or a token that would live too long.
    """
    act = authorise(deps, actor, "user:add", resource=f"user/{user.id}")
    if not user.roles:
        raise UsageError("a person needs at least one role")
    unknown = user.roles - deps.policy.bundle.roles
    if unknown:
        raise UsageError("no such role", role=",".join(sorted(unknown)))
    clash = conflicting_roles(user.roles, deps.policy.bundle)
    if clash:
        raise ConflictError("one person may not hold these roles together", roles=",".join(clash))
    roles = ",".join(sorted(user.roles))
    with deps.ops() as tx:
        act.record(within=tx, detail=(("roles", roles),))
        return _issue(user, tx, deps, days)


def rotate_key(*, finish: bool, actor: Actor, deps: Deps) -> str:
    """Begin to change the log's key, or finish it; returns the new verifier keys, to be handed out.

    What happens to the key is logged by the log itself (``key:rotate``, ``key:retire``).

    Raises:
        DeniedError: the actor lacks ``key:rotate``.
        ConflictError: a rotation is under way, or with ``finish`` none is.
    """
    authorise(deps, actor, "key:rotate", resource="log")
    return deps.audit.rotate(actor.id, deps.clock.now(), finish=finish)


def first_user(user: Actor, *, deps: Deps) -> str:
    """Make the very first user of an empty service. Raises ConflictError when there is one already."""
    with deps.ops() as tx:
        if tx.users.all():
            raise ConflictError("this data directory has users already")
        return _issue(user, tx, deps, MAX_TOKEN_DAYS)


def _issue(user: Actor, tx: OpsTransaction, deps: Deps, days: int) -> str:
    if not 1 <= days <= MAX_TOKEN_DAYS:
        raise UsageError("a token lives 1 to 90 days", days=days)
    token_id, secret = secrets.token_hex(8), secrets.token_hex(32)
    now = deps.clock.now()
    tx.users.add(user, now)
    tx.users.add_token(user.id, token_id, _digest(secret), now + timedelta(days=days))
    return f"fdc_{token_id}_{secret}"


def authenticate(token: str, *, deps: Deps) -> Actor:
    """The actor behind a token. Raises UnauthenticatedError; the reason never tells which part was wrong."""
    match = _TOKEN.fullmatch(token)
    if not match:
        raise UnauthenticatedError("a valid API token is needed")
    with deps.ops() as tx:
        row = tx.users.token(match[1])
        actor = tx.users.get(row[0]) if row else None
    stored = row[1] if row else _digest("")
    if not hmac.compare_digest(stored, _digest(match[2])) or row is None or actor is None:
        raise UnauthenticatedError("a valid API token is needed")
    if row[2] <= deps.clock.now():
        raise UnauthenticatedError("the API token has expired")
    return actor


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
