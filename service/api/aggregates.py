"""``/v1/aggregates`` and ``/v1/budget``: the one way out for numbers."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body
from pydantic import BaseModel, BeforeValidator, Field

from service.api.deps import Acting, Service
from service.domain.releases import Release
from service.usecases.budget import Account, budget_statement
from service.usecases.release import approve_aggregate, preview_aggregate, request_aggregate, run_aggregate

router = APIRouter(tags=["aggregates"])
_EXAMPLE: Final = {
    "dataset": "statements",
    "keys": ["month", "customers.education"],
    "measures": ["count", "sum:bill_cents", "mean:bill_cents"],
    "periods": ["2005-04", "2005-05", "2005-06", "2005-07", "2005-08", "2005-09"],
    "epsilon": 1_000_000,
}
Plan = Annotated[dict[str, Any], Body(examples=[_EXAMPLE])]


class AggregateRequest(BaseModel):
    """A plan and the purpose it serves."""

    plan: dict[str, Any] = Field(examples=[_EXAMPLE])
    purpose: str = Field(examples=["regulatory_reporting"])


class Aggregate(BaseModel):
    """A release and, once it ran, the answer with a 95 % interval per cell."""

    id: str
    state: str = Field(examples=["released"])
    purpose: str = Field(examples=["regulatory_reporting"])
    requester: str = Field(examples=["user:ann"])
    approver: str = Field(examples=["user:paul"])
    rho: int = Field(description="Cost in micro-rho (zCDP).", examples=[20200])
    entry: int = Field(description="Index of the audit entry; -1 until released.")
    answer: Annotated[dict[str, Any] | None, BeforeValidator(lambda text: json.loads(text) if text else None)]


class Scope(BaseModel):
    """One scope of the budget, in micro-rho."""

    scope: str = Field(examples=["dataset:statements"])
    cap: int
    spent: int
    left: int
    epsilon_left: int = Field(description="Largest single release that still fits, in micro-epsilon.")
    delta_exponent: int


@router.post("/aggregates/preview", summary="Cost and expected error, before any data is read")
def preview(plan: Plan, service: Service, actor: Acting) -> dict[str, Any]:
    """Cost and 95 % half-width per measure."""
    return preview_aggregate(plan, actor=actor, deps=service).document()


@router.post("/aggregates", response_model=Aggregate, status_code=201, summary="Ask for an aggregate")
def post_aggregate(body: AggregateRequest, service: Service, actor: Acting) -> Release:
    """Ask; another person must approve. A plan answered before over the same data is returned at no cost."""
    return request_aggregate(body.plan, body.purpose, actor=actor, deps=service)


@router.post(
    "/aggregates/{release_id}/approval",
    response_model=Aggregate,
    summary="Approve an aggregate (never one's own)",
)
def post_approval(release_id: str, service: Service, actor: Acting) -> Release:
    """Approve."""
    return approve_aggregate(release_id, actor=actor, deps=service)


@router.post("/aggregates/{release_id}/run", response_model=Aggregate, summary="Pay for and get the answer")
def post_run(release_id: str, service: Service, actor: Acting) -> Release:
    """Charge the budget, then answer; asked again, the stored answer costs nothing."""
    return run_aggregate(release_id, actor=actor, deps=service)


@router.get("/budget", response_model=list[Scope], summary="What is left of the privacy budget")
def get_budget(service: Service, actor: Acting) -> tuple[Account, ...]:
    """Caps and spending per scope."""
    return budget_statement(actor=actor, deps=service)
