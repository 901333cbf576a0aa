"""``aggregate`` and ``budget``: the one way out for numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.context import SESSION, Json
from service.cli.output import emit, table
from service.errors import UsageError

if TYPE_CHECKING:
    from service.domain.releases import Release

aggregate_app = typer.Typer(help="Noisy aggregates, paid from the privacy budget.", no_args_is_help=True)
budget_app = typer.Typer(help="What is left of the privacy budget.", no_args_is_help=True)
Plan = Annotated[Path, typer.Argument(help="Plan, a JSON file; see docs/reference/plan.md.")]
ReleaseId = Annotated[str, typer.Argument(help="Id of the release.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(aggregate_app, name="aggregate")
    app.add_typer(budget_app, name="budget")


def read_plan(path: Path) -> dict[str, Any]:
    """The plan document. Raises UsageError when it is no JSON object."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError("the plan must be a readable JSON file", file=path.name) from error
    if not isinstance(document, dict):
        raise UsageError("the plan must be a JSON object", file=path.name)
    return document


@aggregate_app.command("preview")
def preview(plan: Plan, as_json: Json = False) -> None:
    """Cost and expected error of a plan, before any data is read."""
    from service.usecases.release import preview_aggregate

    actor, deps = SESSION.acting()
    view = preview_aggregate(read_plan(plan), actor=actor, deps=deps).document()
    emit(view, as_json=as_json, text=_preview_text(view))


@aggregate_app.command("request")
def request(
    plan: Plan, purpose: Annotated[str, typer.Option(help="Purpose code.")], as_json: Json = False
) -> None:
    """Ask for an aggregate; another person must approve it."""
    from service.usecases.release import request_aggregate

    actor, deps = SESSION.acting()
    _show(request_aggregate(read_plan(plan), purpose, actor=actor, deps=deps), as_json=as_json)


@aggregate_app.command("approve")
def approve(release: ReleaseId, as_json: Json = False) -> None:
    """Approve a requested aggregate (never one's own)."""
    from service.usecases.release import approve_aggregate

    actor, deps = SESSION.acting()
    _show(approve_aggregate(release, actor=actor, deps=deps), as_json=as_json)


@aggregate_app.command("run")
def run(release: ReleaseId, as_json: Json = False) -> None:
    """Pay for an approved aggregate and get the answer; asked again, the stored answer costs nothing."""
    from service.usecases.release import run_aggregate

    actor, deps = SESSION.acting()
    _show(run_aggregate(release, actor=actor, deps=deps), as_json=as_json)


@budget_app.command("show")
def budget_show(as_json: Json = False) -> None:
    """Caps and what is left, per scope, in micro-rho."""
    from service.usecases.budget import budget_statement

    actor, deps = SESSION.acting()
    lines = budget_statement(actor=actor, deps=deps)
    rows = [
        (b.scope, b.cap, b.spent, b.left, f"{b.epsilon_left / 1e6:.2f} at 1e-{b.delta_exponent}")
        for b in lines
    ]
    columns = ("scope", "cap", "spent", "left", "epsilon left")
    text = table("Privacy budget, micro-rho (zCDP)", columns, rows)
    emit([asdict(b) for b in lines], as_json=as_json, text=text)


def _show(release: Release, *, as_json: bool) -> None:
    answer = json.loads(release.answer) if release.answer else None
    value = {
        "id": release.id, "state": release.state.value, "purpose": release.purpose, "rho": release.rho,
        "requester": release.requester, "approver": release.approver, "entry": release.entry,
        "answer": answer,
    }  # fmt: skip
    text = f"release {release.id}: {release.state.value}, cost {release.rho:,} micro-rho"
    if answer:
        text += f" (epsilon {answer['epsilon'] / 1e6:g} at delta 1e-{answer['delta_exponent']})\n"
        text += f"purpose {release.purpose}, approved by {release.approver}, log entry {release.entry}\n"
        text += answer_table(answer) + answer["note"]
    emit(value, as_json=as_json, text=text)


def _preview_text(view: Mapping[str, Any]) -> str:
    """The cost, what is left, and how exact the answer would be."""
    text = (
        f"{view['n_cells']} cells for {view['rho']:,} micro-rho: epsilon {view['epsilon'] / 1e6:g}"
        f" at delta 1e-{view['delta_exponent']}; {'affordable' if view['affordable'] else 'NOT affordable'}\n"
    )
    accuracy = [
        (
            a["measure"],
            f"+- {a['half_width']:,}",
            f"in a cell of {a['at_rows']:,} rows" if a["at_rows"] else "",
        )
        for a in view["accuracy"]
    ]
    text += table("95 % of the time the answer is within", ("measure", "half-width", ""), accuracy)
    scopes = [(s["scope"], s["cap"], s["left"], s["left"] // view["rho"]) for s in view["scopes"]]
    return text + table("Budget, micro-rho", ("scope", "cap", "left", "times this plan"), scopes)


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
