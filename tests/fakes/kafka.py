"""A throw-away Kafka broker: the one that librdkafka brings for tests, in a process of its own.

It speaks Kafka's protocol over TCP: offsets, batches and their checksums, compression, 4 partitions a topic.
It makes a topic that is asked for by name, as many brokers do, and keeps the newest 5 MiB of a partition. Its
transactions are not whole: their markers have no checksum, and it does not tell which were aborted.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import Producer

_WAIT_SECONDS: Final = 30


@dataclass(frozen=True)
class Kafka:
    """A running broker."""

    process: subprocess.Popen[str] = field(repr=False)
    servers: str

    def kill(self) -> None:
        """As ``kill -9``; everything it held is gone."""
        self.process.kill()
        self.process.wait(timeout=_WAIT_SECONDS)

    def publish(
        self,
        topic: str,
        messages: Sequence[bytes | None],
        *,
        partition: int = 0,
        transactional: bool = False,
        **settings: str | int,
    ) -> list[int]:
        """Publish; returns the offsets. A transactional producer commits after every message."""
        offsets: list[int] = []
        name = {"transactional.id": "publisher"} if transactional else {}
        producer = self._client({**name, **{k.replace("_", "."): v for k, v in settings.items()}})
        if transactional:
            producer.init_transactions(_WAIT_SECONDS)
        for message in messages:
            if transactional:
                producer.begin_transaction()
            producer.produce(
                topic,
                message,
                partition=partition,
                on_delivery=lambda _, sent: offsets.append(sent.offset() or 0),
            )
            if transactional:
                producer.commit_transaction(_WAIT_SECONDS)
        assert producer.flush(_WAIT_SECONDS) == 0
        assert len(offsets) == len(messages)
        return offsets

    def topics(self) -> set[str]:
        """Those that were made."""
        return set(self._client({}).list_topics(timeout=_WAIT_SECONDS).topics)

    def _client(self, settings: dict[str, str | int]) -> Producer:
        return Producer({"bootstrap.servers": self.servers, "log_level": 0, **settings})


@contextmanager
def run_kafka() -> Iterator[Kafka]:
    """Start a broker with nothing in it."""
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            servers = process.stdout.readline().strip()
            if not servers:
                raise RuntimeError("the broker does not start")
            yield Kafka(process, servers)
        finally:
            process.kill()


def serve() -> None:
    """Print the address, and be a broker until nobody holds our standard input any more."""
    holder = Producer({"test.mock.num.brokers": 1})
    brokers = holder.list_topics(timeout=_WAIT_SECONDS).brokers.values()
    sys.stdout.write(",".join(f"{broker.host}:{broker.port}" for broker in brokers) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    serve()
