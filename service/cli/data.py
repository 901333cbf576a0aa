"""``dataset``, ``ingest``, ``consent``: the one way in."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.context import SESSION, IdType, Json, ask
from service.cli.output import emit, progress_bar, table
from service.errors import UsageError

if TYPE_CHECKING:
    from service.ports import BatchRow

dataset_app = typer.Typer(help="Dataset contracts.", no_args_is_help=True)
consent_app = typer.Typer(help="Consent records.", no_args_is_help=True)
reference_app = typer.Typer(help="Tables about districts, not about people.", no_args_is_help=True)
Encoding = Annotated[
    str, typer.Option(help="utf-8, utf-16, gb18030 or big5; decided from the file when left out.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(dataset_app, name="dataset")
    app.command()(ingest)
    app.add_typer(consent_app, name="consent")
    app.add_typer(reference_app, name="reference")


@dataset_app.command("add")
def dataset_add(
    contract: Annotated[Path, typer.Argument(help="Open Data Contract Standard YAML file.")],
    as_json: Json = False,
) -> None:
    """Register a dataset by its contract."""
    from service.usecases.datasets import add_dataset
    from service.wiring import load_contract

    actor, deps = SESSION.acting()
    added = add_dataset(*load_contract(contract), actor=actor, deps=deps)
    columns = len(added.columns)
    value = {"dataset": added.name, "version": added.version, "columns": columns, "digest": added.digest}
    emit(value, as_json=as_json, text=f"{added.name} {added.version}: {columns} columns, {added.digest}")


def ingest(
    dataset: Annotated[str, typer.Argument(help="Name of a registered dataset.")],
    paths: Annotated[list[Path], typer.Argument(help="CSV, TSV, JSON lines, Parquet or XLSX files.")],
    encoding: Encoding = "",
    workers: Annotated[int, typer.Option(min=1, help="Files taken in at the same time.")] = 1,
    as_json: Json = False,
) -> None:
    """Take files in: check, detect, pseudonymise, ask consent, store. The same file twice is one."""
    from service.cli.workers import ingest_files

    size = sum(path.stat().st_size for path in paths if path.is_file())
    with progress_bar(f"ingest {dataset}", quiet=as_json, size=size) as progress:
        rows, failed = ingest_files(dataset, paths, encoding=encoding, workers=workers, progress=progress)
    values = [batch_value(row) for row in rows]
    text = "\n".join(batch_text(row) for row in rows)
    if rows:
        emit(values[0] if len(paths) == 1 else {"batches": values}, as_json=as_json, text=text)
    if failed:
        raise failed[0]


def batch_value(row: BatchRow) -> dict[str, object]:
    """A batch as JSON."""
    return {"batch": row.id, "dataset": row.dataset, **asdict(row.counts), "reasons": dict(row.reasons)}


def batch_text(row: BatchRow) -> str:
    """A batch in words: its counts, then the reasons."""
    counts = row.counts
    text = (
        f"{row.dataset}: {counts.rows:,} rows in = {counts.admitted:,} admitted"
        f" + {counts.quarantined:,} quarantined + {counts.refused:,} refused"
    )
    return text + "".join(f"\n  {count:>8,}  {why}" for why, count in sorted(row.reasons.items()))


@reference_app.command("add")
def reference_add(
    name: Annotated[str, typer.Argument(help="Name of the table, such as census.")],
    path: Annotated[Path, typer.Argument(help="CSV: a key, `population`, further numbers.")],
    licence: Annotated[str, typer.Option(help="Under which it may be used.")],
    source: Annotated[str, typer.Option(help="Who publishes it.")],
    *,
    key: Annotated[str, typer.Option(help="Column with the codes of districts.")] = "district",
    as_json: Json = False,
) -> None:
    """Keep a public table about districts; profiles get its numbers by the customer's district."""
    from service.usecases.reference import add_reference

    actor, deps = SESSION.acting()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError("the file cannot be read", file=path.name) from error
    frame = add_reference(name, data, key=key, licence=licence, source=source, actor=actor, deps=deps)
    value = {"reference": name, "districts": frame.height, "columns": frame.columns}
    emit(value, as_json=as_json, text=f"{name}: {frame.height:,} districts, {frame.width} columns")


@consent_app.command("import")
def consent_import(
    path: Annotated[Path, typer.Argument(help="CSV of consent records.")],
    encoding: Encoding = "",
    as_json: Json = False,
) -> None:
    """Import consent records; records seen before are not repeated."""
    from service.usecases.consent import import_consents

    actor, deps = SESSION.acting()
    counts = asdict(import_consents(path, actor=actor, deps=deps, encoding=encoding))
    rows = [(k, v) for k, v in counts.items() if isinstance(v, int)]
    emit(counts, as_json=as_json, text=table("Consent records", ("what", "count"), rows))


@consent_app.command("withdraw")
def consent_withdraw(
    purpose: Annotated[str, typer.Argument(help="Purpose code.")],
    id_type: Annotated[IdType, typer.Option(help="What is on standard input.")] = IdType.EMAIL,
    as_json: Json = False,
) -> None:
    """Withdraw a person's consent to a purpose; the identifier is read from standard input."""
    from service.usecases.consent import withdraw

    actor, deps = SESSION.acting()
    count = withdraw(id_type.value, ask(id_type.value), purpose, actor=actor, deps=deps)
    emit({"withdrawn": count}, as_json=as_json, text=f"{count} record(s) withdrawn, effective now")
