"""Every error as RFC 9457 ``application/problem+json``, in the words of ``problems.toml``.

Nothing of the request is echoed, ever.
"""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from service.errors import FiduciaryError

_MEDIA: Final = "application/problem+json"
_TYPE: Final = "https://fiduciary.example/problems/"

_TEXTS: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_UNROUTED: Final[Mapping[str, tuple[str, str, str]]] = _TEXTS["unrouted"]


class Problem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TEXTS["example"]]})
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


def unrouted(status: int, fields: dict[str, str | int]) -> JSONResponse:
    """The response to a request that no route has had."""
    return problem(status, *_UNROUTED.get(str(status), _UNROUTED["400"]), fields)


def described() -> dict[int | str, dict[str, Any]]:
    """The responses that every route may give, for the description of the API."""
    return {
        status: {"model": Problem, "content": {_MEDIA: {}}, "description": text}
        for status, text in _TEXTS["described"].items()
    }


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
            names = (part for part in item["loc"] if isinstance(part, str) and part.isidentifier())
            fields[".".join(names) or "body"] = str(item["type"])
        return problem(422, "usage", "The request is not well formed.", "see fields for the places", fields)

    @app.exception_handler(HTTPException)
    def _http(_: Request, error: HTTPException) -> JSONResponse:
        answer = unrouted(error.status_code, {})
        answer.headers.update(error.headers or {})  # Allow, which RFC 9110 wants with 405
        return answer

    @app.exception_handler(ResponseValidationError)
    @app.exception_handler(Exception)
    def _ourselves(_: Request, error: Exception) -> JSONResponse:
        kind = type(error).__name__
        return problem(500, "internal", "The service failed.", "nothing left the service", {"kind": kind})
