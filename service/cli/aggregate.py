"""``aggregate`` and ``budget``: the one way out for numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.context import SESSION, Purpose, command, group
from service.cli.output import emit, pick, table
from service.domain.releases import Release
from service.errors import UsageError

aggregate_app = group("aggregate", "Noisy aggregates, paid from the privacy budget.")
budget_app = group("budget", "What is left of the privacy budget.")
Plan = Annotated[Path, typer.Argument(help="Plan, a JSON file; see docs/reference/plan.md.")]
ReleaseId = Annotated[str, typer.Argument(help="Id of the release.")]


def read_plan(path: Path) -> dict[str, Any]:
    """The plan document. Raises UsageError when it is no JSON object."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError("the plan must be a readable JSON file", file=path.name) from error
    if not isinstance(document, dict):
        raise UsageError("the plan must be a JSON object", file=path.name)
    return document


@command(aggregate_app, "preview")
def preview(plan: Plan) -> None:
    """Cost and expected error of a plan, before any data is read."""
    from service.usecases.release import preview_aggregate

    acting = SESSION.acting()
    view = preview_aggregate(read_plan(plan), **acting).document()
    emit(view, _preview_text(view))


@command(aggregate_app, "request")
def request(plan: Plan, purpose: Purpose) -> None:
    """Ask for an aggregate; another person must approve it."""
    from service.usecases.release import request_aggregate

    acting = SESSION.acting()
    _show(request_aggregate(read_plan(plan), purpose, **acting))


@command(aggregate_app, "approve")
def approve(release: ReleaseId) -> None:
    """Approve a requested aggregate (never one's own)."""
    from service.usecases.release import approve_aggregate

    _show(approve_aggregate(release, **SESSION.acting()))


@command(aggregate_app, "run")
def run(release: ReleaseId) -> None:
    """Pay for an approved aggregate and get the answer; asked again, the stored answer costs nothing."""
    from service.usecases.release import run_aggregate

    _show(run_aggregate(release, **SESSION.acting()))


@command(budget_app, "show")
def budget_show() -> None:
    """Caps and what is left, per scope, in micro-rho."""
    from service.usecases.budget import budget_statement

    lines = budget_statement(**SESSION.acting())
    rows = [
        (b.scope, b.cap, b.spent, b.left, f"{b.epsilon_left / 1e6:.2f} at 1e-{b.delta_exponent}")
        for b in lines
    ]
    columns = ("scope", "cap", "spent", "left", "epsilon left")
    text = table("Privacy budget, micro-rho (zCDP)", columns, rows)
    emit([asdict(b) for b in lines], text)


def _show(release: Release) -> None:
    answer = json.loads(release.answer) if release.answer else None
    value = pick(release, "id", "state", "purpose", "rho", "requester", "approver", "entry")
    text = f"release {release.id}: {release.state.value}, cost {release.rho:,} micro-rho"
    if answer:
        text += f" (epsilon {answer['epsilon'] / 1e6:g} at delta 1e-{answer['delta_exponent']})\n"
        text += f"purpose {release.purpose}, approved by {release.approver}, log entry {release.entry}\n"
        text += answer_table(answer) + answer["note"]
    emit(value | {"answer": answer}, text)


def _preview_text(view: Mapping[str, Any]) -> str:
    """The cost, what is left, and how exact the answer would be."""
    text = (
        f"{view['n_cells']} cells for {view['rho']:,} micro-rho: epsilon {view['epsilon'] / 1e6:g}"
        f" at delta 1e-{view['delta_exponent']}; {'affordable' if view['affordable'] else 'NOT affordable'}\n"
    )
    accuracy = [(a["measure"], f"+- {a['half_width']:,}", _where(a["at_rows"])) for a in view["accuracy"]]
    text += table("95 % of the time the answer is within", ("measure", "half-width", ""), accuracy)
    scopes = [(s["scope"], s["cap"], s["left"], s["left"] // view["rho"]) for s in view["scopes"]]
    return text + table("Budget, micro-rho", ("scope", "cap", "left", "times this plan"), scopes)


def _where(rows: int) -> str:
    return f"in a cell of {rows:,} rows" if rows else ""


def answer_table(answer: Mapping[str, Any]) -> str:
    """Cells with their 95 % intervals."""
    keys = list(answer["keys"])
    measures = list(answer["measures"])
    rows = []
    for cell in answer["cells"]:
        line: list[object] = [cell[key] for key in keys]
        for name in measures:
            figure = cell[name]
            value = "-" if figure["value"] is None else f"{figure['value']:,}"
            line.append(f"{value} [{figure['low']:,}, {figure['high']:,}]")
        rows.append(line)
    return table("value [95 % interval]", [*keys, *measures], rows)
