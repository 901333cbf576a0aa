"""How much a request may carry: 1 MiB, but for uploads of files, which are written to disk as they come."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import TOO_LARGE, problem

MAX_BODY: Final = 1 << 20
_UPLOADS: Final = ("/batches", "/verifications")  # limited where they are written


class BodyLimit:
    """Refuse a larger body with 413: by its declared length, or when that much has come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"].endswith(_UPLOADS):
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > MAX_BODY:
            await problem(413, *TOO_LARGE, {"limit": MAX_BODY})(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)
