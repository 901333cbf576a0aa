"""``identity``: one view per customer. Enrolments are named by subject numbers, never by identifiers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.context import SESSION, Json
from service.cli.output import emit, progress_bar, table
from service.domain.links import LinkState

if TYPE_CHECKING:
    from service.domain.links import Link

identity_app = typer.Typer(help="Enrolments that are one person.", no_args_is_help=True)
Assessment = Annotated[str, typer.Option("--dpia", help="Reference of the impact assessment.")]
LinkId = Annotated[str, typer.Argument(help="Id of the pair, as `identity list` shows it.")]
Subject = Annotated[int, typer.Argument(help="Subject number.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(identity_app, name="identity")


@identity_app.command("match")
def identity_match(
    dpia: Assessment,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Find enrolments of one person: merge the clear ones, propose the rest."""
    from service.usecases.identity import match_people

    actor, deps = SESSION.acting()
    with progress_bar("match", quiet=as_json) as progress:
        found = match_people(dpia, actor=actor, deps=deps, dry_run=dry_run, progress=progress)
    done = "would be merged" if dry_run else "merged"
    text = (
        f"{found.enrolments:,} enrolments: {found.merged:,} pairs {done}, {found.proposed:,} to be reviewed"
    )
    emit(asdict(found), as_json=as_json, text=text)


@identity_app.command("list")
def identity_list(
    state: Annotated[LinkState | None, typer.Option(help="Only pairs in this state.")] = None,
    as_json: Json = False,
) -> None:
    """Pairs with what was decided about them, the likeliest first."""
    from service.usecases.identity import list_links

    actor, deps = SESSION.acting()
    links = list_links(actor=actor, deps=deps, state=state)
    heads = ("pair", "a", "b", "state", "score", "evidence", "decided by", "dpia")
    rows = [
        (
            x.id,
            str(x.a),
            str(x.b),
            x.state.value,
            x.score,
            ", ".join(x.evidence),
            x.decided_by or "-",
            x.dpia or "-",
        )
        for x in links
    ]
    emit({"links": [asdict(x) for x in links]}, as_json=as_json, text=table("Pairs", heads, rows))


@identity_app.command("merge")
def identity_merge(a: Subject, b: Subject, dpia: Assessment, as_json: Json = False) -> None:
    """Read two enrolments as one person, proposed or not; needs two independent kinds of evidence."""
    from service.usecases.identity import merge_people

    actor, deps = SESSION.acting()
    _show(merge_people(a, b, dpia, actor=actor, deps=deps), as_json=as_json)


@identity_app.command("undo")
def identity_undo(pair: LinkId, as_json: Json = False) -> None:
    """Part a pair again, or reject a proposal; no machine will merge it any more."""
    from service.usecases.identity import part_link

    actor, deps = SESSION.acting()
    _show(part_link(pair, actor=actor, deps=deps), as_json=as_json)


def _show(link: Link, *, as_json: bool) -> None:
    emit(
        asdict(link),
        as_json=as_json,
        text=f"{link.a} and {link.b}: {link.state.value} ({', '.join(link.evidence)})",
    )
