"""``/v1/reports``, ``/v1/log``, ``/v1/audit``, ``/v1/users``: evidence and administration."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, PlainTextResponse
from pydantic import AwareDatetime, BaseModel, Field, SecretStr

from audit.entry import Entry
from audit.evidence import Place
from service.api.deps import Caller, Sent, Service
from service.api.jobs import Job
from service.api.uploads import FILE_BODY, MAX_EVIDENCE, received
from service.domain.actors import Actor
from service.errors import UsageError
from service.ports import EntryFilter
from service.usecases.evidence import find_report, verify_evidence
from service.usecases.push import add_source, revoke_source
from service.usecases.report import approve_report, ask_report, build_report, list_reports, reject_report
from service.usecases.report_queries import Incident
from service.usecases.tracing import search_log, who_accessed
from service.usecases.users import add_user

router = APIRouter(tags=["evidence"])
_UUID = r'^"?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"?$'
Key = Annotated[str, Header(pattern=_UUID, description="A UUID in lower case.")]

#: One that is a time in UTC, too, whatever its offset.
When = Annotated[AwareDatetime, Field(gt=datetime(1, 1, 2, tzinfo=UTC), lt=datetime(9999, 9, 9, tzinfo=UTC))]


class NewUser(Sent):
    """A person and their roles."""

    id: str = Field(examples=["user:ann"])
    roles: list[str] = Field(examples=[["analyst"]])
    days: int = Field(default=90, description="Life of the token.")


class Wanted(BaseModel):
    """Which entries of the log are wanted."""  # the fields of EntryFilter

    last: int = Field(default=50, ge=1, le=1000)
    actor: frozenset[str] = frozenset()
    type: frozenset[str] = Field(default=frozenset(), examples=[["aggregate:release"]])
    purpose: frozenset[str] = frozenset()
    resource: str = Field(default="", description="This, and below: dataset/notes, aggregate.")
    since: When | None = None
    until: When | None = None


class Asked(Sent):
    """A customer."""

    id_type: str = Field(examples=["mobile"])
    value: SecretStr = Field(examples=["13812345678"])


class NewReport(Sent):
    """What report is wanted."""

    type: str = Field(examples=["behaviour"])
    since: date | None = Field(default=None, description="First day; as far back as the data goes.")
    until: date | None = Field(default=None, description="Last day; today.")
    template: date | None = Field(default=None, description="Effective date of the template to use.")
    datasets: list[str] = Field(default=[], description="Tables that a breach concerns.")
    known_at: When | None = Field(default=None, description="When the breach became known.")


class NewSource(Sent):
    """A source system, and what it may push."""

    name: str = Field(examples=["core-banking"])
    datasets: list[str] = Field(examples=[["statements"]])
    purposes: list[str] = Field(examples=[["regulatory_reporting"]])


@router.post("/reports", status_code=202, summary="Start to build the draft of a report; see `Location`")
def post_report(
    body: NewReport, caller: Caller, request: Request, response: Response, idempotency_key: Key = ""
) -> dict[str, str]:
    """Start it, as a job of the caller; the same key again starts nothing and says the same."""
    ask_report(body.type, **caller, until=body.until, since=body.since, template=body.template)
    wanted = body.model_dump(exclude={"type", "datasets", "known_at"})
    wanted["incident"] = Incident(tuple(body.datasets), body.known_at)

    def work(job: Job) -> str:
        return build_report(body.type, **caller, **wanted, progress=job.tell).name

    key = idempotency_key.strip('"') or str(uuid4())
    request.app.state.jobs.start(caller["actor"].id, key, body, work)
    response.headers["Location"] = f"/v1/reports/jobs/{key}"
    return {"job": key}


@router.get("/reports/jobs/{key}", summary="How far one's report is; then the draft, or why there is none")
def get_report_job(key: str, caller: Caller, request: Request) -> dict[str, str | int]:
    """Step and percentage, and ``draft`` when it is there; a failure is answered as a problem."""
    job: Job = request.app.state.jobs.find(caller["actor"].id, key)
    made = {"draft": job.result()} if job.made.done() else {}
    return {"step": job.step, "percent": job.percent, **made}


@router.get("/reports", summary="Drafts, issued and rejected reports, the newest first")
def get_reports(
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[dict[str, Any]]:
    """Name, type, state, date and size in bytes; the reading is logged."""
    return list_reports(**caller)[offset : offset + limit]


@router.post("/reports/{name}/approval", status_code=201, summary="Approve another's draft, which issues it")
def post_report_approval(name: str, caller: Caller) -> dict[str, str]:
    """Approve it; returns the name of the bundle."""
    return {"bundle": approve_report(name, **caller).name}


@router.post("/reports/{name}/rejection", summary="Reject another's draft")
def post_report_rejection(name: str, caller: Caller) -> dict[str, str]:
    """Reject it; returns the name that it is kept under."""
    return {"rejected": reject_report(name, **caller).name}


@router.get("/reports/{name}", summary="A draft, or a bundle that is verifiable offline")
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
    """Seal what is appended and return the governance log's note; it carries no personal data."""
    return service.audit.seal().decode()


@router.get("/log/vkeys", response_class=PlainTextResponse, summary="The logs' verifier keys (public)")
def get_vkeys(service: Service) -> str:
    """The lines of a trust policy (C2SP tlog-policy), the governance log's first."""
    return "".join(f"log {vkey}\n" for vkey in service.audit.vkeys())


@router.get("/audit/entries", summary="The newest entries; the reading is logged first")
def get_entries(caller: Caller, wanted: Annotated[Wanted, Query()]) -> list[dict[str, Any]]:
    """Newest last; of an actor, a type, a purpose, a resource or a time."""
    return _listed(search_log(EntryFilter(**dict(wanted)), **caller))


@router.post("/audit/who-accessed", summary="Every entry about one customer; the asking is logged first")
def post_who_accessed(body: Asked, caller: Caller) -> dict[str, Any]:
    """Read from the whole logs, with their sizes and roots."""
    found = who_accessed(body.id_type, body.value.get_secret_value(), **caller)
    return {"entries": _listed(found.entries), "logs": [asdict(head) for head in found.heads]}


def _listed(entries: tuple[tuple[Place, Entry], ...]) -> list[dict[str, Any]]:
    return [asdict(entry) | {"place": str(place)} for place, entry in entries]


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
