"""``aggregate`` and ``budget``: the one way out for numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    emit(view, as_json=as_json, text=json.dumps(view, indent=2, ensure_ascii=False))


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
    rows = [(b.scope, b.cap, b.spent, b.left) for b in lines]
    value = [{"scope": b.scope, "cap": b.cap, "spent": b.spent, "left": b.left} for b in lines]
    text = table("Privacy budget, micro-rho (zCDP)", ("scope", "cap", "spent", "left"), rows)
    emit(value, as_json=as_json, text=text)


def _show(release: Release, *, as_json: bool) -> None:
    answer = json.loads(release.answer) if release.answer else None
    value = {
        "id": release.id, "state": release.state.value, "purpose": release.purpose, "rho": release.rho,
        "requester": release.requester, "approver": release.approver, "entry": release.entry,
        "answer": answer,
    }  # fmt: skip
    text = f"release {release.id}: {release.state.value}, cost {release.rho:,} micro-rho"
    if answer:
        text += "\n" + answer_table(answer)
    emit(value, as_json=as_json, text=text)


def answer_table(answer: Mapping[str, Any]) -> str:
    """Cells with their 95 % intervals."""
    keys = list(answer["keys"])
    measures = list(answer["measures"])
    rows = []
    for cell in answer["cells"]:
        line: list[object] = [cell[key] for key in keys]
        for name in measures:
            figure = cell[name]
            line.append(f"{figure['value']:,.0f} [{figure['low']:,.0f}, {figure['high']:,.0f}]")
        rows.append(line)
    return table("value [95 % interval]", [*keys, *measures], rows)
