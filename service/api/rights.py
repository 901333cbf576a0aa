"""``/v1/rights``: requests of data subjects, from the first contact to the certificate."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel, BeforeValidator, Field, SecretStr

from service.api.deps import Caller, Sent, Service
from service.domain.requests import Right, RightsRequest
from service.usecases import rights
from service.usecases.rights import Opened

router = APIRouter(prefix="/rights", tags=["rights"])


class NewRequest(Sent):
    """What is asked, and a contact that the service holds."""

    right: Right = Field(examples=["erasure"])
    id_type: str = Field(default="email", examples=["email"])
    contact: SecretStr


class Code(Sent):
    """The one-time code, and why the person asks, in their own words."""

    code: SecretStr
    statement: SecretStr = SecretStr("")


class RequestView(BaseModel):
    """Where a request stands."""

    id: str
    right: str
    state: str = Field(examples=["done"])
    due_at: Annotated[str, BeforeValidator(datetime.isoformat)]
    decision: Annotated[list[dict[str, Any]], BeforeValidator(lambda text: json.loads(text or "[]"))]
    certificate: str
    package: dict[str, Any] | None = None


@router.post("", status_code=201, summary="Open a request; a one-time code goes to the contact")
def post_request(body: NewRequest, caller: Caller) -> Opened:
    """Open a request."""
    contact = body.contact.get_secret_value()
    return rights.open_request(body.right, body.id_type, contact, **caller)


@router.post(
    "/{request_id}/verification",
    response_model=RequestView,
    summary="Check the one-time code (needs no token)",
)
def post_verification(request_id: str, body: Code, service: Service) -> RightsRequest:
    """The holder of the code is the person; no staff token is needed."""
    statement = body.statement.get_secret_value()
    return rights.verify_request(request_id, body.code.get_secret_value(), deps=service, statement=statement)


@router.post(
    "/{request_id}/decision",
    response_model=RequestView,
    summary="Decide by the rules in force, per class of data",
)
def post_decision(request_id: str, caller: Caller) -> RightsRequest:
    """Decide."""
    return rights.decide_request(request_id, **caller)


@router.post("/{request_id}/run", response_model=RequestView, summary="Carry out a decided request")
def post_run(request_id: str, caller: Caller) -> dict[str, Any]:
    """Run, or go on with an interrupted run; an access request answers with the copy."""
    ran = rights.run_request(request_id, **caller)
    return asdict(ran.request) | {"package": ran.package}


@router.get("/{request_id}/certificate", summary="The certificate, verifiable offline")
def get_certificate(request_id: str, caller: Caller) -> FileResponse:
    """Download it."""
    path = rights.find_certificate(request_id, **caller)
    return FileResponse(path, media_type="application/json", filename=path.name)
