"""A stream of messages that another system publishes, read by position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        position: a whole number in decimal; it grows along the stream, perhaps with gaps, and never changes.
        data: as published.
    """

    position: str
    data: bytes


class Stream(Protocol):
    """Messages in one total order: a JetStream stream, or one partition of a Kafka topic.

    Reading changes nothing at the broker. How far a stream was taken in is known to the cursor alone, so
    redelivery, a rewind or a lost acknowledgement at the broker can neither repeat nor lose a message.
    """

    @property
    def name(self) -> str:
        """Names the stream among all sources, such as ``nats:EVENTS:card.paid``; no address, no secret."""

    def read(self, after: str, upto: str, limit: int, wait: float) -> list[Message]:
        """Messages behind ``after`` (empty: from the start), oldest first.

        With ``upto`` empty: at most ``limit``, of what comes within ``wait`` seconds; perhaps none. With
        ``upto``: every message that the broker still holds up to that position, or an error.

        Raises:
            StorageError: the broker is not available or does not answer in time.
            ConflictError: the stream does not reach back or forward to ``after``: it was made anew.
        """
