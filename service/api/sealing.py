"""Publication of what is appended, by this process or another, each second that the service runs."""

from __future__ import annotations

import contextlib
import threading
from typing import Final

from service.errors import AuditUnavailableError
from service.ports import AuditTrail

_INTERVAL: Final = 1.0  # seconds


class Sealing:
    """A thread that seals. One that cannot has no voice of its own: ``/readyz`` and refused effects tell."""

    def __init__(self, audit: AuditTrail) -> None:
        self._audit, self._ended = audit, threading.Event()
        self._thread = threading.Thread(target=self._run, name="sealing", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Seal a last time and end."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(_INTERVAL)
            with contextlib.suppress(AuditUnavailableError):
                self._audit.seal()
