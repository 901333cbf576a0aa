"""``pii``: where personal data is in a file. It touches no stored data, so it asks for no token."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from service.cli.context import SESSION, command, group
from service.cli.output import emit, progress_bar, table
from service.errors import UsageError

pii_app = group("pii", "Find personal data in a file. Touches no stored data, so no token is needed.")
_PROFILES = (
    "fast (rules), accurate (rules and language models), presidio (your own spaCy model). "
    "Without it, accurate where its models are installed, else fast."
)
ProfileName = Annotated[str, typer.Option(help=_PROFILES, show_default=False)]
Draft = Annotated[Path | None, typer.Option("--write", help="Write a draft data contract to this new file.")]
_OFTEN = 256  # lines between two looks at the rate


@command(pii_app, "scan")
def scan(
    path: Annotated[Path, typer.Argument(help="JSON lines, each with `text`.")],
    profile: ProfileName = "",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 1,
    model: Annotated[Path | None, typer.Option(help="Directory of a spaCy model.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="Its digests, as sha256sum writes them.")] = None,
) -> None:
    """Personal data in each line of text; with --json one JSON object a line. No token is needed."""
    from service.usecases.pii import Engine, best_profile, scan_lines

    engine = Engine(profile or best_profile(), model, manifest)
    if not profile:
        sys.stderr.write(f"profile: {engine.profile}\n")
    start = perf_counter()
    try:
        with path.open("rb") as lines, progress_bar("scan", quiet=not sys.stderr.isatty()) as tell:
            size = max(1, path.stat().st_size)
            for count, found in enumerate(scan_lines(lines, engine, workers), 1):
                text = json.dumps(found) if SESSION.as_json else _line(found["line"], found["spans"])
                emit(None, text, as_json=False)
                if count % _OFTEN == 0:
                    rate = count / (perf_counter() - start)
                    tell(f"{rate:,.0f} lines / s", 100 * lines.tell() // size)
    except BrokenPipeError:  # whoever reads has seen enough
        raise
    except OSError as error:
        raise UsageError("the file cannot be read", file=path.name) from error


@command(pii_app, "classify")
def classify(
    path: Annotated[Path, typer.Argument(help="CSV, TSV or XLSX file with a header, or Parquet.")],
    write: Draft = None,
) -> None:
    """Type, role and class of each column, and a draft data contract. No token is needed."""
    from service.usecases.pii import classify_file, draft_contract
    from service.wiring import FILES

    try:
        columns = classify_file(path.read_bytes(), path.suffix.lower(), FILES)
    except OSError as error:
        raise UsageError("the file cannot be read", file=path.name) from error
    if write is not None:
        _write(draft_contract(columns, path.stem), write)
    rows = [
        (c.name, c.type, c.role, c.data_class, f"{c.confidence:.2f}", ", ".join(c.evidence)) for c in columns
    ]
    heads = ("column", "type", "role", "class", "confidence", "evidence")
    value = {"columns": [_document(asdict(c)) for c in columns], "draft": str(write) if write else None}
    emit(value, table("Columns", heads, rows))


def _line(number: int, spans: list[dict[str, object]]) -> str:
    return f"{number}: " + (", ".join(f"{s['type']} {s['start']}-{s['end']}" for s in spans) or "nothing")


def _document(column: dict[str, object]) -> dict[str, object]:
    return {("class" if key == "data_class" else key): value for key, value in column.items()}


def _write(document: dict[str, object], path: Path) -> None:
    import yaml

    try:
        with path.open("x", encoding="utf-8") as file:
            yaml.safe_dump(document, file, allow_unicode=True, sort_keys=False)
    except FileExistsError:
        raise UsageError("the draft's file exists already; nothing is overwritten", file=path.name) from None
    except OSError as error:
        raise UsageError("the draft cannot be written", file=path.name) from error
