"""What a request may carry: 1 MiB, but for files, which go to disk as they come and are gone afterwards."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from fastapi import Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import unrouted

MAX_BODY: Final = 1 << 20
_UPLOADS: Final = ("/batches", "/corrections", "/verifications")  # limited where they are written
_BINARY: Final = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
FILE_BODY: Final = {"requestBody": {"content": _BINARY, "required": True}}
MAX_DATA: Final = 1 << 30
MAX_EVIDENCE: Final = 1 << 26
_FILE: Final = r"^[A-Za-z0-9._-]{1,100}\.(csv|tsv|jsonl|parquet|xlsx)$"
FileName = Annotated[str, Query(pattern=_FILE, examples=["statements-2005-09.csv"])]
_ENCODED: Final = "Of a text file, when not UTF-8."
Encoding = Annotated[str, Query(pattern=r"^[a-z0-9-]{0,12}$", examples=["gb18030"], description=_ENCODED)]


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
            await unrouted(413, {"limit": MAX_BODY})(scope, receive, send)
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


@dataclass(frozen=True, slots=True)
class Upload:
    """A body on disk, its SHA-256, computed as it came, and the encoding that the sender names."""

    path: Path
    sha256: bytes
    encoding: str


@asynccontextmanager
async def received(
    request: Request, filename: str, *, limit: int = MAX_DATA, encoding: str = ""
) -> AsyncIterator[Upload]:
    """The body as a file outside the data directory. A longer one is refused with 413."""
    with tempfile.TemporaryDirectory(prefix="fiduciary-") as folder:
        path = Path(folder, filename)
        size, digest = 0, hashlib.sha256()
        file = await run_in_threadpool(path.open, "wb")
        with file:
            async for chunk in request.stream():
                size += len(chunk)
                digest.update(chunk)
                if size > limit:
                    raise HTTPException(413)
                await run_in_threadpool(file.write, chunk)
        yield Upload(path, digest.digest(), encoding)


async def _data(request: Request, filename: FileName, encoding: Encoding = "") -> AsyncIterator[Upload]:
    async with received(request, filename, encoding=encoding) as file:
        yield file


async def _table(request: Request, encoding: Encoding = "") -> AsyncIterator[Upload]:
    async with received(request, "table.csv", encoding=encoding) as file:
        yield file


#: A parameter of a route behind that of who sends: nothing is read before they are known.
DataFile = Annotated[Upload, Depends(_data)]
CsvFile = Annotated[Upload, Depends(_table)]
