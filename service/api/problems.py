"""Every error as RFC 9457 ``application/problem+json``. Nothing of the request is echoed, ever."""

from __future__ import annotations

import secrets
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict
from starlette.exceptions import HTTPException

from service.errors import FiduciaryError

_MEDIA: Final = "application/problem+json"
_TYPE: Final = "https://fiduciary.example/problems/"

TOO_LARGE: Final = (
    "too_large",
    "The request cannot be served.",
    "the body is larger than may be: 1 MiB, a file 1 GiB",
)
_HTTP: Final = {
    400: ("usage", "The request cannot be served.", "the body cannot be read"),
    404: ("unknown", "The request cannot be served.", "there is no such route"),
    405: ("method", "The request cannot be served.", "the route has no such method; see Allow"),
    413: TOO_LARGE,
}


_EXAMPLE: Final[JsonDict] = {
    "type": _TYPE + "budget",
    "title": "The privacy budget of a scope does not cover the request. Nothing was charged.",
    "status": 409,
    "code": "budget",
    "detail": "privacy budget exceeded",
    "fields": {"scope": "actor:user:ann", "requested": 20200, "left": 19200},
    "trace_id": "5f0c2b7c0d6f4e0a",
}


class Problem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})
    type: str
    title: str
    status: int
    code: str
    detail: str
    fields: dict[str, str | int]
    trace_id: str


def problem(status: int, code: str, title: str, detail: str, fields: dict[str, str | int]) -> JSONResponse:
    """One problem response."""
    body = Problem(
        type=_TYPE + code, title=title, status=status, code=code, detail=detail, fields=fields,
        trace_id=secrets.token_hex(8),
    )  # fmt: skip
    headers = {"Cache-Control": "no-store"}
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in fields:  # seconds (RFC 9110)
        headers["Retry-After"] = str(fields["retry_after"])
    return JSONResponse(body.model_dump(), status_code=status, media_type=_MEDIA, headers=headers)


def install(app: FastAPI) -> None:
    """Register the handlers on an application."""

    @app.exception_handler(FiduciaryError)
    def _ours(_: Request, error: FiduciaryError) -> JSONResponse:
        title = (type(error).__doc__ or "Error.").splitlines()[0]
        return problem(error.status, error.code, title, error.reason, dict(error.fields))

    @app.exception_handler(RequestValidationError)
    def _malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        # FastAPI's default body carries the offending input: identifiers must not come back
        fields: dict[str, str | int] = {}
        for item in error.errors()[:10]:
            place = ".".join(
                str(part) for part in item["loc"] if isinstance(part, str) and part.isidentifier()
            )
            fields[place or "body"] = str(item["type"])
        return problem(422, "usage", "The request is not well formed.", "see fields for the places", fields)

    @app.exception_handler(HTTPException)
    def _http(_: Request, error: HTTPException) -> JSONResponse:
        answer = problem(error.status_code, *_HTTP.get(error.status_code, _HTTP[400]), {})
        answer.headers.update(error.headers or {})  # Allow, which RFC 9110 wants with 405
        return answer

    @app.exception_handler(ResponseValidationError)
    @app.exception_handler(Exception)
    def _ourselves(_: Request, error: Exception) -> JSONResponse:
        return problem(
            500, "internal", "The service failed.", "nothing left the service", {"kind": type(error).__name__}
        )
