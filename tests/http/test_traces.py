"""The W3C trace id of a request is in every log entry that it leaves, and no other text of a header is."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from fakes.house import House
from fastapi import FastAPI
from starlette.testclient import TestClient

from audit.entry import Entry
from service.adapters.trail import LogTrail
from service.api.app import create_app
from service.api.deps import service_of

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
def api(house: House) -> Iterator[tuple[TestClient, House]]:
    with TestClient(create_app(house.deps), raise_server_exceptions=False) as client:
        yield client, house


def seen(house: House) -> set[str]:
    return {entry.id for _, entry in house.deps.audit.entries()}


def after(house: House, before: set[str]) -> list[Entry]:
    return [entry for _, entry in house.deps.audit.entries() if entry.id not in before]


def ask(client: TestClient, house: House, who: str, *headers: str) -> list[Entry]:
    """What a request to read the log leaves in it."""
    before = seen(house)
    sent = [
        ("authorization", f"Bearer {house.tokens[who]}"),
        *(("traceparent", header) for header in headers),
    ]
    answer = client.get("/v1/audit/entries", headers=sent)
    assert answer.status_code == (200 if who == "aud" else 403)
    return after(house, before)


@pytest.mark.parametrize("who", ["aud", "ann"])
@pytest.mark.parametrize(
    "header", [GOOD, f"cc-{TRACE}-{PARENT}-01-what-comes-later", f"00-{TRACE}-{PARENT}-ff"]
)
def test_each_entry_of_a_request_has_its_trace(api: tuple[TestClient, House], who: str, header: str) -> None:
    (entry,) = ask(*api, who, header)
    assert dict(entry.detail)["trace"] == TRACE


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (GOOD, GOOD),
        ("",),
        (GOOD.upper(),),
        (f"ff-{TRACE}-{PARENT}-01",),
        (f"00-{'0' * 32}-{PARENT}-01",),
        (f"00-{TRACE}-{'0' * 16}-01",),
        (f"{GOOD}-more",),
        (f"00-{TRACE}-{PARENT}",),
        (f"cc-{TRACE}-{PARENT}-01.more",),
        ("call 13900000001",),
    ],
)
def test_what_is_no_trace_leaves_none(api: tuple[TestClient, House], headers: tuple[str, ...]) -> None:
    (entry,) = ask(*api, "aud", *headers)
    assert "trace" not in dict(entry.detail)


def test_requests_at_the_same_time_keep_their_traces_apart(api: tuple[TestClient, House]) -> None:
    client, house = api
    before = seen(house)

    def send(number: int) -> None:
        header = f"00-{number:032x}-{PARENT}-01"
        headers = {"authorization": f"Bearer {house.tokens['aud']}", "traceparent": header}
        client.get(f"/v1/audit/entries?last={number}", headers=headers)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(1, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [dict(entry.detail) for entry in after(house, before)]
    assert sorted(int(str(each["trace"]), 16) for each in found) == list(range(1, 25))
    assert all(int(str(each["last"])) == int(str(each["trace"]), 16) for each in found)


def test_a_public_route_carries_it_too(api: tuple[TestClient, House]) -> None:
    client, house = api
    before = seen(house)
    client.post("/v1/datasets/notes/batches?filename=x.csv", content=b"x", headers={
        "traceparent": GOOD, "signature-input": "nonsense", "signature": "nonsense"})  # fmt: skip
    (entry,) = after(house, before)
    assert (entry.decision, dict(entry.detail)["trace"]) == ("deny", TRACE)


def test_ready_means_that_all_is_sealed_and_a_writer_that_ended_is_not_ready(
    api: tuple[TestClient, House],
) -> None:
    client, house = api
    entry = ask(client, house, "aud")
    ready = client.get("/readyz").json()
    assert ready["sealed_entries"] == len(seen(house))
    assert entry
    assert isinstance(house.deps.audit, LogTrail)
    house.deps.audit._governance.newest().close()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "audit")


def test_a_way_in_that_drops_the_trace_is_caught(api: tuple[TestClient, House]) -> None:
    client, house = api
    assert isinstance(client.app, FastAPI)
    client.app.dependency_overrides[service_of] = lambda: house.deps
    (entry,) = ask(client, house, "aud", GOOD)
    assert "trace" not in dict(entry.detail)
