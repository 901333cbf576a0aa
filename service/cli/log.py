"""``audit export`` and ``audit fsck``: the log in forms of others, and whether all of it still holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from service.cli.context import SESSION
from service.cli.output import emit, progress_bar
from service.errors import ConflictError, StorageError, UsageError

_BLOCK: Final = 256


def export(
    form: Annotated[
        Literal["ocsf", "cef", "prov"],
        typer.Option("--format", help="OCSF 1.6 events, CEF lines, or a W3C PROV-JSON document."),
    ],
    since: Annotated[datetime | None, typer.Option(help="From this day or instant on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this day or instant, UTC.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write to this new file, not to the output.")] = None,
) -> None:
    """The log in a form that other tools read; the export is itself logged first."""
    from service.usecases.tracing import export_log

    begin, end = (at.replace(tzinfo=UTC) if at else None for at in (since, until))
    lines = export_log(form, since=begin, until=end, **SESSION.acting())
    if output is not None:
        _write(lines, output)
        emit({"file": str(output)}, str(output))
        return
    while block := list(islice(lines, _BLOCK)):
        emit(None, "\n".join(block), as_json=False)


def _write(lines: Iterable[str], path: Path) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except FileExistsError:
        raise ConflictError("the file exists already; nothing is overwritten") from None
    except OSError as error:
        raise StorageError("the file cannot be written", cause=error.strerror or "") from None


def fsck(
    directory: Annotated[
        Path | None, typer.Argument(help="Log directory; without it, this service's log and its index.")
    ] = None,
    *,
    rebuild: Annotated[
        bool, typer.Option("--rebuild-index", help="Build the index from the log first.")
    ] = False,
) -> None:
    """Recompute the whole log, and hold the index against it; names the first thing that is broken."""
    from service.usecases.fsck import check_log
    from service.wiring import open_log

    if directory and rebuild:
        raise UsageError("only the index of this service can be built again; leave the directory out")
    settings, opened = SESSION.settings, None if directory else partial(open_log, SESSION.settings)
    with progress_bar("fsck") as progress:
        found = check_log(
            directory or settings.log, opened, now=datetime.now(UTC), progress=progress, rebuild=rebuild
        )
    text = f"SOUND  {directory or settings.log}\n" + "\n".join(f"  {k}: {v}" for k, v in found.items())
    emit({"sound": True, **found}, text)
