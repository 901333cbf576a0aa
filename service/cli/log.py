"""``audit export``, ``fsck``, ``open``: the log for others, whether it holds, what is sealed beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from service.cli.context import SESSION
from service.cli.output import emit, progress_bar
from service.errors import StorageError, UsageError

Form = Annotated[Literal["ocsf", "cef", "prov"], typer.Option("--format", help="OCSF, CEF or W3C PROV-JSON.")]
Since = Annotated[datetime | None, typer.Option(help="From this day or instant on, UTC.")]
Until = Annotated[datetime | None, typer.Option(help="Before this day or instant, UTC.")]
Target = Annotated[Path | None, typer.Option(help="Write to this new file, not to the output.")]
Folder = Annotated[
    Path | None, typer.Argument(help="Log; else this service's log and its index.", exists=True)
]
Rebuild = Annotated[bool, typer.Option("--rebuild-index", help="Build the index from the log first.")]
EntryId = Annotated[str, typer.Argument(metavar="ENTRY", help="Its id, as `audit show --json` says.")]


def export(form: Form, since: Since = None, until: Until = None, output: Target = None) -> None:
    """The log in a form that other tools read; the export is itself logged first."""
    from service.usecases.tracing import export_log

    begin, end = (at.replace(tzinfo=UTC) if at else None for at in (since, until))
    lines = export_log(form, since=begin, until=end, **SESSION.acting())
    if output is None:
        for line in lines:
            emit(None, line, as_json=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise StorageError("the file cannot be written", cause=error.strerror or "") from None
    emit({"file": str(output)}, str(output))


def fsck(directory: Folder = None, *, rebuild: Rebuild = False) -> None:
    """Recompute the whole log, and hold the index against it; names the first thing that is broken."""
    from audit.verify import format_facts
    from service.usecases.doctor import check_log
    from service.wiring import open_service

    if directory and rebuild:
        raise UsageError("only the index of this service can be built again; leave the directory out")
    settings, path = SESSION.settings, directory or SESSION.settings.log
    opening = None if directory else partial(open_service, settings, relay=False)
    with progress_bar("fsck") as bar:
        found = check_log(
            path, opening, now=datetime.now(UTC), rebuild=rebuild,
            progress=lambda step, done, total: bar(step, 100 * done // max(1, total)),
        )  # fmt: skip
    emit({"sound": True, **found}, "\n  ".join([f"SOUND  {path}", *format_facts(found)]))


def open_sealed(entry: EntryId) -> None:
    """What is sealed beside an entry, such as a customer's own words; the opening is itself logged first."""
    from service.usecases.tracing import open_payload

    found, said = open_payload(entry, **SESSION.acting())
    lines = [f"{found.type} {found.resource}", *(f"{name}: {content}" for name, content in said.items())]
    emit({"entry": found.id, "type": found.type, "sealed": said}, "\n  ".join(lines))


def rotate_key(
    *, finish: Annotated[bool, typer.Option("--finish", help="The new key signs alone from now on.")] = False
) -> None:
    """Change the logs' key: a new one signs beside it, until `--finish`; shows the new verifier keys."""
    from service.usecases.users import rotate_key as rotate

    vkeys = rotate(finish=finish, **SESSION.acting())
    emit({"vkeys": vkeys.split("\n"), "finished": finish}, vkeys)


def keys(
    year: Annotated[int, typer.Option(help="Of the shards of this year, such as the next.")] = 0,
) -> None:
    """Verifier keys of the logs as the lines of a trust policy, for verifiers and witnesses."""
    vkeys = SESSION.deps().audit.vkeys(year)
    emit({"vkeys": vkeys}, "\n".join(f"log {vkey}" for vkey in vkeys))
