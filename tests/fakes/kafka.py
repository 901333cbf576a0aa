"""The part of aiokafka's consumer that the stream adapter uses, over a list: offsets may have gaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, OffsetOutOfRangeError


@dataclass(frozen=True)
class Record:
    """One record, as the library gives it."""

    offset: int
    value: bytes | None


@dataclass
class FakeConsumer:
    """One partition. ``rounds`` says how many records come at once; 0 stands for a silent poll."""

    records: list[Record]
    end: int
    rounds: list[int] = field(default_factory=list)
    down: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    started: bool = False
    next: int | None = None

    def __call__(self, **settings: Any) -> FakeConsumer:
        """Made anew for each read, as the adapter makes the real one."""
        self.settings, self.next = settings, None
        return self

    async def start(self) -> None:
        """Connect."""
        if self.down:
            raise KafkaConnectionError("no broker")
        self.started = True

    async def stop(self) -> None:
        """Disconnect."""
        self.started = False

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Of what is still held."""
        return dict.fromkeys(places, self.records[0].offset if self.records else self.end)

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Of what comes next."""
        return dict.fromkeys(places, self.end)

    def assign(self, places: list[TopicPartition]) -> None:
        """One partition."""
        assert len(places) == 1

    def seek(self, _place: TopicPartition, offset: int) -> None:
        """Where to go on."""
        self.next = offset

    async def position(self, _place: TopicPartition) -> int:
        """The offset that is fetched next."""
        assert self.next is not None
        return self.next

    async def getmany(
        self,
        place: TopicPartition,
        *,
        timeout_ms: int,  # noqa: ARG002  it never waits
        max_records: int | None,
    ) -> dict[TopicPartition, list[Record]]:
        """Records from the position on."""
        assert self.next is not None
        if self.next > self.end:
            raise OffsetOutOfRangeError({place: self.next})
        count = min(self.rounds.pop(0) if self.rounds else 1_000, max_records or 1_000)
        newer = [r for r in self.records if r.offset >= self.next][:count]
        if newer:
            self.next = newer[-1].offset + 1
        elif count:
            self.next = self.end  # what is left are gaps
        return {place: newer} if newer else {}
