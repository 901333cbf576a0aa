"""What a route is given: the service and the actor that the bearer token names."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, TypeAdapter, model_validator

from service.domain.signatures import SignedRequest
from service.domain.traces import parse_traceparent
from service.errors import UnauthenticatedError
from service.ports import Deps
from service.usecases.push import Push, open_push
from service.usecases.users import authenticate
from service.wiring import Acting

_bearer = HTTPBearer(auto_error=False, description="API token `fdc_...`, issued by `fiduciary user add`.")
Token = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
_ANY: Final = TypeAdapter[Any](Any)


class Sent(BaseModel):
    """What the body of a request may say. JSON can write half a character, which no store can: refused."""

    is_unicode = model_validator(mode="before")(lambda given: _ANY.dump_json(given) and given)  # ValueError


def service_of(request: Request) -> Deps:
    """The composed service, and the trace that the request belongs to."""
    deps: Deps = request.app.state.deps
    return replace(deps, trace=parse_traceparent(*request.headers.getlist("traceparent")))


Service = Annotated[Deps, Depends(service_of)]


def acting(service: Service, token: Token) -> Acting:
    """The service and the actor behind the token. Raises UnauthenticatedError."""
    if token is None:
        raise UnauthenticatedError("a valid API token is needed")
    return {"actor": authenticate(token.credentials, deps=service), "deps": service}


Caller = Annotated[Acting, Depends(acting)]


def sending(request: Request, service: Service, token: Token) -> Acting | Push:
    """A person by token, or a source system by a signature over the request. Raises UnauthenticatedError."""
    if "signature-input" not in request.headers:
        return acting(service, token)
    signed = SignedRequest(
        method=request.method,
        path=request.scope["raw_path"].decode("latin-1"),
        query="?" + request.scope["query_string"].decode("latin-1"),
        headers={name: ", ".join(request.headers.getlist(name)) for name in request.headers},
    )
    address = request.client.host if request.client else ""
    return open_push(signed, deps=service, address=address)


Sending = Annotated[Acting | Push, Depends(sending)]
