"""``fiduciary``: the one command. Exit codes: 0 ok, 1 failed, 2 usage, 3 denied, 4 budget, 5 audit."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from service.cli import (
    admin,
    aggregate,
    data,
    evidence,
    identity,
    log,
    pii,
    rights,
    scoring,
    sources,
    witness,
)
from service.cli.context import SESSION, command
from service.cli.output import fail
from service.errors import FiduciaryError, UsageError
from service.settings import is_debugging, message_language

_INTERRUPTED: Final = 130


app = typer.Typer(
    name="fiduciary",
    help="Customer data for consumer finance: consent in, private aggregates and signed evidence out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # plain help: rich takes longer to import than all else
)


@app.callback()
def root(
    home: Annotated[
        Path | None, typer.Option("--home", help="FIDUCIARY_HOME, else ./var.", show_default=False)
    ] = None,
    lang: Annotated[Literal["en", "zh"] | None, typer.Option("--lang", help="Language of messages.")] = None,
) -> None:
    """Shared options."""
    SESSION.home = home
    if lang is not None:
        SESSION.language = lang


# in the order of the help
command(app)(admin.init)
command(app)(admin.doctor)
app.command()(admin.serve)
for function in (admin.demo, data.ingest, data.quality, data.repair, sources.pull, sources.consume):
    command(app)(function)
command(evidence.audit_app)(log.export)
command(evidence.audit_app)(log.fsck)
command(evidence.audit_app, "open")(log.open_sealed)
command(evidence.audit_app)(log.rotate_key)
command(evidence.audit_app)(log.keys)
for group in (
    *(admin.user_app, data.dataset_app, data.consent_app, data.reference_app, data.quarantine_app),
    *(sources.source_app, aggregate.aggregate_app, aggregate.budget_app),
    *(scoring.profile_app, scoring.model_app, scoring.score_app),
    *(identity.identity_app, rights.rights_app, data.retention_app),
    *(evidence.report_app, evidence.audit_app, witness.witness_app, pii.pii_app),
):
    app.add_typer(group)


def main() -> None:
    """Run the command and exit with its code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: its threads would only wait
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; every failure becomes plain words and an exit code, never a traceback."""
    SESSION.language = message_language()
    SESSION.as_json = "--json" in arguments  # for an error before the command has read its options
    failure: FiduciaryError
    try:
        return int(app(list(arguments), prog_name="fiduciary", standalone_mode=False) or 0)
    except (typer.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except typer.TyperException as error:
        reason = _without_values(error.format_message(), arguments)
        if not reason:  # the help has been shown instead
            return error.exit_code
        failure = UsageError(reason)
    except FiduciaryError as error:
        failure = error
    except SystemExit:
        raise
    except UnicodeEncodeError:  # an argument whose bytes could not be decoded
        failure = UsageError("an argument is not UTF-8")
    except BaseException as error:  # noqa: BLE001  panics of native libraries derive from it; the text may hold data
        failure = FiduciaryError("an unexpected failure", kind=type(error).__name__)
        failure.__cause__ = error
    finally:
        SESSION.seal()
    if is_debugging():
        traceback.print_exception(failure)
    return fail(failure)


def _without_values(reason: str, arguments: Sequence[str]) -> str:
    """A usage error without what may be an identifier that was typed in a wrong place."""
    for argument in sorted(arguments, key=len, reverse=True):
        if not argument.isascii() or any(c in "@0123456789" for c in argument):
            reason = reason.replace(argument, "...")
    return reason
