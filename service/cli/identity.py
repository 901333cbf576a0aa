"""``identity``: one view per customer. Enrolments are named by subject numbers, never by identifiers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from service.cli.context import SESSION, command, group
from service.cli.output import emit, progress_bar, table
from service.domain.links import Link, LinkState

identity_app = group("identity", "Enrolments that are one person.")
Assessment = Annotated[str, typer.Option("--dpia", help="Reference of the impact assessment.")]
LinkId = Annotated[str, typer.Argument(help="Id of the pair, as `identity list` shows it.")]
Subject = Annotated[int, typer.Argument(help="Subject number.")]


@command(identity_app, "match")
def identity_match(
    dpia: Assessment,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> None:
    """Find enrolments of one person: merge the clear ones, propose the rest."""
    from service.usecases.identity import match_people

    with progress_bar("match") as progress:
        found = match_people(dpia, **SESSION.acting(), dry_run=dry_run, progress=progress)
    done = f"{found.merged:,} pairs {'would be merged' if dry_run else 'merged'}"
    emit(asdict(found), f"{found.enrolments:,} enrolments: {done}, {found.proposed:,} to be reviewed")


@command(identity_app, "list")
def identity_list(
    state: Annotated[LinkState | None, typer.Option(help="Only pairs in this state.")] = None,
) -> None:
    """Pairs with what was decided about them, the likeliest first."""
    from service.usecases.identity import list_links

    links = list_links(**SESSION.acting(), state=state)
    heads = ("pair", "a", "b", "state", "score", "evidence", "decided by", "dpia")
    rows = [_cells(link) for link in links]
    emit({"links": [asdict(link) for link in links]}, table("Pairs", heads, rows))


@command(identity_app, "merge")
def identity_merge(a: Subject, b: Subject, dpia: Assessment) -> None:
    """Read two enrolments as one person, proposed or not; needs two independent kinds of evidence."""
    from service.usecases.identity import merge_people

    _show(merge_people(a, b, dpia, **SESSION.acting()))


@command(identity_app, "undo")
def identity_undo(pair: LinkId) -> None:
    """Part a pair again, or reject a proposal; no machine will merge it any more."""
    from service.usecases.identity import part_link

    _show(part_link(pair, **SESSION.acting()))


def _cells(link: Link) -> tuple[object, ...]:
    said = (", ".join(link.evidence), link.decided_by or "-", link.dpia or "-")
    return (link.id, str(link.a), str(link.b), link.state, link.score, *said)


def _show(link: Link) -> None:
    emit(asdict(link), f"{link.a} and {link.b}: {link.state} ({', '.join(link.evidence)})")
