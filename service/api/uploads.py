"""Files that come as a request's body: written to a private temporary place, gone afterwards."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

_BINARY: Final = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
FILE_BODY: Final = {"requestBody": {"content": _BINARY, "required": True}}
MAX_DATA: Final = 1 << 30
MAX_EVIDENCE: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class Upload:
    """A body on disk, and its SHA-256, computed as it came."""

    path: Path
    sha256: bytes


@asynccontextmanager
async def received(request: Request, filename: str, limit: int = MAX_DATA) -> AsyncIterator[Upload]:
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
        yield Upload(path, digest.digest())
