"""``rights``: what a customer asks for, from the first contact to the certificate."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from service.cli.context import SESSION, ask, command, group
from service.cli.output import emit, pick, table
from service.domain.requests import Right, RightsRequest

rights_app = group("rights", "Rights requests of data subjects.")
Contact = Annotated[Literal["email", "mobile"], typer.Option(help="What is on standard input.")]
RequestId = Annotated[str, typer.Argument(help="Id of the request.")]


@command(rights_app, "open")
def rights_open(
    right: Annotated[Right, typer.Argument(help="What is asked.")],
    id_type: Contact = "email",
) -> None:
    """Open a request; the contact is read from standard input and a one-time code is sent to it."""
    from service.usecases.rights import open_request

    acting = SESSION.acting()
    contact = ask(id_type, hidden=False)
    opened = open_request(right, id_type, contact, **acting)
    text = (
        f"request {opened.id}\nanswer due by {opened.due_at}\ncode valid until {opened.code_expires_at}\n"
        f"receipt key (for the customer, shown once): {opened.receipt_key}"
    )
    emit(asdict(opened), text)


@command(rights_app, "verify")
def rights_verify(
    request: RequestId,
    code: Annotated[str, typer.Option(help="The one-time code; asked for when not given.")] = "",
    *,
    say_why: Annotated[bool, typer.Option("--statement", help="Ask for the customer's reasons too.")] = False,
) -> None:
    """Check the one-time code; the customer's own words are sealed away for them and who decides."""
    from service.usecases.rights import verify_request

    code = code or ask("code", hidden=False)
    statement = ask("statement", hidden=False, last=True) if say_why else ""
    _show(verify_request(request, code, deps=SESSION.deps(), statement=statement))


@command(rights_app, "decide")
def rights_decide(request: RequestId) -> None:
    """Decide a verified request by the rules in force, per class of data."""
    from service.usecases.rights import decide_request

    _show(decide_request(request, **SESSION.acting()))


@command(rights_app, "run")
def rights_run(request: RequestId) -> None:
    """Carry out a decided request; an interrupted one goes on where it stopped."""
    from service.usecases.rights import run_request

    ran = run_request(request, **SESSION.acting())
    if ran.package is not None:
        emit(ran.package, as_json=True)
    else:
        _show(ran.request)


@command(rights_app, "certificate")
def rights_certificate(request: RequestId) -> None:
    """Where the certificate of a finished request is."""
    from service.usecases.rights import find_certificate

    path = find_certificate(request, **SESSION.acting())
    emit({"certificate": str(path)}, f"{path}\ncheck it: fiduciary audit verify {path}")


def _show(request: RightsRequest) -> None:
    decision = json.loads(request.decision or "[]")
    value = pick(request, "id", "right", "state", "due_at", "decision", "certificate")
    value |= {"due_at": request.due_at.isoformat(), "decision": decision}
    text = f"{request.right} request {request.id}: {request.state}, due by {request.due_at:%Y-%m-%d}"
    if decision:
        rows = [(o["data_class"], o["outcome"], o["until"] or "-", o["law"]) for o in decision]
        text += "\n" + table("Decision", ("class", "outcome", "kept until", "law"), rows)
    if request.certificate:
        text += f"\ncertificate: {request.certificate}"
    emit(value, text)
