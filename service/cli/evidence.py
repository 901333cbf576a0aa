"""``report`` and ``audit``: evidence for people outside."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from service.cli.context import SESSION, command, group
from service.cli.output import emit, progress_bar

report_app = group("report", "Regulatory reports.")
audit_app = group("audit", "The audit log and what it proves.")


@command(report_app, "build")
def report_build() -> None:
    """Build the customer behaviour analysis report as a signed bundle."""
    from service.usecases.report import build_report

    acting = SESSION.acting()
    with progress_bar("report") as progress:
        path = build_report(**acting, progress=progress)
    emit({"bundle": str(path)}, f"{path}\ncheck it: fiduciary audit verify {path}")


@command(audit_app, "verify")
def audit_verify(
    path: Annotated[Path, typer.Argument(help="Bundle (.zip), certificate (.json) or log directory.")],
    vkey: Annotated[str, typer.Option(help="Verifier key you trust, name+hash+key, or its file.")] = "",
    policy: Annotated[
        Path | None, typer.Option(help="File of trusted logs, witnesses, quorum.", exists=True)
    ] = None,
) -> None:
    """Check a bundle, a certificate or a log offline: no database, no network, no secret."""
    from service.usecases.evidence import verify_evidence

    trusted = Path(vkey).read_text(encoding="utf-8").strip() if vkey and Path(vkey).is_file() else vkey
    facts = verify_evidence(path, vkey=trusted, policy=policy)
    text = f"VALID  {path}\n" + "\n".join(f"  {k}: {v}" for k, v in facts.items())
    emit({"valid": True, **facts}, text)


@command(audit_app, "show")
def audit_show(
    last: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest entries.")] = 20,
) -> None:
    """The newest entries; reading the log is itself logged first."""
    from service.usecases.evidence import read_log

    entries = read_log(last, **SESSION.acting())
    value = [asdict(entry) | {"index": index} for index, entry in entries]
    lines = [
        f"{i:>6} {e.at:%Y-%m-%d %H:%M:%S} {e.decision:<5} {e.type:<20} {e.actor} {e.resource}"
        for i, e in entries
    ]
    emit(value, "\n".join(lines))
