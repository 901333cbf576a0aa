"""A flood of refused pushes over HTTP: few log entries, complete in number, and nobody else is held up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.house import House, build
from fakes.intake import entries_of
from fakes.pushing import Batch
from starlette.testclient import TestClient

from service.api.app import create_app
from service.demo.generate import generate
from service.usecases.datasets import add_dataset
from service.wiring import load_contract

ATTACKER, OTHER = "203.0.113.7", "198.51.100.9"
SOURCE = {"name": "core-banking", "datasets": ["statements"], "purposes": ["regulatory_reporting"]}
FORGED = {"signature-input": "x", "signature": "y"}


@dataclass
class Gate:
    """A service with a registered source."""

    house: House
    batch: Batch

    def client(self, address: str) -> TestClient:
        """A client at an address."""
        return TestClient(create_app(self.house.deps), client=(address, 4711), raise_server_exceptions=False)

    def refusals(self) -> list[tuple[str, int]]:
        """Actor and count of those that each log entry stands for besides itself."""
        entries = [e for e in entries_of(self.house.deps, "dataset:ingest") if e.decision == "deny"]
        return [(e.actor, int(dict(e.detail).get("unlogged", 0))) for e in entries]


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    files = generate(tmp_path / "input", customers=60).files
    house = build(tmp_path / "home", tmp_path / "input")
    contract = tmp_path / "input" / "contracts" / "statements.yaml"
    add_dataset(*load_contract(contract), actor=house.actor("dana"), deps=house.deps)
    gate = Gate(house, Batch(files["statements"].read_bytes()))
    bearer = {"Authorization": f"Bearer {house.tokens['admin']}"}
    answer = gate.client(OTHER).post("/v1/sources", json=SOURCE, headers=bearer)
    gate.batch = gate.batch.but(secret=answer.json()["secret"])
    return gate


def test_a_flood_leaves_thirty_entries_a_minute_and_its_number(gate: Gate) -> None:
    client = gate.client(ATTACKER)
    answers = [client.post(gate.batch.url, content=b"x", headers=FORGED) for _ in range(100)]
    assert [a.status_code for a in answers] == [401] * 30 + [429] * 70
    last = answers[-1]
    assert last.headers["retry-after"] == "60" == str(last.json()["fields"]["retry_after"])
    assert (last.headers["content-type"], last.json()["code"]) == ("application/problem+json", "too_many")
    assert gate.refusals() == [("svc:_unknown", 0)] * 30
    gate.house.clock.advance(timedelta(seconds=59))
    late = client.post(gate.batch.url, content=b"x", headers=FORGED)
    assert (late.status_code, late.headers["retry-after"]) == (429, "1")
    gate.house.clock.advance(timedelta(seconds=1))
    assert client.post(gate.batch.url, content=b"x", headers=FORGED).status_code == 401
    assert gate.refusals()[30:] == [("svc:_unknown", 71)]
    assert len(gate.refusals()) + sum(n for _, n in gate.refusals()) == 102


def test_no_address_is_in_the_log_or_the_answer(gate: Gate) -> None:
    client = gate.client(ATTACKER)
    answers = [client.post(gate.batch.url, content=b"x", headers=FORGED) for _ in range(40)]
    gate.house.deps.audit.seal()
    assert gate.house.deps.scanner.scan([ATTACKER]).hits == ()
    assert ATTACKER not in json.dumps([[a.text, dict(a.headers)] for a in answers])


def test_a_flood_holds_up_neither_another_address_nor_an_accepted_push(gate: Gate) -> None:
    client = gate.client(ATTACKER)
    for _ in range(40):
        client.post(gate.batch.url, content=b"x", headers=FORGED)
    assert gate.client(OTHER).post(gate.batch.url, content=b"x", headers=FORGED).status_code == 401
    now = gate.house.clock.now()
    for later in range(40):  # from the attacker's own address, such as that of a proxy
        sent = gate.batch.send(client, now + timedelta(seconds=later))
        assert sent.status_code == 201, sent.text


def test_a_proven_source_is_counted_by_its_name(gate: Gate) -> None:
    now = gate.house.clock.now()
    stale = gate.batch.but(version="9.9.9")
    answers = [stale.send(gate.client(f"198.51.100.{n}"), now) for n in range(32)]
    assert [a.status_code for a in answers] == [409] * 30 + [429] * 2
    assert gate.refusals() == [("svc:core-banking", 0)] * 30
    assert gate.client(OTHER).post(gate.batch.url, content=b"x", headers=FORGED).status_code == 401
    assert gate.batch.send(gate.client(OTHER), now).status_code == 201
    with gate.house.deps.ops() as tx:
        assert len(tx.batches.all()) == 1
