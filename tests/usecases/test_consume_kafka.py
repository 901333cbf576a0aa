"""A Kafka topic taken in over the wire: each message once, whatever happens to consumer and broker."""

from __future__ import annotations

import random
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import polars as pl
import pytest
from fakes.card_events import BAD, batches, kill_and_run_again, rebuilt, run, stored
from fakes.clock import FakeClock
from fakes.consume_child import consume_and_stand_still
from fakes.intake import STEWARD, entries_of
from fakes.kafka import Kafka, run_kafka
from mutants.consumers import consume_and_acknowledge
from mutants.kafka import TrustingKafkaStream

from service.errors import ConflictError, StorageError
from service.ports import Deps
from service.settings import load_settings
from service.wiring import open_kafka, open_service

TOPIC = "card-statements"


@pytest.fixture
def broker() -> Iterator[Kafka]:
    """With nothing in it."""
    with run_kafka() as kafka:
        yield kafka


def opened(home: Path) -> Deps:
    return open_service(load_settings({}, home=home), clock=FakeClock())


def test_partitions_are_taken_in_one_by_one_in_micro_batches(
    card_bank: Path, lines: list[bytes], home: Path, broker: Kafka
) -> None:
    deps = opened(home)
    broker.publish(TOPIC, lines[:700], compression_type="lz4")
    broker.publish(TOPIC, lines[700:900], partition=3)
    first = run(open_kafka(broker.servers, TOPIC, 0), deps, limit=300)
    assert (first.batches, first.rows) == (3, 700)
    detail = dict(entries_of(deps, "dataset:ingest")[-1].detail)
    assert (detail["stream"], detail["after"], detail["upto"]) == ("kafka:card-statements:0", "599", "699")
    assert run(open_kafka(broker.servers, TOPIC, 3), deps).rows == 200
    assert run(open_kafka(broker.servers, TOPIC, 1), deps).rows == 0
    broker.publish(TOPIC, lines[900:950])  # what is new, and nothing again
    assert run(open_kafka(broker.servers, TOPIC, 0), deps).rows == 50
    assert run(open_kafka(broker.servers, TOPIC, 0), deps).batches == 0
    assert stored(deps).equals(rebuilt(card_bank, lines[:950]))


def test_malformed_messages_are_rows_with_a_reason_and_stop_nothing(
    lines: list[bytes], home: Path, broker: Kafka
) -> None:
    deps = opened(home)
    bad = [*BAD, (None, "not_json")]  # as a tombstone of a compacted topic
    mixed = [part for line, (data, _) in zip(lines, bad, strict=False) for part in (line, data)]
    broker.publish(TOPIC, mixed, message_max_bytes=2_000_000)
    assert run(open_kafka(broker.servers, TOPIC, 0), deps).rows == len(mixed)
    rejected = deps.events.scan("quarantine_statements").collect()
    rules = dict(rejected.filter(pl.col("_row") % 2 == 0).select("_row", "rule").iter_rows())
    assert rules == {2 * n + 2: rule for n, (_, rule) in enumerate(bad)}


@pytest.mark.slow
def test_killed_in_the_middle_and_run_again_the_rows_are_those_of_a_batch(
    card_bank: Path, lines: list[bytes], home: Path, broker: Kafka, forkserver: ForkServerContext
) -> None:
    dice = random.Random(12)
    bad = [data for data, rule in BAD if rule != "too_large"]
    events = [*lines, *(dice.choice(bad) for _ in range(20))]
    dice.shuffle(events)
    broker.publish(TOPIC, events, enable_idempotence="true")
    broker.publish(TOPIC, [b"other"] * 500, partition=1)
    stream = open_kafka(broker.servers, TOPIC, 0)
    kill_and_run_again(forkserver, home, stream, dice)
    deps = opened(home)
    mine = [b for b in batches(deps) if b.source == stream.name]
    assert sum(b.counts.rows for b in mine) == len(events)
    assert stored(deps).equals(rebuilt(card_bank, lines))
    assert run(stream, deps).rows == 0


def test_killed_between_the_read_and_the_commit_exactly_that_range_comes_first(
    card_bank: Path, lines: list[bytes], home: Path, broker: Kafka, forkserver: ForkServerContext
) -> None:
    broker.publish(TOPIC, lines[:350])
    stream = open_kafka(broker.servers, TOPIC, 0)
    ours, theirs = forkserver.Pipe()
    child = forkserver.Process(target=consume_and_stand_still, args=(home, stream, theirs))
    child.start()
    assert ours.recv() == "read"
    child.kill()
    child.join()
    deps = opened(home)
    with deps.ops() as tx:
        cursor = tx.cursors.get(stream.name, "statements")
    assert (cursor.done, cursor.pending) == ("99", "199")
    broker.publish(TOPIC, lines[350:400])
    assert run(stream, deps, limit=1_000).rows == 300
    ranges = [
        dict(entry.detail) for entry in entries_of(deps, "dataset:ingest") if "upto" in dict(entry.detail)
    ]
    assert [(r["after"], r["upto"]) for r in ranges] == [("", "99"), ("99", "199"), ("199", "399")]
    assert stored(deps).equals(rebuilt(card_bank, lines[:400]))


def test_a_consumer_that_writes_its_progress_down_afterwards_is_noticed(
    card_bank: Path, lines: list[bytes], home: Path, broker: Kafka
) -> None:
    deps = opened(home)
    broker.publish(TOPIC, lines[:300])
    stream = open_kafka(broker.servers, TOPIC, 0)
    for limit, dies in ((100, True), (170, False), (130, False)):
        consume_and_acknowledge(
            stream, "statements", actor=STEWARD, deps=deps, limit=limit, die_before_finish=dies
        )
    assert not stored(deps).equals(rebuilt(card_bank, lines[:300]))


def test_a_topic_made_anew_is_refused_and_nothing_is_stored(
    lines: list[bytes], home: Path, broker: Kafka
) -> None:
    deps = opened(home)
    broker.publish(TOPIC, lines[:50])
    assert run(open_kafka(broker.servers, TOPIC, 0), deps).rows == 50
    with run_kafka() as other:  # the same topic, and its offsets start again
        other.publish(TOPIC, lines[50:90])
        with pytest.raises(ConflictError):
            run(open_kafka(other.servers, TOPIC, 0), deps)
        assert run(TrustingKafkaStream(other.servers, TOPIC, 0), deps).rows == 0  # passed over in silence
    assert sum(b.counts.rows for b in batches(deps) if b.source == f"kafka:{TOPIC}:0") == 50


def test_a_broker_that_goes_away_stops_the_run_and_loses_nothing(
    card_bank: Path, lines: list[bytes], home: Path, broker: Kafka
) -> None:
    deps = opened(home)
    broker.publish(TOPIC, lines[:50])
    assert run(open_kafka(broker.servers, TOPIC, 0), deps).rows == 50
    broker.kill()
    with pytest.raises(StorageError):
        run(open_kafka(broker.servers, TOPIC, 0), deps)
    with run_kafka() as again:  # at another address: the stream is the same
        again.publish(TOPIC, lines[:80])
        assert run(open_kafka(again.servers, TOPIC, 0), deps).rows == 30
    assert stored(deps).equals(rebuilt(card_bank, lines[:80]))
