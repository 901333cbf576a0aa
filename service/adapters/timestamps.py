"""A time-stamp authority over HTTP (RFC 3161, 3.4). It is told digests and nothing else."""

from __future__ import annotations

import http.client
import urllib.request
from typing import Final

from audit.errors import AuditError
from audit.timestamp import stamp_query, verify_stamp
from service.errors import StorageError, UsageError

_TIMEOUT: Final = 10.0  # seconds for each part of an answer
_MAX_BYTES: Final = 1 << 16
_TYPE: Final = {"Content-Type": "application/timestamp-query"}
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class HttpAuthority:
    """An authority somewhere else. Raises UsageError for a URL of another kind."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise UsageError("a time-stamp authority is reached by http or https")
        self._url = url

    def stamp(self, sha256: bytes) -> bytes:
        """A time-stamp over the bytes that have this digest. Raises StorageError when there is none."""
        try:
            request = urllib.request.Request(self._url, stamp_query(sha256), _TYPE)  # noqa: S310  checked above
            with _OPENER.open(request, timeout=_TIMEOUT) as answer:
                data: bytes = answer.read(_MAX_BYTES)
            verify_stamp(data, sha256)
        except (OSError, http.client.HTTPException, ValueError, AuditError) as error:
            raise StorageError("no time-stamp from the authority", why=type(error).__name__) from None
        return data
