"""A Kafka consumer with the classic mistakes; the tests must notice each."""

from __future__ import annotations

from functools import partial

from service.adapters.streams import fill
from service.adapters.streams.kafka import KafkaStream
from service.ports.streams import Message


class TrustingKafkaStream(KafkaStream):
    """Asks for a topic by name, takes silence for the end, and does not look where the topic ends."""

    async def _read(self, after: int, upto: int, limit: int, wait: float) -> list[Message]:
        consumer = self._make(
            bootstrap_servers=self._servers, group_id=None, auto_offset_reset="earliest"
        )  # fmt: skip
        await consumer.start()
        try:
            await consumer.end_offsets([self._place])
            consumer.assign([self._place])
            consumer.seek(self._place, after + 1)
            found = await fill(partial(self._poll, consumer), limit, wait)
            return [m for m in found if upto < 0 or int(m.position) <= upto]
        finally:
            await consumer.stop()
