"""The regulator's report: collect, set both languages, sign, attest, log, bundle.

The bundle ``<home>/report/behaviour-<date>-<n>.zip`` holds both signed PDFs, the machine-readable form, the
tables as CSV, the signer's certificate, the manifest signed by the log's key and the proofs of every cited
entry. Nothing is issued that is not in the log: the ``report:issue`` entry carries the manifest's digest and
stands before the file appears.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from audit.bundle import build_bundle
from audit.canonical import digest, encode64
from audit.checkpoint import Checkpoint, parse_checkpoint
from audit.dsse import Statement, format_statement, subject_digests
from audit.errors import AuditError
from audit.note import parse_note
from service.domain.actors import Actor
from service.errors import ConflictError, StorageError, TamperedError
from service.ports import Deps, EntryFilter, ReportSigner
from service.reporting.behaviour import TYPE, build
from service.reporting.document import Provenance, Report, Text, format_report
from service.reporting.facts import BehaviourFacts
from service.reporting.render import render
from service.reporting.tabular import format_csv
from service.usecases.access import Act, authorise, places
from service.usecases.certificate import file_away
from service.usecases.report_facts import PURPOSE, collect

Progress = Callable[[str, int], None]
INSTITUTION: Final = Text("示例消费金融有限公司", "Example Consumer Finance Ltd")
CURRENCY: Final = "TWD"
BASIS: Final = "legal_obligation"
PREDICATE: Final = "https://fiduciary.example/reports/behaviour/v1"
#: Acts whose entries a report cites, beside those of its releases.
CITED: Final = frozenset({"dataset:ingest", "profile:build", "model:train", "model:approve", "score:build"})


def build_report(
    *,
    actor: Actor,
    deps: Deps,
    until: date | None = None,
    institution: Text = INSTITUTION,
    progress: Progress | None = None,
) -> Path:
    """Issue the customer behaviour analysis report.

    Args:
        actor: needs ``report:build``.
        deps: the service.
        until: last day whose data may be used; today by default.
        institution: the controller that files.
        progress: told the step and the percentage done.

    Returns:
        Path of the bundle.

    Raises:
        DeniedError: the actor may not build reports.
        UnknownError: profiles or scores have not been built.
        ConflictError: there are no statements in the period.
        StorageError: no report key, or the file cannot be written.
    """
    tell = progress or (lambda _step, _percent: None)
    resource = "report/behaviour"
    act = authorise(deps, actor, "report:build", purpose=PURPOSE, data_class="C2", resource=resource)
    if deps.signer is None:
        raise StorageError("there is no report key")
    name = _free_name(deps)
    tell("collect", 10)
    facts = _facts(name, until or deps.clock.now().date(), institution, deps)
    cited = _cited(facts, deps)
    act = replace(act, resource=f"report/{name}")
    act.record(basis=BASIS)
    tell("render", 40)
    files = _files(build(facts), deps.signer)
    tell("seal", 80)
    path = deps.home / "report" / f"{name}.zip"
    file_away(path, _issue(name, files, facts, cited, act))
    tell("done", 100)
    return path


def _free_name(deps: Deps) -> str:
    stem = f"behaviour-{deps.clock.now():%Y-%m-%d}"
    number = 1
    while (deps.home / "report" / f"{stem}-{number}.zip").exists():
        number += 1
    return f"{stem}-{number}"


def _facts(name: str, until: date, institution: Text, deps: Deps) -> BehaviourFacts:
    point = checkpoint_of(deps.audit.seal())
    now = deps.clock.now()
    provenance = Provenance(
        institution=institution,
        period=(until, until),
        as_of=now.replace(microsecond=0),
        currency=CURRENCY,
        log_origin=point.origin,
        log_size=point.size,
        log_root=encode64(point.root),
        policy=deps.policy.bundle.digest,
        number=name,
    )
    facts = collect(provenance, until, deps)
    if facts.months.is_empty():
        raise ConflictError("there are no statements in the period")
    first, last = facts.months["month"][0], facts.months["month"][-1]
    end = last.replace(day=monthrange(last.year, last.month)[1])
    return replace(facts, provenance=replace(provenance, period=(first, min(end, until))))


def checkpoint_of(note: bytes) -> Checkpoint:
    """The tree head that a checkpoint note states. Raises TamperedError."""
    try:
        return parse_checkpoint(parse_note(note).text)
    except AuditError as error:
        raise TamperedError("the log's checkpoint cannot be read") from error


def _cited(facts: BehaviourFacts, deps: Deps) -> list[int]:
    """Entries that a reader of the report will want proved."""
    acts = deps.audit.find(EntryFilter(type=CITED, decision=frozenset({"allow"})))
    return sorted({*(place for place, _ in acts), *places([r.entry for r in facts.releases], deps)})


def _files(report: Report, signer: ReportSigner) -> Mapping[str, bytes]:
    files = {
        "report.zh.pdf": signer.sign(render(report, "zh")),
        "report.en.pdf": signer.sign(render(report, "en")),
        "report.json": format_report(report),
        "signer.pem": signer.certificate(),
    }
    return files | {f"tables/{table.id}.csv": format_csv(table) for table in report.tables()}


def _issue(name: str, files: Mapping[str, bytes], facts: BehaviourFacts, cited: list[int], act: Act) -> bytes:
    """Sign the manifest, log the issue, gather the proofs, pack. The pack verifies itself."""
    audit, p = act.deps.audit, facts.provenance
    predicate = {
        "report": TYPE,
        "number": name,
        "period": [p.period[0].isoformat(), p.period[1].isoformat()],
        "as_of": p.as_of.isoformat(),
        "log": {"origin": p.log_origin, "size": p.log_size, "root": p.log_root},
        "policy": p.policy,
        "releases": [r.id for r in facts.releases],
        "rho_micro": {
            "releases": sum(r.rho for r in facts.releases),
            "model": facts.model.rho if facts.model else 0,
        },
        "tables": dict(sorted(facts.versions.items())),
        "entries": cited,
    }
    envelope = audit.attest(format_statement(Statement(subject_digests(files), PREDICATE, predicate)))
    (issue,) = places([act.record("report:issue", basis=BASIS, payload=digest(envelope))], act.deps)
    return build_bundle(files, envelope, cited, issue, evidence=audit.evidence([*cited, issue]))
