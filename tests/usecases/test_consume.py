"""A stream taken in: each message once, whatever the broker does; bad ones stop nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path

import polars as pl
import pytest
from fakes.card_events import BAD, batches, kill_and_run_again, rebuilt, run, stored
from fakes.clock import FakeClock
from fakes.intake import ANALYST, STEWARD, entries_of
from fakes.nats import publish, recreate, remove, run_nats
from fakes.streams import MemoryStream
from mutants.consumers import consume_and_acknowledge

from service.errors import ConflictError, DeniedError, StorageError, UnknownError
from service.ports import Deps, Ops, OpsTransaction
from service.ports.streams import Message
from service.settings import load_settings
from service.usecases.consume import consume
from service.wiring import open_nats, open_service

SUBJECT = "card.statements"


@pytest.fixture
def deps(home: Path) -> Deps:
    return open_service(load_settings({}, home=home), clock=FakeClock())


def test_a_stream_gives_the_rows_of_a_batch(card_bank: Path, lines: list[bytes], deps: Deps) -> None:
    done = run(MemoryStream(lines[:700]), deps, limit=300)
    assert (done.batches, done.rows) == (3, 700)
    assert stored(deps).height == done.admitted > 500
    assert stored(deps).equals(rebuilt(card_bank, lines[:700]))
    detail = dict(entries_of(deps, "dataset:ingest")[-1].detail)
    assert (detail["stream"], detail["upto"]) == ("memory:events", str(7 + 3 * 699))


def test_a_stream_that_was_taken_in_gives_nothing_more(lines: list[bytes], deps: Deps) -> None:
    run(MemoryStream(lines[:100]), deps)
    assert run(MemoryStream(lines[:100]), deps).batches == 0
    assert run(MemoryStream(lines[:150]), deps).rows == 50


def test_redelivery_and_disorder_at_the_broker_change_nothing(
    card_bank: Path, lines: list[bytes], deps: Deps
) -> None:
    done = run(MemoryStream(lines[:400], restless=random.Random(7)), deps, limit=90)
    assert done.rows == 400
    assert stored(deps).equals(rebuilt(card_bank, lines[:400]))


def test_bad_messages_are_rows_with_a_reason_and_stop_nothing(lines: list[bytes], deps: Deps) -> None:
    good = lines[:20]
    mixed = [part for line, (bad, _) in zip(good, BAD, strict=False) for part in (line, bad)]
    done = run(MemoryStream([*mixed, *good[len(BAD) :]]), deps)
    assert done.rows == len(good) + len(BAD)
    rejected = deps.events.scan("quarantine_statements").collect().sort("_row")
    expected = {2 * n + 2: rule for n, (_, rule) in enumerate(BAD)}
    assert (
        dict(rejected.filter(pl.col("_row").is_in(list(expected))).select("_row", "rule").iter_rows())
        == expected
    )
    assert "13912345678" not in str(rejected.to_dict(as_series=False))


@pytest.mark.parametrize(("bad", "rule"), BAD, ids=[f"{n}-{rule}" for n, (_, rule) in enumerate(BAD)])
def test_a_micro_batch_of_nothing_but_a_bad_message_goes_through(
    deps: Deps, lines: list[bytes], bad: bytes, rule: str
) -> None:
    done = run(MemoryStream([bad, lines[0]]), deps, limit=1)
    assert (done.batches, done.rows) == (2, 2)
    with deps.ops() as tx:
        assert rule in {reason for row in tx.batches.all() for reason in row.reasons}


def test_a_message_over_several_lines_is_one_row(lines: list[bytes], deps: Deps) -> None:
    pretty = json.dumps(json.loads(lines[0]), indent=2).replace("\n", "\r\n").encode()
    assert run(MemoryStream([pretty, lines[1]]), deps).admitted == 2


def test_a_range_that_was_begun_is_finished_first_and_exactly(
    card_bank: Path, lines: list[bytes], deps: Deps
) -> None:
    stream = MemoryStream(lines[:300])
    upto = stream.messages[99].position
    with deps.ops() as tx:
        tx.cursors.begin(stream.name, "statements", upto)
    done = run(stream, deps, limit=7_000)
    assert stream.reads[0] == ("", upto)
    assert (done.batches, done.rows) == (2, 300)
    assert stored(deps).equals(rebuilt(card_bank, lines[:300]))


class KilledError(Exception):
    """The process ends here."""


class Dying:
    """Operational transactions that end the process when the cursor is to go on."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops

    @contextmanager
    def __call__(self) -> Iterator[OpsTransaction]:
        """As the real ones, but for the end."""
        with self._ops() as tx:
            yield _Without(tx)  # type: ignore[misc]  # the rest is passed through


class _Without:
    def __init__(self, part: object) -> None:
        self._part = part

    def __getattr__(self, name: str) -> object:
        if name == "finish":
            raise KilledError
        found = getattr(self._part, name)
        return _Without(found) if name == "cursors" else found


