"""What every command shares: where the data is, who is asking, and how to speak to them.

Heavy imports happen on first use, so that ``--help`` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from service.domain.actors import Actor
    from service.ports import Deps
    from service.settings import Settings

Progress = Callable[[str, int], None]


class IdType(StrEnum):
    """By which identifier a person is named."""

    EMAIL = "email"
    MOBILE = "mobile"
    CN_RESIDENT_ID = "cn_resident_id"


class Contact(StrEnum):
    """Where a one-time code can go."""

    EMAIL = "email"
    MOBILE = "mobile"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@dataclass
class Session:
    """One run of the command line."""

    home: Path | None = None
    language: str = "en"

    @property
    def settings(self) -> Settings:
        """Settings with ``--home`` applied."""
        from service.settings import load_settings

        return load_settings(home=self.home)

    def deps(self) -> Deps:
        """Open the service. Raises ConflictError when the directory holds none."""
        from service.wiring import open_service

        return open_service(self.settings)

    def acting(self) -> tuple[Actor, Deps]:
        """The service, and the actor that the token names."""
        from service.usecases.users import authenticate

        deps = self.deps()
        return authenticate(self.settings.token, deps=deps), deps


SESSION = Session()


def ask(what: str, *, hidden: bool = True) -> str:
    """A value that must not stand in the shell's history: typed at a prompt, else one line of standard input.

    Raises:
        UsageError: there is none.
    """
    from service.errors import UsageError

    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=hidden, err=True))
    try:
        value = sys.stdin.readline().strip()
    except UnicodeDecodeError:
        raise UsageError("standard input is not UTF-8", expected=what) from None
    if not value:
        raise UsageError("nothing on standard input", expected=what)
    return value
