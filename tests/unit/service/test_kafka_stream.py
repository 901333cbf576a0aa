"""The Kafka adapter over the wire, with a broker and a publisher that are not aiokafka's."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from fakes.kafka import Kafka, run_kafka
from mutants.kafka import TrustingKafkaStream

from service.adapters.streams.kafka import KafkaStream
from service.errors import ConflictError, StorageError, UnknownError, UsageError
from service.ports.streams import Stream
from service.wiring import open_kafka

WAIT = 5.0  # seconds; what is asked for is there, so nothing waits so long


@pytest.fixture(scope="module")
def broker() -> Iterator[Kafka]:
    """For the tests that leave it alive."""
    with run_kafka() as kafka:
        yield kafka


def offsets(stream: Stream, after: str = "", upto: str = "", limit: int = 0, wait: float = WAIT) -> list[int]:
    return [int(m.position) for m in stream.read(after, upto, limit, wait)]


def test_the_name_says_topic_and_partition() -> None:
    assert open_kafka("secret@host:9092", "cards", 3).name == "kafka:cards:3"


def test_messages_behind_a_position_and_up_to_one(broker: Kafka) -> None:
    sent = broker.publish("numbers", [b"%d" % n for n in range(1_200)], partition=1)
    broker.publish("numbers", [b"other"] * 30, partition=2)
    assert sent == list(range(1_200))
    stream = open_kafka(broker.servers, "numbers", 1)
    first = stream.read("", "", 700, WAIT)
    rest = stream.read(first[-1].position, "", 500, WAIT)
    assert [(int(m.position), int(m.data)) for m in [*first, *rest]] == [(n, n) for n in range(1_200)]
    assert stream.read("", first[-1].position, 0, WAIT) == first
    assert stream.read("1099", "1199", 0, WAIT) == rest[-100:]
    assert stream.read("1199", "", 10, 0.2) == []
    assert broker.publish("numbers", [b"1200"], partition=1) == [1_200]
    assert offsets(stream, "1199", limit=1) == [1_200]
    assert offsets(stream, "1199", "1200") == [1_200]


def test_an_empty_partition_has_no_messages(broker: Kafka) -> None:
    broker.publish("sparse", [b"1"], partition=1)
    assert offsets(open_kafka(broker.servers, "sparse", 0), limit=10, wait=0.2) == []


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_each_compression_of_a_publisher_is_read(broker: Kafka, codec: str) -> None:
    sent = [b"%d" % n * 40 for n in range(200)]
    broker.publish(f"packed-{codec}", sent, compression_type=codec)
    found = open_kafka(broker.servers, f"packed-{codec}", 0).read("", "", 200, WAIT)
    assert [m.data for m in found] == sent


def test_messages_larger_than_a_fetch_and_those_without_a_value_come_too(broker: Kafka) -> None:
    sent = [b"a", b"x" * 2_500_000, None, b"", b"b"]
    broker.publish("large", sent, message_max_bytes=5_000_000)
    found = open_kafka(broker.servers, "large", 0).read("", "4", 0, WAIT)
    assert [m.data for m in found] == [data or b"" for data in sent]


def test_a_topic_whose_first_messages_are_gone_starts_where_it_can(broker: Kafka) -> None:
    broker.publish("kept", [b"%d" % n * 900_000 for n in range(10)], linger_ms=0, batch_num_messages=1)
    stream = open_kafka(broker.servers, "kept", 0)
    held = offsets(stream, upto="9")
    assert 0 < held[0] < 9
    assert held == list(range(held[0], 10))
    assert offsets(stream, "0", limit=len(held)) == held
    assert offsets(stream, "", str(held[0])) == held[:1]
    assert offsets(stream, "", "0") == []  # a range that was begun and is gone


def test_offsets_without_a_message_end_a_range_too(broker: Kafka) -> None:
    sent = broker.publish("paid", [b"0", b"2", b"4"], transactional=True)
    assert sent == [0, 2, 4]  # between them lie the markers of the transactions
    unchecked = partial(AIOKafkaConsumer, check_crcs=False)  # the test's broker gives its markers no checksum
    stream = KafkaStream(broker.servers, "paid", 0, unchecked)
    assert offsets(stream, "", "5") == sent
    assert offsets(stream, "", "3") == sent[:2]
    assert offsets(stream, "2", "3") == []
    assert offsets(stream, "1", limit=2) == sent[1:]
    assert offsets(stream, "4", limit=10, wait=1.0) == []  # one marker more, and then the end
    with pytest.raises(StorageError, match="CorruptRecord"):  # checked, what is spoilt is refused
        offsets(open_kafka(broker.servers, "paid", 0), "", "5")


def test_what_does_not_exist_is_unknown_and_is_not_made(broker: Kafka) -> None:
    broker.publish("known", [b"1"])
    for topic, partition in (("nothing", 0), ("no such topic!", 0), ("known", 4)):
        with pytest.raises(UnknownError):
            offsets(open_kafka(broker.servers, topic, partition), limit=1)
    assert broker.topics().isdisjoint({"nothing", "no such topic!"})
    assert offsets(TrustingKafkaStream(broker.servers, "careless", 0), limit=1, wait=0.2) == []
    assert "careless" in broker.topics()  # the check sees who makes one


def test_a_topic_made_anew_is_refused(broker: Kafka) -> None:
    broker.publish("fresh", [b"1"] * 5)
    stream, trusting = open_kafka(broker.servers, "fresh", 0), TrustingKafkaStream(broker.servers, "fresh", 0)
    with pytest.raises(ConflictError):
        offsets(stream, "5", limit=10)
    with pytest.raises(ConflictError):  # a range that was begun reached farther
        offsets(stream, "2", "7")
    assert offsets(trusting, "2", "7", limit=2) == [3, 4]  # nobody would know


def test_a_broker_that_is_away_is_told_without_its_address(capfd: pytest.CaptureFixture[str]) -> None:
    with run_kafka() as broker:
        broker.publish("cards", [b"1"])
        broker.kill()
        for servers in (broker.servers, "secret:password@127.0.0.1:1", "no host"):
            with pytest.raises(StorageError) as caught:
                offsets(open_kafka(servers, "cards", 0), limit=1)
            assert str(caught.value) == "the broker is not available (cause=KafkaConnectionError)"
    assert capfd.readouterr() == ("", "")
    with pytest.raises(UsageError):
        open_kafka("host:port", "cards", 0)


def silence(broker: Kafka, how: signal.Signals) -> None:
    """Returns when it is silent."""
    broker.process.send_signal(how)
    os.waitid(os.P_PID, broker.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def silenced(broker: Kafka, how: signal.Signals) -> type[AIOKafkaConsumer]:
    """A consumer whose broker says no more once it has said where the topic ends."""

    class Silenced(AIOKafkaConsumer):  # type: ignore[misc]  # the library has no types
        async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
            """The last that the broker says."""
            found: dict[TopicPartition, int] = await super().end_offsets(partitions)
            silence(broker, how)
            return found

    return Silenced


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_broker_that_falls_silent_is_no_end_of_the_stream(
    how: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    with run_kafka() as broker:
        broker.publish("cards", [b"1"] * 5)

        with pytest.raises(StorageError):
            KafkaStream(broker.servers, "cards", 0, silenced(broker, how)).read("", "", 10, 0.5)
    assert capfd.readouterr() == ("", "")


def test_a_consumer_that_takes_silence_for_the_end_is_noticed() -> None:
    with run_kafka() as broker:
        broker.publish("cards", [b"1"] * 5)
        trusting = TrustingKafkaStream(broker.servers, "cards", 0, silenced(broker, signal.SIGSTOP))
        assert offsets(trusting, limit=10, wait=0.5) == []
