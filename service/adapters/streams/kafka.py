"""One partition of a Kafka topic as a stream: positions are its offsets.

The consumer belongs to no group and commits nothing: it seeks to the offset behind the one asked for. Never
run against a broker: its test speaks to a small implementation of the consumer's interface.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from service.adapters.streams import PATIENCE, fill
from service.errors import ConflictError, StorageError
from service.ports.streams import Message

_FETCH: Final = 500  # messages asked for at once
_POLL: Final = 0.5  # seconds


class KafkaStream:
    """Implements ``service.ports.streams.Stream``.

    Args:
        servers: ``host:9092``, separated by commas.
        topic: name of the topic.
        partition: one of its partitions; each is a stream of its own.
        make: makes the consumer; with more settings where the brokers ask for TLS or a login.
    """

    def __init__(
        self, servers: str, topic: str, partition: int = 0, make: Callable[..., Any] = AIOKafkaConsumer
    ) -> None:
        self._servers, self._place, self._make = servers, TopicPartition(topic, partition), make

    @property
    def name(self) -> str:
        """``kafka:<topic>:<partition>``."""
        return f"kafka:{self._place.topic}:{self._place.partition}"

    def read(self, after: str, upto: str, limit: int, wait: float) -> list[Message]:
        """See the port. Raises StorageError, ConflictError."""
        try:
            return asyncio.run(self._read(int(after or -1), int(upto or -1), limit, wait))
        except (KafkaError, OSError, TimeoutError) as error:
            raise StorageError("the broker is not available", cause=type(error).__name__) from None

    async def _read(self, after: int, upto: int, limit: int, wait: float) -> list[Message]:
        consumer = self._make(
            bootstrap_servers=self._servers, group_id=None, enable_auto_commit=False,
            auto_offset_reset="none", isolation_level="read_committed",
        )  # fmt: skip
        await consumer.start()
        try:
            first = (await consumer.beginning_offsets([self._place]))[self._place]
            end = (await consumer.end_offsets([self._place]))[self._place]
            if after >= end:
                raise ConflictError("the stream was made anew: it ends before what was taken in")
            consumer.assign([self._place])
            consumer.seek(self._place, max(after + 1, first))
            if upto < 0:
                return await fill(partial(self._poll, consumer), limit, wait)
            return await self._all(consumer, min(upto, end - 1))
        finally:
            await consumer.stop()

    async def _all(self, consumer: Any, upto: int) -> list[Message]:
        """All that are held up to an offset; compaction and transactions leave offsets without a message."""
        found: list[Message] = []
        heard = time.monotonic()
        while await consumer.position(self._place) <= upto:
            if messages := await self._poll(consumer, _FETCH, _POLL):
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE:
                raise TimeoutError
            found += messages
        return [m for m in found if int(m.position) <= upto]

    async def _poll(self, consumer: Any, count: int, wait: float) -> list[Message]:
        got = await consumer.getmany(self._place, timeout_ms=int(wait * 1000), max_records=count)
        return [Message(str(m.offset), m.value or b"") for records in got.values() for m in records]