def test_killed_between_the_commit_and_the_cursor_the_range_is_not_read_again(
    card_bank: Path, lines: list[bytes], deps: Deps
) -> None:
    stream = MemoryStream(lines[:300])
    with pytest.raises(KilledError):
        run(stream, replace(deps, ops=Dying(deps.ops)), limit=100)
    assert len(batches(deps)) == 2  # customers, and the one that was committed
    stream.reads.clear()
    assert run(stream, deps, limit=170).rows == 300
    assert stream.reads[0] == (stream.messages[99].position, "")
    assert stored(deps).equals(rebuilt(card_bank, lines[:300]))


def test_a_consumer_that_writes_its_progress_down_afterwards_is_noticed(
    card_bank: Path, lines: list[bytes], deps: Deps
) -> None:
    stream = MemoryStream(lines[:300])
    for limit, dies in ((100, True), (170, False), (300, False)):
        consume_and_acknowledge(
            stream, "statements", actor=STEWARD, deps=deps, limit=limit, die_before_finish=dies
        )
    assert not stored(deps).equals(rebuilt(card_bank, lines[:300]))


def test_two_consumers_cannot_both_go_on(lines: list[bytes], deps: Deps) -> None:
    class Overtaken(MemoryStream):
        def read(self, after: str, upto: str, limit: int, wait: float) -> list[Message]:
            """While it reads, another one goes on."""
            found = super().read(after, upto, limit, wait)
            if not after and len(self.reads) == 1:
                run(MemoryStream(self.data), deps, limit=10)
            return found

    with pytest.raises(ConflictError):
        run(Overtaken(lines[:30]), deps)
    assert sum(b.counts.rows for b in batches(deps) if b.source == "memory:events") == 30


def test_who_may_not_ingest_reads_nothing_and_begins_nothing(lines: list[bytes], deps: Deps) -> None:
    stream = MemoryStream(lines[:5])
    with pytest.raises(DeniedError):
        list(consume(stream, "statements", actor=ANALYST, deps=deps, once=True))
    with pytest.raises(UnknownError):
        list(consume(stream, "nothing", actor=STEWARD, deps=deps, once=True))
    assert stream.reads == []
    with deps.ops() as tx:
        assert tx.cursors.get(stream.name, "statements").pending == ""


@pytest.fixture(scope="module")
def broker(nats_program: str) -> Iterator[str]:
    """A real NATS server with JetStream."""
    with run_nats(nats_program) as url:
        yield url


@pytest.mark.slow
def test_killed_in_the_middle_and_run_again_the_rows_are_those_of_a_batch(
    card_bank: Path, lines: list[bytes], home: Path, broker: str, forkserver: ForkServerContext
) -> None:
    dice = random.Random(11)
    bad = [data for data, rule in BAD if rule != "too_large"]
    events = [*lines, *(dice.choice(bad) for _ in range(20))]
    dice.shuffle(events)
    keyed = [(f"event-{n}", data) for n, data in enumerate(events)]
    again = dice.choices(keyed, k=500)  # a publisher that had no answer sends once more
    last = publish(broker, "EVENTS", SUBJECT, [*keyed, *again], other="card.other")
    others = sum(
        -(-min(250, len(keyed) + len(again) - n) // 10) for n in range(0, len(keyed) + len(again), 250)
    )
    assert last == len(keyed) + others  # the broker removed the second ones by their id
    stream = open_nats(broker, "EVENTS", SUBJECT)
    kill_and_run_again(forkserver, home, stream, dice)
    deps = open_service(load_settings({}, home=home), clock=FakeClock())
    mine = [b for b in batches(deps) if b.source == stream.name]
    assert sum(b.counts.rows for b in mine) == len(events)
    assert stored(deps).equals(rebuilt(card_bank, lines))
    assert run(stream, deps).rows == 0


def test_positions_of_a_real_stream(broker: str) -> None:
    publish(broker, "NUMBERS", "n.a", [(str(n), b"%d" % n) for n in range(1_200)], other="n.b")
    stream = open_nats(broker, "NUMBERS", "n.a")
    first = stream.read("", "", 700, 1.0)
    rest = stream.read(first[-1].position, "", 700, 1.0)
    both = [*first, *rest]
    assert [int(m.data) for m in both] == list(range(1_200))
    positions = [int(m.position) for m in both]
    assert positions == sorted(set(positions))
    assert stream.read("", first[-1].position, 0, 1.0) == first
    assert stream.read(both[-1].position, "", 10, 0.2) == []
    remove(broker, "NUMBERS", int(first[-1].position))  # the last of a range that was begun
    assert stream.read("", first[-1].position, 0, 1.0)[:699] == first[:-1]
    assert stream.read(both[-1].position, str(int(both[-1].position) + 9), 0, 1.0) == []


def test_a_stream_made_anew_and_a_broker_that_is_away_are_told(broker: str) -> None:
    publish(broker, "FRESH", "f", [(str(n), b"1") for n in range(5)])
    stream = open_nats(broker, "FRESH", "f")
    assert len(stream.read("", "", 10, 0.5)) == 5
    recreate(broker, "FRESH", "f")
    with pytest.raises(ConflictError):
        stream.read("5", "", 10, 0.5)
    with pytest.raises(UnknownError):
        open_nats(broker, "NOTHING", "f").read("", "", 10, 0.5)
    with pytest.raises(StorageError) as caught:
        open_nats("nats://secret@127.0.0.1:1", "FRESH", "f").read("", "", 10, 0.5)
    assert "secret" not in str(caught.value)
