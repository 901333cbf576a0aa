"""The one way in: ``dataset``, ``ingest``, ``consent``, ``reference``.

And what was rejected, the way back in, and how good the data is: ``quarantine``, ``quality``. And the way out
of what may not be kept any more: ``retention``.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.context import SESSION, Dataset, IdType, ask, command, group
from service.cli.output import emit, progress_bar, table
from service.errors import UsageError

if TYPE_CHECKING:
    from service.ports import BatchRow

dataset_app = group("dataset", "Dataset contracts.")
consent_app = group("consent", "Consent records.")
reference_app = group("reference", "Tables about districts, not about people.")
quarantine_app = group("quarantine", "Rejected rows.")
retention_app = group("retention", "What may not be kept any more.")
_SHOWN = 50  # rejected rows in a table for people
Encoding = Annotated[
    str, typer.Option(help="utf-8, utf-16, gb18030 or big5; decided from the file when left out.")
]


@command(dataset_app, "add")
def dataset_add(
    contract: Annotated[Path, typer.Argument(help="Open Data Contract Standard YAML file.")],
) -> None:
    """Register a dataset by its contract."""
    from service.usecases.datasets import add_dataset
    from service.wiring import load_contract

    acting = SESSION.acting()
    added = add_dataset(*load_contract(contract), **acting)
    columns = len(added.columns)
    value = {"dataset": added.name, "version": added.version, "columns": columns, "digest": added.digest}
    emit(value, f"{added.name} {added.version}: {columns} columns, {added.digest}")


def ingest(
    dataset: Dataset,
    paths: Annotated[list[Path], typer.Argument(help="CSV, TSV, JSON lines, Parquet or XLSX files.")],
    encoding: Encoding = "",
    workers: Annotated[int, typer.Option(min=1, help="Files taken in at the same time.")] = 1,
) -> None:
    """Take files in: check, detect, pseudonymise, ask consent, store. The same file twice is one."""
    from service.cli.workers import ingest_files

    size = sum(path.stat().st_size for path in paths if path.is_file())
    with progress_bar(f"ingest {dataset}", size=size) as progress:
        rows, failed = ingest_files(dataset, paths, encoding=encoding, workers=workers, progress=progress)
    values = [_batch_value(row) for row in rows]
    text = "\n".join(_batch_text(row) for row in rows)
    if rows:
        emit(values[0] if len(paths) == 1 else {"batches": values}, text)
    if failed:
        raise failed[0]


def emit_batch(row: BatchRow) -> None:
    """Print a batch."""
    emit(_batch_value(row), _batch_text(row))


def _batch_value(row: BatchRow) -> dict[str, object]:
    return {"batch": row.id, "dataset": row.dataset, **asdict(row.counts), "reasons": dict(row.reasons)}


def _batch_text(row: BatchRow) -> str:
    """Its counts, then the reasons."""
    counts = row.counts
    text = (
        f"{row.dataset}: {counts.rows:,} rows in = {counts.admitted:,} admitted"
        f" + {counts.quarantined:,} quarantined + {counts.refused:,} refused"
    )
    return text + "".join(f"\n  {count:>8,}  {why}" for why, count in sorted(row.reasons.items()))


@command(reference_app, "add")
def reference_add(
    name: Annotated[str, typer.Argument(help="Name of the table, such as census.")],
    path: Annotated[Path, typer.Argument(help="CSV: a key, `population`, further numbers.")],
    licence: Annotated[str, typer.Option(help="Under which it may be used.")],
    source: Annotated[str, typer.Option(help="Who publishes it.")],
    *,
    key: Annotated[str, typer.Option(help="Column with the codes of districts.")] = "district",
) -> None:
    """Keep a public table about districts; profiles get its numbers by the customer's district."""
    from service.usecases.reference import add_reference

    acting = SESSION.acting()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError("the file cannot be read", file=path.name) from error
    frame = add_reference(name, data, key=key, licence=licence, source=source, **acting)
    value = {"reference": name, "districts": frame.height, "columns": frame.columns}
    emit(value, f"{name}: {frame.height:,} districts, {frame.width} columns")


