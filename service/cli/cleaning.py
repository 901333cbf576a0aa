"""``quarantine`` and ``quality``: what was rejected, the way back in, and how good the data is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.context import SESSION, Json
from service.cli.data import Encoding, batch_text, batch_value
from service.cli.output import emit, progress_bar, table

quarantine_app = typer.Typer(help="Rejected rows.", no_args_is_help=True)
_SHOWN = 50  # rows of a table for people


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(quarantine_app, name="quarantine")
    app.command()(quality)


@quarantine_app.command("list")
def quarantine_list(
    dataset: Annotated[str, typer.Argument(help="Name of a registered dataset.")],
    batch: Annotated[str, typer.Option(help="Id of a batch, or its first 16 digits.")] = "",
    as_json: Json = False,
) -> None:
    """List rejected rows by number, rule and column; their values are not kept."""
    from service.usecases.correction import list_quarantine

    actor, deps = SESSION.acting()
    rows = list_quarantine(dataset, actor=actor, deps=deps, batch=batch)
    title = f"{dataset}: {rows.height:,} rejected rows"
    title += f", the first {_SHOWN}; all with --json" if rows.height > _SHOWN else ""
    text = table(title, rows.columns, rows.head(_SHOWN).rows())
    emit(rows.to_dicts() if as_json else None, as_json=as_json, text=text)


@quarantine_app.command("release")
def quarantine_release(
    batch: Annotated[
        str, typer.Argument(help="Id of the batch whose rows were rejected, or 16 digits of it.")
    ],
    path: Annotated[
        Path, typer.Argument(help="Corrected rows, with their numbers in a column `_source_row`.")
    ],
    encoding: Encoding = "",
    as_json: Json = False,
) -> None:
    """Take corrected rows the whole way in; those admitted are no longer in quarantine."""
    from service.usecases.correction import release

    actor, deps = SESSION.acting()
    with progress_bar("release", quiet=as_json) as progress:
        row = release(batch, path, actor=actor, deps=deps, encoding=encoding, progress=progress)
    emit(batch_value(row), as_json=as_json, text=batch_text(row))


def quality(
    dataset: Annotated[str, typer.Argument(help="Name of a registered dataset; all of them without.")] = "",
    as_json: Json = False,
) -> None:
    """Data quality per dataset and day: score, its parts per mille, and why rows are not stored."""
    from service.usecases.quality import quality_report

    actor, deps = SESSION.acting()
    days = quality_report(dataset, actor=actor, deps=deps)
    columns = ("dataset", "day", "batches", "rows", "score", "completeness", "validity", "consistency")
    text = table("Data quality, per mille", columns, [[day[name] for name in columns] for day in days])
    for day in days:
        reasons = day["reasons"]
        if isinstance(reasons, dict) and reasons:
            text += f"{day['dataset']} {day['day']}\n"
            text += "".join(f"  {count:>8,}  {rule}\n" for rule, count in reasons.items())
    emit(days, as_json=as_json, text=text)
