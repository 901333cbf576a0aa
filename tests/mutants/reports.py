"""Broken variants of how a report is made, which the tests must catch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from audit.bundle import unpack_bundle
from audit.canonical import digest
from service.domain.actors import Actor
from service.ports import Deps
from service.reporting.document import Answer, Provenance, Report
from service.reporting.template import Template, fill
from service.usecases.access import authorise
from service.usecases.certificate import file_away
from service.usecases.report import BASIS, DRAFT, _issue
from service.usecases.report_queries import PURPOSE


def fill_whatever_the_basis(
    template: Template, answers: Mapping[str, tuple[Answer, ...]], provenance: Provenance
) -> Report:
    """Takes every answer for what its table says it is."""
    basis = {t.query: t.basis for s in template.sections for t in s.tables}
    told = {name: tuple(replace(a, basis=basis[name]) for a in found) for name, found in answers.items()}
    return fill(template, told, provenance)


def approve_without_asking_who_built(name: str, *, actor: Actor, deps: Deps) -> Path:
    """Takes whoever holds the permission for the second person."""
    draft = deps.home / "report" / name
    act = authorise(
        deps, actor, "report:approve", purpose=PURPOSE, data_class="C2", facts=frozenset({"not_requester"})
    )
    act.record(basis=BASIS, payload=digest(draft.read_bytes()))
    files = unpack_bundle(draft.read_bytes())
    assert deps.signer
    files["signer.pem"] = deps.signer.certificate()
    path = draft.with_name(name.replace(DRAFT, ".zip"))
    file_away(path, _issue(files, {"entries": []}, act, deps.signer))
    return path
