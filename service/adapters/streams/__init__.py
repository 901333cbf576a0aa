"""Brokers behind ``service.ports.streams.Stream``; their libraries come with the extra ``streams``."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

from service.ports.streams import Message

PATIENCE: Final = 60.0  # seconds without a message when some are known to be there
_MAX_BYTES: Final = 1 << 26  # of messages in one read, but for the last ones


#: Some messages, at most so many, within so many seconds.
Fetch = Callable[[int, float], Awaitable[list[Message]]]


async def fill(fetch: Fetch, limit: int, wait: float) -> list[Message]:
    """What comes within the time, until there is enough."""
    found: list[Message] = []
    end, size = time.monotonic() + wait, 0
    while len(found) < limit and size < _MAX_BYTES and (left := end - time.monotonic()) > 0:
        messages = await fetch(limit - len(found), left)
        size += sum(len(m.data) for m in messages)
        found += messages
    return found
