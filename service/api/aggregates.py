"""``/v1/aggregates`` and ``/v1/budget``: the one way out for numbers."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, BeforeValidator, Field

from service.api.deps import Caller, Sent
from service.domain.releases import Release
from service.usecases.budget import Account, budget_statement
from service.usecases.question import EXAMPLE
from service.usecases.release import approve_aggregate, preview_aggregate, request_aggregate, run_aggregate

router = APIRouter(tags=["aggregates"])
Plan = Annotated[dict[str, Any], Body(examples=[EXAMPLE])]


class AggregateRequest(Sent):
    """A plan and the purpose it serves."""

    plan: dict[str, Any] = Field(examples=[EXAMPLE])
    purpose: str = Field(examples=["regulatory_reporting"])


class Aggregate(BaseModel):
    """A release and, once it ran, the answer with a 95 % interval per cell."""

    id: str
    state: str = Field(examples=["released"])
    purpose: str = Field(examples=["regulatory_reporting"])
    requester: str = Field(examples=["user:ann"])
    approver: str = Field(examples=["user:paul"])
    rho: int = Field(description="Cost in micro-rho (zCDP).", examples=[20200])
    entry: str = Field(description="Id of the audit entry; empty until released.")
    answer: Annotated[dict[str, Any] | None, BeforeValidator(lambda text: json.loads(text) if text else None)]


@router.post("/aggregates/preview", summary="Cost and expected error, before any data is read")
def preview(plan: Plan, caller: Caller) -> dict[str, Any]:
    """Cost and 95 % half-width per measure."""
    return preview_aggregate(plan, **caller).document()


@router.post("/aggregates", response_model=Aggregate, status_code=201, summary="Ask for an aggregate")
def post_aggregate(body: AggregateRequest, caller: Caller) -> Release:
    """Ask; another person must approve. A plan answered before over the same data is returned at no cost."""
    return request_aggregate(body.plan, body.purpose, **caller)


@router.post(
    "/aggregates/{release_id}/approval",
    response_model=Aggregate,
    summary="Approve an aggregate (never one's own)",
)
def post_approval(release_id: str, caller: Caller) -> Release:
    """Approve."""
    return approve_aggregate(release_id, **caller)


@router.post("/aggregates/{release_id}/run", response_model=Aggregate, summary="Pay for and get the answer")
def post_run(release_id: str, caller: Caller) -> Release:
    """Charge the budget, then answer; asked again, the stored answer costs nothing."""
    return run_aggregate(release_id, **caller)


@router.get("/budget", summary="What is left of the privacy budget")
def get_budget(caller: Caller) -> list[Account]:
    """Caps and spending per scope."""
    return list(budget_statement(**caller))
