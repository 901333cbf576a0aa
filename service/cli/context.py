"""What every command shares: where the data is, who is asking, and how to speak to them.

Heavy imports happen on first use, so that ``--help`` is quick.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.errors import AuditUnavailableError, UsageError

if TYPE_CHECKING:
    from service.ports import Deps
    from service.settings import Settings
    from service.wiring import Acting

Progress = Callable[[str, int], None]
Command = Callable[..., None]

IdType = Annotated[
    Literal["email", "mobile", "cn_resident_id"], typer.Option(help="What is on standard input.")
]
Dataset = Annotated[str, typer.Argument(help="Name of a registered dataset.")]
Purpose = Annotated[str, typer.Option(help="Purpose code.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@dataclass
class Session:
    """One run of the command line."""

    home: Path | None = None
    language: str = "en"
    as_json: bool = False
    opened: Deps | None = None

    @property
    def settings(self) -> Settings:
        """Settings with ``--home`` applied."""
        from service.settings import load_settings

        return load_settings(home=self.home)

    def deps(self) -> Deps:
        """Open the service. Raises ConflictError when the directory holds none."""
        from service.wiring import open_service

        self.opened = open_service(self.settings)
        return self.opened

    def seal(self) -> None:
        """Publish what a command has logged; when that fails it is durable all the same, and waits."""
        if self.opened:
            with contextlib.suppress(AuditUnavailableError):
                self.opened.audit.seal()
        self.opened = None

    def acting(self) -> Acting:
        """The service, and the actor that the token names."""
        from service.usecases.users import authenticate

        deps = self.deps()
        return {"actor": authenticate(self.settings.token, deps=deps), "deps": deps}


SESSION = Session()


def group(name: str, text: str) -> typer.Typer:
    """Commands that share their first word."""
    return typer.Typer(name=name, help=text, no_args_is_help=True)


def command(group: typer.Typer, name: str | None = None) -> Callable[[Command], Command]:
    """Add a function to a group as a command that has the option ``--json``, behind its own options."""

    def add(function: Command) -> Command:
        @functools.wraps(function)
        def run(*, as_json: bool, **arguments: object) -> None:
            SESSION.as_json = as_json
            function(**arguments)

        own = inspect.signature(function, eval_str=True)
        option = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)
        run.__signature__ = own.replace(parameters=[*own.parameters.values(), option])  # type: ignore[attr-defined]  # read by typer
        group.command(name)(run)
        return function

    return add


def ask(what: str, *, hidden: bool = True, last: bool = False) -> str:
    """A value that must not stand in the shell's history: typed at a prompt, else one line of standard input.

    Raises:
        UsageError: there is none, or more than this ``last`` one.
    """
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=hidden, err=True))
    try:
        value, more = sys.stdin.readline().strip(), sys.stdin.read().strip() if last else ""
        value.encode()  # where the locale names no encoding, what cannot be decoded comes as surrogates
    except UnicodeError:
        raise UsageError("standard input is not UTF-8", expected=what) from None
    if more or not value:
        raise UsageError(f"{'more than one line' if more else 'nothing'} on standard input", expected=what)
    return value
