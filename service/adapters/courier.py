"""Delivery of one-time codes. The console courier is for the demo and for a first look; it says so."""

from __future__ import annotations

import sys
from typing import TextIO


class ConsoleCourier:
    """Prints the code to a terminal instead of sending it: whoever runs the program sees it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def deliver(self, id_type: str, contact: str, code: str) -> None:
        """Show the code; the contact itself is not shown."""
        del contact
        stream = self._stream or sys.stderr
        stream.write(f"[one-time code for the {id_type} on file: {code}]\n")
        stream.flush()
