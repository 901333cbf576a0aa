"""A stream in memory whose broker repeats, reorders, rewinds and forgets."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from service.ports.streams import Message


@dataclass
class MemoryStream:
    """``service.ports.streams.Stream`` over a list; positions have gaps."""

    data: Sequence[bytes]
    name: str = "memory:events"
    restless: random.Random | None = None  # delivers old messages again, and in any order
    reads: list[tuple[str, str]] = field(default_factory=list)

    @property
    def messages(self) -> list[Message]:
        """All of them."""
        return [Message(str(7 + 3 * n), data) for n, data in enumerate(self.data)]

    def read(self, after: str, upto: str, limit: int, wait: float) -> list[Message]:  # noqa: ARG002
        """At once."""
        self.reads.append((after, upto))
        newer = [m for m in self.messages if int(m.position) > int(after or -1)]
        if upto:
            found = [m for m in newer if int(m.position) <= int(upto)]
        else:
            found = newer[: self.restless.randint(1, limit) if self.restless else limit]
        if self.restless and found:
            found += self.restless.choices(self.messages[: self.messages.index(found[-1]) + 1], k=3)
            self.restless.shuffle(found)
        return found
