"""The Kafka adapter over a small implementation of its consumer's interface; no broker was ever asked."""

from __future__ import annotations

import inspect

import pytest
from aiokafka import AIOKafkaConsumer
from fakes.kafka import FakeConsumer, Record

from service.adapters.streams.kafka import KafkaStream
from service.errors import ConflictError, StorageError


def partition(*offsets: int, end: int, rounds: tuple[int, ...] = ()) -> FakeConsumer:
    return FakeConsumer([Record(n, b"%d" % n) for n in offsets], end, list(rounds))


def read(consumer: FakeConsumer, after: str, upto: str = "", limit: int = 100) -> list[int]:
    messages = KafkaStream("host:9092", "cards", 3, consumer).read(after, upto, limit, 0.05)
    assert not consumer.started
    assert [m.position for m in messages] == [m.data.decode() for m in messages]
    return [int(m.position) for m in messages]


def test_the_name_says_topic_and_partition() -> None:
    assert KafkaStream("host:9092", "cards", 3, FakeConsumer([], 0)).name == "kafka:cards:3"


def test_messages_behind_a_position() -> None:
    consumer = partition(0, 1, 2, 5, 6, end=7)
    assert read(consumer, "") == [0, 1, 2, 5, 6]
    assert read(consumer, "", limit=2) == [0, 1]
    assert read(consumer, "2") == [5, 6]
    assert read(consumer, "6") == []


def test_a_topic_whose_first_messages_are_gone_starts_where_it_can() -> None:
    assert read(partition(4, 5, end=6), "") == [4, 5]
    assert read(partition(4, 5, end=6), "1") == [4, 5]


def test_up_to_a_position_everything_comes_although_it_comes_in_parts() -> None:
    assert read(partition(0, 1, 2, 3, 4, end=9, rounds=(2, 0, 1, 0, 1)), "0", "3") == [1, 2, 3]


def test_up_to_a_position_whose_message_was_compacted_away() -> None:
    assert read(partition(0, 1, 4, end=6), "", "3") == [0, 1]
    assert read(partition(0, 1, end=6), "", "3") == [0, 1]
    assert read(partition(end=6), "2", "3") == []


def test_a_topic_made_anew_and_a_broker_that_is_away_are_told() -> None:
    with pytest.raises(ConflictError):
        read(partition(0, end=1), "6")
    with pytest.raises(StorageError):
        read(FakeConsumer([], 0, down=True), "")


def test_the_consumer_belongs_to_no_group_and_commits_nothing() -> None:
    consumer = partition(0, end=1)
    read(consumer, "")
    assert consumer.settings["group_id"] is None
    assert consumer.settings["enable_auto_commit"] is False
    assert consumer.settings["auto_offset_reset"] == "none"


def test_the_small_consumer_has_the_interface_of_the_library() -> None:
    known = inspect.signature(AIOKafkaConsumer.__init__).parameters
    consumer = partition(0, end=1)
    read(consumer, "")
    assert set(consumer.settings) <= set(known)
    for name in (
        "start",
        "stop",
        "beginning_offsets",
        "end_offsets",
        "assign",
        "seek",
        "position",
        "getmany",
    ):
        theirs = inspect.signature(getattr(AIOKafkaConsumer, name)).parameters
        ours = inspect.signature(getattr(FakeConsumer, name)).parameters
        assert len(ours) <= len(theirs), name
        assert inspect.iscoroutinefunction(getattr(FakeConsumer, name)) == inspect.iscoroutinefunction(
            getattr(AIOKafkaConsumer, name)
        ), name
