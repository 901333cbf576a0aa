"""What every command shares: where the data is, who is asking, and how to speak to them.

Heavy imports happen on first use, so that ``--help`` is quick.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from service.domain.actors import Actor
    from service.ports import Deps
    from service.settings import Settings

Progress = Callable[[str, int], None]
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


def language_from_environment() -> str:
    """``zh`` for a Chinese locale, otherwise ``en``; ``FIDUCIARY_LANG`` wins."""
    value = os.environ.get("FIDUCIARY_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "zh" if value.lower().startswith("zh") else "en"
