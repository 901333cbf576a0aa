"""``report`` and ``audit``: evidence for people outside."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.context import SESSION, IdType, ask, command, group
from service.cli.output import emit, progress_bar, table

if TYPE_CHECKING:
    from audit.entry import Entry
    from audit.evidence import Place

report_app = group("report", "Regulatory reports.")
DAY = ["%Y-%m-%d"]
Type = Annotated[str, typer.Argument(metavar="TYPE", help="Report type, such as behaviour.")]
First = Annotated[datetime | None, typer.Option("--from", formats=DAY, help="First day; all there is.")]
Last = Annotated[datetime | None, typer.Option(formats=DAY, help="Last day; today.")]
Form = Annotated[datetime | None, typer.Option(formats=DAY, help="Use the template of this date.")]
Tables = Annotated[list[str] | None, typer.Option(help="Table that a breach concerns; repeatable.")]
Known = Annotated[datetime | None, typer.Option(help="When the breach became known, UTC.")]
Draft = Annotated[str, typer.Argument(help="Name of a draft.")]
Archive = Annotated[Path, typer.Argument(help="Draft or bundle (.zip).", exists=True, dir_okay=False)]
Policy = Annotated[Path | None, typer.Option(help="File of trusted logs, witnesses, quorum.", exists=True)]
_TSA = "Certificate of the time-stamp authority you trust."
Authority = Annotated[Path | None, typer.Option(help=_TSA, exists=True)]
audit_app = group("audit", "The audit log and what it proves.")


@command(report_app, "build")
def report_build(
    *,
    kind: Type,
    until: Last = None,
    since: First = None,
    template: Form = None,
    dataset: Tables = None,
    known_at: Known = None,
) -> None:
    """Write the draft of a report, for a second person to approve."""
    from service.usecases.report import build_report
    from service.usecases.report_queries import Incident

    breach = Incident(tuple(dataset or ()), known_at.replace(tzinfo=UTC) if known_at else None)
    days = {"since": since, "until": until, "template": template}
    dates = {name: day.date() for name, day in days.items() if day}
    with progress_bar("report") as progress:
        path = build_report(kind, **SESSION.acting(), **dates, incident=breach, progress=progress)
    emit({"draft": str(path)}, f"{path}\nnow a second person: fiduciary report approve {path.name}")


@command(report_app, "approve")
def report_approve(name: Draft) -> None:
    """Approve another person's draft: it is signed and issued as a bundle."""
    from service.usecases.report import approve_report

    with progress_bar("report") as progress:
        path = approve_report(name, **SESSION.acting(), progress=progress)
    emit({"bundle": str(path)}, f"{path}\ncheck it: fiduciary audit verify {path}")


@command(report_app, "reject")
def report_reject(name: Draft) -> None:
    """Reject another person's draft; it is kept, and is never issued."""
    from service.usecases.report import reject_report

    path = reject_report(name, **SESSION.acting())
    emit({"rejected": str(path)}, str(path))


@command(report_app, "list")
def report_list() -> None:
    """The reports there are: drafts, issued and rejected, the newest first."""
    from service.usecases.report import list_reports

    found = list_reports(**SESSION.acting())
    columns = ("name", "type", "state", "date", "size")
    emit(found, table("Reports", columns, [[*report.values()] for report in found]))


@command(report_app, "diff")
def report_diff(old: Archive, new: Archive) -> None:
    """Why figures changed from one report to the next: cells, and what they rest on. Needs no service."""
    from service.reporting.diff import format_diff
    from service.usecases.evidence import compare_reports

    found = compare_reports(old, new)
    emit(found, format_diff(found))


@command(audit_app, "verify")
def audit_verify(
    path: Annotated[Path, typer.Argument(help="Bundle (.zip), certificate (.json) or log directory.")],
    vkey: Annotated[str, typer.Option(help="Verifier key you trust, name+hash+key, or its file.")] = "",
    policy: Policy = None,
    tsa: Authority = None,
) -> None:
    """Check a bundle, a certificate or a log offline: no database, no network, no secret."""
    from audit.verify import format_facts
    from service.usecases.evidence import verify_evidence

    trusted = Path(vkey).read_text(encoding="utf-8").strip() if vkey and Path(vkey).is_file() else vkey
    facts = verify_evidence(path, vkey=trusted, policy=policy, tsa=tsa)
    emit({"valid": True, **facts}, "\n  ".join([f"VALID  {path}", *format_facts(facts)]))


@command(audit_app, "show")
def audit_show(
    *,
    last: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest entries.")] = 20,
    actor: Annotated[list[str] | None, typer.Option(help="Only acts of this person; repeatable.")] = None,
    event: Annotated[
        list[str] | None, typer.Option("--type", help="Only this type, such as aggregate:release.")
    ] = None,
    purpose: Annotated[list[str] | None, typer.Option(help="Only this purpose.")] = None,
    resource: Annotated[str, typer.Option(help="Only this, and below: dataset/notes, aggregate.")] = "",
    since: Annotated[datetime | None, typer.Option(help="From this day or instant on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this day or instant, UTC.")] = None,
) -> None:
    """The newest entries, or the newest of some kind; reading the log is itself logged first."""
    from service.ports import EntryFilter
    from service.usecases.tracing import search_log

    begin, end = (at.replace(tzinfo=UTC) if at else None for at in (since, until))
    actors, types, purposes = (frozenset(values or ()) for values in (actor, event, purpose))
    where = EntryFilter(
        actor=actors, type=types, purpose=purposes, resource=resource, since=begin, until=end, last=last
    )
    _show(search_log(where, **SESSION.acting()))


@command(audit_app, "who-accessed")
def audit_who_accessed(id_type: IdType = "mobile") -> None:
    """Every entry of the whole log about one customer; the identifier is read from standard input."""
    from service.usecases.tracing import who_accessed

    acting = SESSION.acting()
    found = who_accessed(id_type, ask(id_type), **acting)
    said = ""
    for h in found.heads:
        read = "pruned" if h.pruned else f"all {h.size:,} entries read, up to root {h.root}"
        said += f"\n{h.origin}: {read}"
    _show(found.entries, said)


def _show(entries: tuple[tuple[Place, Entry], ...], said: str = "") -> None:
    value = [asdict(entry) | {"place": str(place)} for place, entry in entries]
    emit(value, "\n".join(_line(place, entry) for place, entry in entries) + said)


def _line(place: Place, e: Entry) -> str:
    short = "/".join(str(place).rsplit("/", 3)[1:])  # governance/2026/17
    return f"{short:<22} {e.at:%Y-%m-%d %H:%M:%S} {e.decision:<5} {e.type:<20} {e.actor} {e.resource}"
