"""A report: built as a draft, approved by a second person, signed, attested, logged, bundled.

``build_report`` reads everything once and writes ``<home>/report/<name>.draft.zip``: unsigned PDFs in both
languages, ``report.json``, the tables, and what the manifest will say. Its digest stands in the log's
``report:build`` entry, and with it who built it: that entry, not a file, says who the second person may be.
``approve_report`` signs these very bytes and puts ``<name>.zip`` in the draft's place. What is issued is in
the log: the ``report:issue`` entry carries the manifest's digest and stands before the file appears.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from audit.bundle import build_bundle, pack_bundle, unpack_bundle
from audit.canonical import digest
from audit.dsse import Statement, format_statement, subject_digests
from audit.evidence import Place, parse_place
from audit.filestore import opened
from service.domain.actors import Actor
from service.domain.models import ModelState
from service.errors import ConflictError, StorageError, TamperedError, UnknownError, UsageError
from service.ports import Deps, EntryFilter, ReportSigner
from service.reporting.document import Answer, Provenance, Report, Text, format_json, format_report, header
from service.reporting.render import HOW_TO_VERIFY, LANGUAGES, render
from service.reporting.tabular import format_csv, format_parquet
from service.reporting.template import Template, choose, fill, load_templates
from service.usecases import report_customers, report_governance  # noqa: F401 - registers their queries
from service.usecases.access import Act, authorise, places
from service.usecases.report_queries import NOTHING, PURPOSE, QUERIES, Incident, Reading
from service.usecases.tags import file_beside

Progress = Callable[[str, int], None]
Day = date | None
_NAME: Final = re.compile(r"(.+)-(\d{4}-\d\d-\d\d)-(\d+)(?:\.(draft|rejected))?\.zip")
#: The controller that files.
INSTITUTION: Final = Text("示例消费金融有限公司", "Example Consumer Finance Ltd")
CURRENCY: Final = "TWD"
BASIS: Final = "legal_obligation"
PREDICATE: Final = "https://fiduciary.example/reports/v1"
DRAFT: Final = ".draft.zip"
_FACTS: Final = "manifest.json"  # of a draft: what the manifest will say
#: Acts whose entries a report cites, beside those of its releases.
CITED: Final = frozenset({"dataset:ingest", "profile:build", "model:train", "model:approve", "score:build"})


def build_report(
    kind: str,
    *,
    actor: Actor,
    deps: Deps,
    until: Day = None,
    since: Day = None,
    template: Day = None,
    incident: Incident = NOTHING,
    progress: Progress | None = None,
) -> Path:
    """Write the draft of a report.

    Args:
        kind: report type, such as ``behaviour``.
        actor: needs ``report:build``.
        deps: the service.
        until: last day of the period; today by default.
        since: first day of the period; as far back as the data goes by default.
        template: effective date of the template; the one in force on the last day by default.
        incident: what a breach report is about; no other takes one.
        progress: told the step and the percentage done.

    Returns:
        Path of the draft.

    Raises:
        DeniedError: the actor may not build reports.
        UnknownError: no such type or table, or profiles or scores have not been built.
        UsageError: the period is none, or the incident is missing, not for this type, or not yet.
        ConflictError: there is nothing in the period, or data came in meanwhile.
        StorageError: the file cannot be written.
    """
    tell = progress or (lambda _step, _percent: None)
    form, last, act = ask_report(kind, actor=actor, deps=deps, until=until, since=since, template=template)
    with _alone(deps):
        name = _free_name(form.type, deps)
        heads = deps.audit.heads()
        reading = Reading(since or date.min, last, deps, incident)
        _check_incident(form, reading)
        answers = dict(_answers(form, reading, tell))
        period, now = _period(reading, answers), deps.clock.now().replace(microsecond=0)
        at = Provenance(INSTITUTION, period, now, CURRENCY, heads, reading.policy.digest, name)
        report = fill(form, answers, at)
        tell("render", 60)
        draft = pack_bundle(_files(report) | {_FACTS: format_json(_facts(report, answers, reading))})
        read = reading.people
        act.record(
            basis=BASIS, resource=f"report/{name}", payload=digest(draft), among=read, subjects=len(read)
        )
        path = _folder(deps) / f"{name}{DRAFT}"
        file_beside(path, draft)
    tell("done", 100)
    return path


def ask_report(
    kind: str, *, actor: Actor, deps: Deps, until: Day = None, since: Day = None, template: Day = None
) -> tuple[Template, date, Act]:
    """Template, last day and permission of a report; nothing is read. Raises as ``build_report``."""
    today = deps.clock.now().date()
    last = until or today
    if last > today or last < (since or last):
        raise UsageError("the period ends after today (UTC), or before it begins", today=today.isoformat())
    form = choose(load_templates(), kind, template or last, exactly=template is not None)
    return form, last, _may("build", actor, deps, form.type)


def _check_incident(form: Template, reading: Reading) -> None:
    asked, known = reading.incident.datasets, reading.incident.known_at
    if {bool(asked), known is not None} != {"breach.clocks@1" in form.queries}:
        raise UsageError("a breach report needs datasets and the time of knowledge; no other takes them")
    if known and not datetime.min.replace(tzinfo=UTC) <= known <= reading.at:  # offsets reach beyond
        raise UsageError("the time of knowledge is still to come, or is none", field="known_at")


def _may(verb: str, actor: Actor, deps: Deps, what: str, facts: frozenset[str] = frozenset()) -> Act:
    asked = {"purpose": PURPOSE, "data_class": "C2", "resource": f"report/{what}"}
    return authorise(deps, actor, f"report:{verb}", **asked, facts=facts)


def _folder(deps: Deps) -> Path:
    return deps.home / "report"


@contextmanager
def _alone(deps: Deps) -> Iterator[None]:
    """One process at a time numbers, approves or rejects a report."""
    with opened(_folder(deps)) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def list_reports(*, actor: Actor, deps: Deps) -> list[dict[str, str | int]]:
    """The reports on disk, the newest day first; the reading is logged. Raises DeniedError.

    Returns:
        Of each ``name``, ``type``, ``state`` (draft, rejected or issued), ``date`` and ``size`` in bytes.
    """
    act = authorise(deps, actor, "report:read", resource="report")
    sizes: dict[str, int] = {}
    for path in _folder(deps).glob("*.zip"):
        with suppress(FileNotFoundError):  # approved or rejected meanwhile
            sizes[path.name] = path.stat().st_size
    # a draft beside its bundle was left by a process that was killed: the report is issued
    left = {name for name in sizes if name.endswith(DRAFT) and name.replace(DRAFT, ".zip") in sizes}
    named = [found for name in sizes.keys() - left if (found := _NAME.fullmatch(name))]
    named.sort(key=lambda n: (n[2], n[1], int(n[3])), reverse=True)
    act.record()
    rows = ((n[0], n[1], n[4] or "issued", n[2], sizes[n[0]]) for n in named)
    return [dict(zip(("name", "type", "state", "date", "size"), row, strict=True)) for row in rows]


def _free_name(kind: str, deps: Deps) -> str:
    stem, number = f"{kind}-{deps.clock.now():%Y-%m-%d}", 1
    while any(_folder(deps).glob(f"{stem}-{number}.*")):
        number += 1
    return f"{stem}-{number}"


def _answers(form: Template, reading: Reading, tell: Progress) -> Iterator[tuple[str, tuple[Answer, ...]]]:
    for nth, name in enumerate(sorted(form.queries)):
        tell(name, 50 * nth // len(form.queries))
        yield name, tuple(QUERIES[name](reading))
    reading.check()


def _period(reading: Reading, answers: Mapping[str, tuple[Answer, ...]]) -> tuple[date, date]:
    """What was asked for; without a first day what the data covers, else the life of the log."""
    if spans := [answer.span for found in answers.values() for answer in found if answer.span]:
        return min(first for first, _ in spans), max(last for _, last in spans)
    begun = next((entry.at.date() for _, entry in reading.deps.audit.entries()), reading.last)
    return max(reading.first, min(begun, reading.last)), reading.last


def _files(report: Report) -> dict[str, bytes]:
    files = {f"report.{language}.pdf": render(report, language) for language in LANGUAGES}
    files |= {f"tables/{table.id}.csv": format_csv(table) for table in report.tables()}
    files |= {f"tables/{table.id}.parquet": format_parquet(table) for table in report.tables()}
    return files | {"report.json": format_report(report), "verify.txt": HOW_TO_VERIFY}


def _facts(report: Report, answers: Mapping[str, tuple[Answer, ...]], reading: Reading) -> dict[str, Any]:
    """What the manifest says; ``entries`` are those that a reader will want proved."""
    deps, found = reading.deps, [answer for answers_ in answers.values() for answer in answers_]
    released = reading.released() if "releases.list@1" in answers else ()
    acts = deps.audit.find(EntryFilter(type=CITED, decision=frozenset({"allow"})))
    cited = {*(place for place, _ in acts), *places([r.entry for r in released], deps)}
    model = [m.rho for m in reading.models if m.state is ModelState.APPROVED and "model.card@1" in answers]
    return {
        **header(report),
        "releases": [r.id for r in released],
        "rho_micro": {"releases": sum(r.rho for r in released), "model": sum(model)},
        "inputs": sorted({name for answer in found for name in answer.inputs}),
        "entries": [*map(str, sorted(cited))],
    }


def _second(name: str, actor: Actor, deps: Deps) -> tuple[Path, bytes, Place, Act]:
    """The draft and its bytes, the place of its ``report:build`` entry, and the act of a second person on it.

    Raises:
        UnknownError: there is no draft of that name.
        ConflictError: it is issued already.
        TamperedError: it is not the one whose digest the log has.
        DeniedError: the actor may not approve reports, or built this one.
    """
    wanted = f"{name.removesuffix(DRAFT)}{DRAFT}"
    path = next((p for p in _folder(deps).glob(f"*{DRAFT}") if p.name == wanted), None)
    if path is None:
        raise UnknownError("there is no draft of that name")
    data, name = path.read_bytes(), wanted.removesuffix(DRAFT)
    if path.with_name(f"{name}.zip").exists():  # a process was killed before it took the draft away
        raise ConflictError("the report is issued already", report=name)
    logged = deps.audit.find(EntryFilter(type=frozenset({"report:build"}), resource=f"report/{name}"))
    built = [(place, e.actor) for place, e in logged if e.payload == digest(data)]
    if not built:
        raise TamperedError("the draft is not the one that was built", report=name)
    place, builder = built[-1]
    facts = frozenset({"not_requester"}) if builder != actor.id else frozenset[str]()
    return path, data, place, _may("approve", actor, deps, name, facts)


def approve_report(name: str, *, actor: Actor, deps: Deps, progress: Progress | None = None) -> Path:
    """Approve a draft and issue the report. Never one's own.

    Returns:
        Path of the bundle.

    Raises:
        DeniedError: the actor may not approve reports, or built this one.
        UnknownError: there is no draft of that name.
        ConflictError: it is issued already.
        TamperedError: the draft is not the one that was built.
        StorageError: no report key, or the file cannot be written.
    """
    tell = progress or (lambda _step, _percent: None)
    if deps.signer is None:
        raise StorageError("there is no report key")
    with _alone(deps):
        draft, data, built, act = _second(name, actor, deps)
        approved = act.record(basis=BASIS, payload=digest(data))
        tell("sign", 10)
        files = unpack_bundle(data)
        facts = json.loads(files.pop(_FACTS)) | {"signature": deps.signer.level}
        sign = deps.signer.sign
        files |= {path: sign(data) for path, data in files.items() if path.endswith(".pdf")}
        files["signer.pem"] = deps.signer.certificate()
        tell("seal", 70)
        facts |= {"draft": digest(data), "approvers": [actor.id]}
        cited = sorted({*map(parse_place, facts["entries"]), built, *places([approved], deps)})
        facts["entries"] = [*map(str, cited)]
        path = draft.with_name(draft.name.replace(DRAFT, ".zip"))
        file_beside(path, _issue(files, facts, cited, act, deps.signer))
        draft.unlink()
    tell("done", 100)
    return path


def _issue(
    files: Mapping[str, bytes], facts: Mapping[str, Any], cited: list[Place], act: Act, signer: ReportSigner
) -> bytes:
    """Sign the manifest, log the issue, gather the proofs, pack. The pack verifies itself."""
    audit = act.deps.audit
    envelope = audit.attest(format_statement(Statement(subject_digests(files), PREDICATE, facts)))
    (issue,) = places([act.record("report:issue", basis=BASIS, payload=digest(envelope))], act.deps)
    evidence = audit.evidence([*cited, issue])
    evidence = replace(evidence, stamp=signer.stamp(evidence.checkpoint))
    return build_bundle(files, envelope, cited, issue, evidence=evidence)


def reject_report(name: str, *, actor: Actor, deps: Deps) -> Path:
    """Reject another person's draft; it is kept as ``<name>.rejected.zip``. Raises as ``approve_report``."""
    with _alone(deps):
        draft, data, _, act = _second(name, actor, deps)
        act.record("report:reject", basis=BASIS, payload=digest(data))
        return draft.rename(draft.with_name(draft.name.replace(DRAFT, ".rejected.zip")))
