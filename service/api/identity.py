"""``/v1/identity``: one view per customer. Enrolments are named by subject numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from service.api.deps import Caller, Sent
from service.domain.links import LinkState
from service.usecases.identity import list_links, match_people, merge_people, part_link

router = APIRouter(prefix="/identity", tags=["identity"])


class Assessed(Sent):
    """The impact assessment that covers a merge."""

    dpia: str = Field(examples=["DPIA-2026-014"])


class Run(Assessed):
    """A matching run."""

    dry_run: bool = Field(default=False, description="Only say what would be done.")


class Two(Assessed):
    """Two enrolments."""

    a: int = Field(examples=[1])
    b: int = Field(examples=[2])


@router.post("/matches", summary="Find enrolments of one person: merge the clear ones, propose the rest")
def post_match(body: Run, caller: Caller) -> dict[str, Any]:
    """Match; with ``dry_run`` only say what would be done."""
    return asdict(match_people(body.dpia, **caller, dry_run=body.dry_run))


@router.get("/links", summary="Pairs with what was decided about them")
def get_links(caller: Caller, state: LinkState | None = None) -> list[dict[str, Any]]:
    """The likeliest first."""
    return [asdict(link) for link in list_links(**caller, state=state)]


@router.post("/links", status_code=201, summary="Read two enrolments as one person")
def post_link(body: Two, caller: Caller) -> dict[str, Any]:
    """Needs two independent kinds of evidence."""
    return asdict(merge_people(body.a, body.b, body.dpia, **caller))


@router.post("/links/{link_id}/undo", summary="Part a pair again, or reject a proposal")
def post_undo(link_id: str, caller: Caller) -> dict[str, Any]:
    """Part; no machine will merge the pair any more."""
    return asdict(part_link(link_id, **caller))
