"""``/v1/profiles``, ``/v1/models``, ``/v1/scores``: segments and the credit scorecard."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, SecretStr

from service.api.deps import Caller, Sent
from service.domain.models import Model
from service.usecases.model import approve_model, train_model
from service.usecases.profile import build_profiles, read_profile
from service.usecases.score import build_scores, score_customer

router = APIRouter(tags=["scores"])

Version = Annotated[int, Path(ge=1, le=2**31 - 1)]


class Training(Sent):
    """How much privacy loss the training may cost."""

    epsilon: int = Field(
        description="Micro-epsilon at delta 1e-7.", examples=[1_000_000], gt=0, le=10_000_000
    )


class ModelView(BaseModel):
    """A model version."""

    name: str = Field(examples=["credit"])
    version: int
    state: str = Field(examples=["approved"])
    digest: str
    trained_by: str
    approved_by: str
    rho: int


class ProfileQuery(Sent):
    """Whose segment. Identifiers travel in the body, never in the URL."""

    id_type: str = Field(default="email", examples=["email"])
    value: SecretStr = SecretStr("")
    pseudonym: str = Field(
        default="", description="Pseudonym for this purpose in hex, instead of an identifier."
    )


class ScoreQuery(ProfileQuery):
    """Whose score, for what purpose."""

    purpose: str = Field(examples=["credit_scoring"])


def _whose(query: ProfileQuery) -> dict[str, str]:
    value = query.value.get_secret_value()
    return {"id_type": query.id_type, "value": value, "pseudonym": query.pseudonym}


@router.post("/profiles/query", summary="One customer's segment")
def post_profile_query(body: ProfileQuery, caller: Caller) -> dict[str, Any]:
    """Served only to a permitted role, of a customer who consented."""
    return asdict(read_profile(**_whose(body), **caller))


@router.post("/profiles", status_code=201, summary="Build profiles and segments of consenting customers")
def post_profiles(caller: Caller) -> dict[str, Any]:
    """Build them anew."""
    return asdict(build_profiles(**caller))


@router.post(
    "/models/credit",
    response_model=ModelView,
    status_code=201,
    summary="Train the credit scorecard from noisy counts",
)
def post_model(body: Training, caller: Caller) -> Model:
    """Train; another person must approve before it serves."""
    return train_model(**caller, epsilon_micro=body.epsilon)


@router.post(
    "/models/{name}/{version}/approval", response_model=ModelView, summary="Approve a model (never one's own)"
)
def post_model_approval(name: str, version: Version, caller: Caller) -> Model:
    """Approve."""
    return approve_model(name, version, **caller)


@router.post("/scores", status_code=201, summary="Score every customer with a separate consent")
def post_scores(caller: Caller) -> dict[str, Any]:
    """Score with the approved model."""
    return asdict(build_scores(**caller))


@router.post("/scores/query", summary="One customer's score with four reasons")
def post_score_query(body: ScoreQuery, caller: Caller) -> dict[str, Any]:
    """Served only for a permitted purpose to a permitted role; refused when the customer objected."""
    return asdict(score_customer(body.purpose, **_whose(body), **caller))
