"""Broken variants of how a report is made, which the tests must catch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from audit.bundle import unpack_bundle
from audit.canonical import digest
from service.domain.actors import Actor
from service.ports import Deps
from service.reporting.document import Answer, Provenance, Report, Rows, named
from service.reporting.template import Template, fill
from service.usecases.access import authorise
from service.usecases.report import BASIS, DRAFT, _issue
from service.usecases.report_governance import breach_clocks
from service.usecases.report_queries import PURPOSE, Incident, Reading
from service.usecases.tags import file_beside


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
    file_beside(path, _issue(files, {"entries": []}, [], act, deps.signer))
    return path


def group_rows_of_everyone(groups: pl.DataFrame) -> Rows:
    """Hides no group."""
    found = groups.group_by("group").agg(pl.len(), rate=pl.col("good").mean()).sort("group").rows()
    return named("group customers rate difference ratio", [(*row, 0.0, 1.0) for row in found])


def clocks_from_now(reading: Reading) -> Iterator[Answer]:
    """Starts the clock when the report is built."""
    late = Reading(reading.first, reading.last, reading.deps, Incident(reading.incident.datasets, reading.at))
    return breach_clocks(late)
