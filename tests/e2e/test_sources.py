"""``fiduciary source`` and ``fiduciary consume`` as a person runs them."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from fakes.command import PROGRAM, CommandLine
from fakes.house import House, build
from fakes.kafka import run_kafka
from fakes.nats import publish, run_nats

from service.demo.generate import generate


@pytest.fixture
def bank(tmp_path: Path) -> tuple[House, CommandLine]:
    """A service that knows the customers of 60 cards."""
    generate(tmp_path / "input", customers=60)
    house = build(tmp_path / "home", tmp_path / "input", at=datetime.now(UTC))
    line = CommandLine(house.settings.home, house.tokens)
    for name in ("customers", "statements"):
        contract = house.source / "contracts" / f"{name}.yaml"
        assert line.call("dataset", "add", contract, who="dana").code == 0
    assert line.call("ingest", "customers", house.source / "customers.csv", who="dana").code == 0
    return house, line


def test_a_source_is_registered_shown_its_secret_once_and_revoked(bank: tuple[House, CommandLine]) -> None:
    _, line = bank
    add = ("source", "add", "core-banking", "--dataset", "statements", "--purpose", "regulatory_reporting")
    first = json.loads(line.call(*add, "--json", who="admin").out)
    again = json.loads(line.call(*add, "--json", who="admin").out)
    assert first["secret"].startswith("fds_")
    assert first["secret"] != again["secret"]
    assert line.call(*add, who="dana").code == 3
    assert line.call("source", "revoke", "core-banking", who="admin").code == 0
    assert line.call("source", "revoke", "nobody", who="admin").code == 2


def test_a_stream_is_taken_in_once(bank: tuple[House, CommandLine], nats_program: str) -> None:
    house, line = bank
    added = line.call("user", "add", "svc:events", "--role", "source_system", "--json", who="admin")
    line = CommandLine(house.settings.home, house.tokens | {"events": json.loads(added.out)["token"]})
    rows = pl.read_csv(house.source / "statements.csv", infer_schema=False).rows(named=True)
    with run_nats(nats_program) as url:
        publish(url, "EVENTS", "card", [(str(n), json.dumps(row).encode()) for n, row in enumerate(rows)])
        consume = ("consume", "statements", "--nats", url, "--stream", "EVENTS", "--once", "--json")
        taken = line.call(*consume, who="events")
        assert json.loads(taken.out)["rows"] == len(rows), taken.err
        assert line.call(*consume, who="events").out == ""
    away = line.call(*consume, who="dana")
    assert away.code == 1
    assert "Traceback" not in away.said
    assert line.call("consume", "statements", "--once", who="dana").code == 2


@pytest.mark.slow
def test_a_kafka_topic_is_taken_in_once_by_processes_that_are_killed(bank: tuple[House, CommandLine]) -> None:
    house, line = bank
    rows = pl.read_csv(house.source / "statements.csv", infer_schema=False).rows(named=True)
    events = [json.dumps(row).encode() for row in rows]
    with run_kafka() as broker:
        consume = ("consume", "statements", "--kafka", broker.servers, "--topic", "cards", "--json")
        missing = line.call(*consume, "--once", who="dana")
        assert missing.code == 2
        assert "no such topic" in missing.said
        assert broker.publish("cards", events[:200], compression_type="zstd")
        with subprocess.Popen(
            [PROGRAM, *consume], env=line.environment("dana"), stdout=subprocess.PIPE, text=True
        ) as running:
            assert running.stdout is not None
            assert json.loads(running.stdout.readline())["rows"] == 200  # and it goes on
            broker.publish("cards", events[200:])
            running.kill()
        rest = line.spawn(*consume, "--once", who="dana")
        assert json.loads(rest.out)["rows"] == len(events) - 200, rest.err
        assert rest.err == ""
        again = line.spawn(*consume, "--once", who="dana")
        assert (again.code, again.out) == (0, "")
        broker.kill()
        away = line.spawn(*consume, "--once", who="dana")
        assert away.code == 1
        assert "KafkaConnectionError" in away.err
        assert "Traceback" not in away.said
        assert broker.servers not in away.said
    with run_kafka() as anew:
        anew.publish("cards", events[:10])
        refused = line.call(
            "consume", "statements", "--kafka", anew.servers, "--topic", "cards", "--once", who="dana"
        )
        assert refused.code == 1
        assert "made anew" in refused.said
