"""``fiduciary``: the one command. Exit codes: 0 ok, 1 failed, 2 usage, 3 denied, 4 budget, 5 audit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from service.cli import admin, aggregate, data, evidence, rights, scoring
from service.cli.context import SESSION, language_from_environment
from service.cli.output import fail
from service.errors import FiduciaryError

app = typer.Typer(
    name="fiduciary",
    help="Customer data for consumer finance: consent in, private aggregates and signed evidence out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def root(
    home: Annotated[
        Path | None, typer.Option("--home", help="Data directory; FIDUCIARY_HOME, else ./var.", show_default=False)
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Language of messages: en or zh.", show_default=False)] = "",
) -> None:
    """Shared options."""
    SESSION.home = home
    SESSION.language = lang or language_from_environment()


for group in (admin, data, aggregate, scoring, rights, evidence):
    group.register(app)


def main() -> None:
    """Run the command; turn an error of ours into plain words and its exit code."""
    try:
        app()
    except FiduciaryError as error:
        if "FIDUCIARY_DEBUG" in __import__("os").environ: raise
        sys.exit(fail(error, as_json="--json" in sys.argv, language=SESSION.language or "en"))
