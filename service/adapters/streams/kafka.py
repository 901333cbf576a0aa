"""One partition of a Kafka topic as a stream: positions are its offsets.

The consumer belongs to no group and commits nothing: it seeks to the offset behind the one asked for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.conn import collect_hosts
from aiokafka.errors import KafkaError

from service.adapters.streams import PATIENCE, fill
from service.errors import ConflictError, StorageError, UnknownError, UsageError
from service.ports.streams import Message

_FETCH: Final = 500  # messages asked for at once
_POLL: Final = 0.5  # seconds
_PAUSE: Final = 0.01  # seconds

# Errors reach the caller; the library would print them as well, with the address.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())


class KafkaStream:
    """Implements ``service.ports.streams.Stream``.

    Args:
        servers: ``host:9092``, separated by commas.
        topic: name of the topic.
        partition: one of its partitions; each is a stream of its own.
        make: makes the consumer; with more settings where the brokers ask for TLS or a login.

    Raises:
        UsageError: the servers are no list of hosts and ports.
    """

    def __init__(
        self, servers: str, topic: str, partition: int = 0, make: Callable[..., Any] = AIOKafkaConsumer
    ) -> None:
        self._servers, self._place, self._make = servers, TopicPartition(topic, partition), make
        try:
            collect_hosts(servers)
        except ValueError:
            raise UsageError("name the brokers as host:port, separated by commas") from None

    @property
    def name(self) -> str:
        """``kafka:<topic>:<partition>``."""
        return f"kafka:{self._place.topic}:{self._place.partition}"

    def read(self, after: str, upto: str, limit: int, wait: float) -> list[Message]:
        """See the port. Raises StorageError, ConflictError, UnknownError (no such topic or partition)."""
        try:
            return asyncio.run(self._read(int(after or -1), int(upto or -1), limit, wait))
        # Cancelled: what the library's stop() lets out when the broker went away meanwhile.
        except (KafkaError, OSError, TimeoutError, asyncio.CancelledError) as error:
            raise StorageError("the broker is not available", cause=type(error).__name__) from None

    async def _read(self, after: int, upto: int, limit: int, wait: float) -> list[Message]:
        consumer = self._make(
            bootstrap_servers=self._servers, group_id=None, enable_auto_commit=False,
            auto_offset_reset="none", isolation_level="read_committed",
        )  # fmt: skip
        try:
            await consumer.start()
            await self._assign(consumer)
            first = (await consumer.beginning_offsets([self._place]))[self._place]
            end = (await consumer.end_offsets([self._place]))[self._place]
            if max(after, upto) >= end:
                raise ConflictError("the stream was made anew: it ends before what was taken in")
            consumer.seek(self._place, max(after + 1, first))
            if upto >= 0:
                return await self._all(consumer, upto)
            found = await fill(partial(self._poll, consumer), limit, wait)
            if not found and await consumer.position(self._place) < end:
                raise TimeoutError  # silence is not the end of the stream
            return found
        finally:
            await consumer.stop()

    async def _assign(self, consumer: Any) -> None:
        """Raises UnknownError before the topic is asked for by name: many brokers would make it."""
        if self._place.topic in await consumer.topics():
            consumer.assign([self._place])  # and asks for the topic's partitions
            async with asyncio.timeout(PATIENCE):
                while (found := consumer.partitions_for_topic(self._place.topic)) is None:  # noqa: ASYNC110  no event
                    await asyncio.sleep(_PAUSE)
            if self._place.partition in found:
                return
        raise UnknownError("the broker has no such topic or partition")

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
