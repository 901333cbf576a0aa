"""``rights``: what a customer asks for, from the first contact to the certificate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.context import SESSION, Contact, Json, ask
from service.cli.output import emit, table
from service.domain.requests import Right

if TYPE_CHECKING:
    from service.domain.requests import RightsRequest

rights_app = typer.Typer(help="Rights requests of data subjects.", no_args_is_help=True)
RequestId = Annotated[str, typer.Argument(help="Id of the request.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(rights_app, name="rights")


@rights_app.command("open")
def rights_open(
    right: Annotated[Right, typer.Argument(help="What is asked.")],
    id_type: Annotated[Contact, typer.Option(help="What is on standard input.")] = Contact.EMAIL,
    as_json: Json = False,
) -> None:
    """Open a request; the contact is read from standard input and a one-time code is sent to it."""
    from service.usecases.rights import open_request

    actor, deps = SESSION.acting()
    contact = ask(id_type.value, hidden=False)
    opened = open_request(right, id_type.value, contact, actor=actor, deps=deps)
    text = (
        f"request {opened.id}\nanswer due by {opened.due_at}\ncode valid until {opened.code_expires_at}\n"
        f"receipt key (for the customer, shown once): {opened.receipt_key}"
    )
    value = {
        "id": opened.id, "due_at": opened.due_at, "code_expires_at": opened.code_expires_at,
        "receipt_key": opened.receipt_key,
    }  # fmt: skip
    emit(value, as_json=as_json, text=text)


@rights_app.command("verify")
def rights_verify(
    request: RequestId,
    code: Annotated[str, typer.Option(help="The one-time code; asked for when not given.")] = "",
    as_json: Json = False,
) -> None:
    """Check the one-time code."""
    from service.usecases.rights import verify_request

    _show(verify_request(request, code or ask("code", hidden=False), deps=SESSION.deps()), as_json=as_json)


@rights_app.command("decide")
def rights_decide(request: RequestId, as_json: Json = False) -> None:
    """Decide a verified request by the rules in force, per class of data."""
    from service.usecases.rights import decide_request

    actor, deps = SESSION.acting()
    _show(decide_request(request, actor=actor, deps=deps), as_json=as_json)


@rights_app.command("run")
def rights_run(request: RequestId, as_json: Json = False) -> None:
    """Carry out a decided request; an interrupted one goes on where it stopped."""
    from service.usecases.rights import run_request

    actor, deps = SESSION.acting()
    ran = run_request(request, actor=actor, deps=deps)
    if ran.package is not None:
        emit(ran.package, as_json=True)
        return
    _show(ran.request, as_json=as_json)


@rights_app.command("certificate")
def rights_certificate(request: RequestId, as_json: Json = False) -> None:
    """Where the certificate of a finished request is."""
    from service.usecases.rights import find_certificate

    actor, deps = SESSION.acting()
    path = find_certificate(request, actor=actor, deps=deps)
    emit({"certificate": str(path)}, as_json=as_json, text=f"{path}\ncheck it: fiduciary audit verify {path}")


def _show(request: RightsRequest, *, as_json: bool) -> None:
    decision = json.loads(request.decision or "[]")
    value = {
        "id": request.id, "right": request.right.value, "state": request.state.value,
        "due_at": request.due_at.isoformat(), "decision": decision, "certificate": request.certificate,
    }  # fmt: skip
    due = f"due by {request.due_at:%Y-%m-%d}"
    text = f"{request.right.value} request {request.id}: {request.state.value}, {due}"
    if decision:
        rows = [(o["data_class"], o["outcome"], o["until"] or "-", o["law"]) for o in decision]
        text += "\n" + table("Decision", ("class", "outcome", "kept until", "law"), rows)
    if request.certificate:
        text += f"\ncertificate: {request.certificate}"
    emit(value, as_json=as_json, text=text)