@command(consent_app, "import")
def consent_import(
    path: Annotated[Path, typer.Argument(help="CSV of consent records.")],
    encoding: Encoding = "",
) -> None:
    """Import consent records; records seen before are not repeated."""
    from service.usecases.consent import import_consents

    counts = asdict(import_consents(path, **SESSION.acting(), encoding=encoding))
    rows = [(k, v) for k, v in counts.items() if isinstance(v, int)]
    emit(counts, table("Consent records", ("what", "count"), rows))


@command(consent_app, "withdraw")
def consent_withdraw(
    purpose: Annotated[str, typer.Argument(help="Purpose code.")],
    id_type: IdType = "email",
) -> None:
    """Withdraw a person's consent to a purpose; the identifier is read from standard input."""
    from service.usecases.consent import withdraw

    acting = SESSION.acting()
    count = withdraw(id_type, ask(id_type), purpose, **acting)
    emit({"withdrawn": count}, f"{count} record(s) withdrawn, effective now")


@command(quarantine_app, "list")
def quarantine_list(
    dataset: Dataset,
    batch: Annotated[str, typer.Option(help="Id of a batch, or its first 16 digits.")] = "",
) -> None:
    """List rejected rows by number, rule and column; their values are not kept."""
    from service.usecases.correction import list_quarantine

    rows = list_quarantine(dataset, **SESSION.acting(), batch=batch)
    title = f"{dataset}: {rows.height:,} rejected rows"
    title += f", the first {_SHOWN}; all with --json" if rows.height > _SHOWN else ""
    text = table(title, rows.columns, rows.head(_SHOWN).rows())
    emit(rows.to_dicts() if SESSION.as_json else None, text)


@command(quarantine_app, "release")
def quarantine_release(
    batch: Annotated[
        str, typer.Argument(help="Id of the batch whose rows were rejected, or 16 digits of it.")
    ],
    path: Annotated[
        Path, typer.Argument(help="Corrected rows, with their numbers in a column `_source_row`.")
    ],
    encoding: Encoding = "",
) -> None:
    """Take corrected rows the whole way in; those admitted are no longer in quarantine."""
    from service.usecases.correction import release

    with progress_bar("release") as progress:
        row = release(batch, path, **SESSION.acting(), encoding=encoding, progress=progress)
    emit_batch(row)


def quality(
    dataset: Annotated[str, typer.Argument(help="Name of a registered dataset; all of them without.")] = "",
) -> None:
    """Data quality per dataset and day: score, its parts per mille, and why rows are not stored."""
    from service.usecases.quality import quality_report

    days = quality_report(dataset, **SESSION.acting())
    columns = ("dataset", "day", "batches", "rows", "score", "completeness", "validity", "consistency")
    text = table("Data quality, per mille", columns, [[day[name] for name in columns] for day in days])
    for day in days:
        reasons = day["reasons"]
        if isinstance(reasons, dict) and reasons:
            text += f"{day['dataset']} {day['day']}\n"
            text += "".join(f"  {count:>8,}  {rule}\n" for rule, count in reasons.items())
    emit(days, text)


def repair(
    path: Annotated[Path, typer.Argument(help="Text file with spoilt characters.")],
    target: Annotated[Path, typer.Argument(help="New file for the repaired text, in UTF-8.")],
    encoding: Encoding = "",
) -> None:
    """Put characters back that were read in a wrong encoding. Touches no stored data: no token is needed."""
    from service.wiring import repair_file

    done = repair_file(path, target, encoding=encoding)
    text = f"{done.lines:,} lines: {done.repaired:,} repaired, {done.spoilt:,} still spoilt"
    emit(asdict(done), text + (f"; first lines {', '.join(map(str, done.first))}" if done.first else ""))


@command(retention_app, "run")
def retention_run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count it only.")] = False,
) -> None:
    """Remove for good what has outlived its class of data or its law; run it every day."""
    from service.usecases.retention import run_retention

    found = run_retention(**SESSION.acting(), dry_run=dry_run)
    counted = [e.refused or ", ".join(f"{n:,} {kind}" for kind, n in e.counts.items()) for e in found]
    rows = [(e.resource, e.retention_class, e.cutoff, n) for e, n in zip(found, counted, strict=True)]
    title = "Would be removed" if dry_run else "Removed"
    text = table(title, ("store", "class", "before", "what"), rows)
    emit({"dry_run": dry_run, "stores": [asdict(e) for e in found]}, text)
    if any(e.refused for e in found):
        raise typer.Exit(1)
