"""``report`` and ``audit``: evidence for people outside."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from service.cli.context import SESSION, Json
from service.cli.output import emit, progress_bar

report_app = typer.Typer(help="Regulatory reports.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit log and what it proves.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(report_app, name="report")
    app.add_typer(audit_app, name="audit")


@report_app.command("build")
def report_build(as_json: Json = False) -> None:
    """Build the customer behaviour analysis report as a signed bundle."""
    from service.usecases.report import build_report

    actor, deps = SESSION.acting()
    with progress_bar("report", quiet=as_json) as progress:
        path = build_report(actor=actor, deps=deps, progress=progress)
    emit({"bundle": str(path)}, as_json=as_json, text=f"{path}\ncheck it: fiduciary audit verify {path}")


@audit_app.command("verify")
def audit_verify(
    path: Annotated[Path, typer.Argument(help="Bundle (.zip), certificate (.json) or log directory.")],
    vkey: Annotated[str, typer.Option(help="Verifier key you trust, name+hash+key, or its file.")] = "",
    as_json: Json = False,
) -> None:
    """Check a bundle, a certificate or a log offline: no database, no network, no secret."""
    from service.usecases.evidence import verify_evidence

    trusted = Path(vkey).read_text(encoding="utf-8").strip() if vkey and Path(vkey).is_file() else vkey
    facts = verify_evidence(path, vkey=trusted)
    text = f"VALID  {path}\n" + "\n".join(f"  {k}: {v}" for k, v in facts.items())
    emit({"valid": True, **facts}, as_json=as_json, text=text)


@audit_app.command("show")
def audit_show(
    last: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest entries.")] = 20,
    as_json: Json = False,
) -> None:
    """The newest entries; reading the log is itself logged first."""
    from service.usecases.evidence import read_log

    actor, deps = SESSION.acting()
    entries = read_log(last, actor=actor, deps=deps)
    value = [asdict(entry) | {"index": index} for index, entry in entries]
    lines = [
        f"{i:>6} {e.at:%Y-%m-%d %H:%M:%S} {e.decision:<5} {e.type:<20} {e.actor} {e.resource}"
        for i, e in entries
    ]
    emit(json.loads(json.dumps(value, default=str)), as_json=as_json, text="\n".join(lines))
