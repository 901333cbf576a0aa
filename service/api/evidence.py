"""``/v1/reports``, ``/v1/log``, ``/v1/audit``, ``/v1/users``: evidence and administration."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, PlainTextResponse
from pydantic import BaseModel, Field

from service.api.deps import Caller, Service
from service.api.uploads import FILE_BODY, MAX_EVIDENCE, received
from service.domain.actors import Actor
from service.errors import UsageError
from service.usecases.evidence import find_report, read_log, verify_evidence
from service.usecases.push import add_source, revoke_source
from service.usecases.report import build_report
from service.usecases.users import add_user

router = APIRouter(tags=["evidence"])


class NewUser(BaseModel):
    """A person and their roles."""

    id: str = Field(examples=["user:ann"])
    roles: list[str] = Field(examples=[["analyst"]])
    days: int = Field(default=90, description="Life of the token.")


class NewSource(BaseModel):
    """A source system, and what it may push."""

    name: str = Field(examples=["core-banking"])
    datasets: list[str] = Field(examples=[["statements"]])
    purposes: list[str] = Field(examples=[["regulatory_reporting"]])


@router.post("/reports", status_code=201, summary="Build the customer behaviour analysis report")
def post_report(caller: Caller) -> dict[str, str]:
    """Build it; returns the name of the bundle."""
    return {"bundle": build_report(**caller).name}


@router.get("/reports/{name}", summary="A report bundle, verifiable offline")
def get_report(name: str, caller: Caller) -> FileResponse:
    """Download it."""
    path = find_report(name, **caller)
    return FileResponse(path, media_type="application/zip", filename=path.name)


@router.post("/verifications", openapi_extra=FILE_BODY, summary="Check a bundle or certificate (public)")
async def post_verification(
    request: Request, vkey: Annotated[str, Query(max_length=300)] = ""
) -> dict[str, Any]:
    """The body is the file; 409 names the first broken link. Nothing is stored, no token is needed."""
    async with received(request, "evidence", limit=MAX_EVIDENCE) as file:
        return {"valid": True, **await run_in_threadpool(verify_evidence, file.path, vkey=vkey)}


@router.get("/log/checkpoint", response_class=PlainTextResponse, summary="The signed checkpoint (public)")
def get_checkpoint(service: Service) -> str:
    """Seal what is appended and return the signed note; it carries no personal data."""
    return service.audit.seal().decode()


@router.get("/log/vkey", response_class=PlainTextResponse, summary="The log's verifier key (public)")
def get_vkey(service: Service) -> str:
    """``name+hash+key``."""
    return service.audit.vkey + "\n"


@router.get("/audit/entries", summary="The newest entries; the reading is logged first")
def get_entries(caller: Caller, last: Annotated[int, Query(ge=1, le=1000)] = 50) -> list[dict[str, Any]]:
    """Newest last."""
    return [asdict(entry) | {"index": index} for index, entry in read_log(last, **caller)]


@router.post("/users", status_code=201, summary="Add a person; the token is shown once")
def post_user(body: NewUser, caller: Caller) -> dict[str, str]:
    """Add."""
    try:
        user = Actor(body.id, frozenset(body.roles))
    except ValueError as error:
        raise UsageError(str(error)) from error
    return {"actor": user.id, "token": add_user(user, **caller, days=body.days)}


@router.post("/sources", status_code=201, summary="Register a source system; its secret is shown once")
def post_source(body: NewSource, caller: Caller) -> dict[str, str]:
    """Register it; one that is known gets these rights and a new secret, and the old one ends."""
    datasets, purposes = frozenset(body.datasets), frozenset(body.purposes)
    return {"source": body.name, "secret": add_source(body.name, datasets, purposes, **caller)}


@router.post("/sources/{name}/revocation", status_code=204, summary="Take nothing from a source any more")
def post_source_revocation(name: str, caller: Caller) -> None:
    """Revoke."""
    revoke_source(name, **caller)
