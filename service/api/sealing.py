"""Publication of what is appended, by this process or another, each second that the service runs."""

from __future__ import annotations

import contextlib
import threading
from typing import Final

from service.errors import AuditUnavailableError
from service.ports import AuditTrail

_INTERVAL: Final = 1.0  # seconds


class Sealing(threading.Thread):
    """A thread that seals. One that cannot has no voice of its own: ``/readyz`` and refused effects tell."""

    def __init__(self, audit: AuditTrail) -> None:
        super().__init__(name="sealing", daemon=True)
        self._audit, self._ended = audit, threading.Event()

    def close(self) -> None:
        """Seal a last time and end."""
        self._ended.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Seal, until the end."""
        ended = False
        while not ended:
            ended = self._ended.wait(_INTERVAL)
            with contextlib.suppress(AuditUnavailableError):
                self._audit.seal()
