"""Who acts: a pseudonymous id and the roles assigned to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ACTOR: Final = re.compile(r"(user|svc|subject):[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, service or data subject that asks for something.

    Attributes:
        id: ``user:ann``, ``svc:worker`` or ``subject:<request id>``; never a name or e-mail address.
        roles: role names as in ``policies/access``.
    """

    id: str
    roles: frozenset[str]

    def __post_init__(self) -> None:
        """Refuse ids that could be mistaken for a role or break a policy line."""
        if not _ACTOR.fullmatch(self.id):
            raise ValueError("actor id must look like user:ann")
