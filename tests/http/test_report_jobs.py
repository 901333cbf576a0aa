"""Reports over HTTP: built as a job that tells how far it is, once for an idempotency key, and listed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest
from fakes.house import House
from fakes.intake import entries_of
from fastapi import FastAPI
from starlette.testclient import TestClient

from service.api.app import create_app
from service.api.jobs import MOST, Job, Jobs
from service.errors import ConflictError, UnknownError, UsageError

MEDIA = "application/problem+json"
TYPE = {"type": "rights"}


@pytest.fixture
def api(house: House) -> Iterator[tuple[TestClient, House]]:
    """A client of a furnished service."""
    with TestClient(create_app(house.deps), raise_server_exceptions=False) as client:
        yield client, house


def bearer(house: House, name: str, key: str = "") -> dict[str, str]:
    more = {"Idempotency-Key": key} if key else {}
    return {"Authorization": f"Bearer {house.tokens[name]}"} | more


def finished(client: TestClient, url: str, who: dict[str, str]) -> httpx.Response:
    """The first answer that is not a step on the way."""
    for _ in range(600):
        response = client.get(url, headers=who)
        if response.status_code != 200 or "draft" in response.json():
            return response
        time.sleep(0.05)
    raise AssertionError("the job does not end")


def drafts(house: House) -> list[str]:
    return sorted(path.name for path in (house.settings.home / "report").glob("*.zip"))


def test_a_report_is_started_followed_and_found(api: tuple[TestClient, House]) -> None:
    client, house = api
    cora = bearer(house, "cora")
    started = client.post("/v1/reports", json=TYPE, headers=cora)
    assert started.status_code == 202, started.text
    url = started.headers["location"]
    assert url == f"/v1/reports/jobs/{started.json()['job']}"
    done = finished(client, url, cora).json()
    assert done == {"step": "done", "percent": 100, "draft": drafts(house)[0]}
    assert client.get(f"/v1/reports/{done['draft']}", headers=cora).content[:2] == b"PK"
    listed = client.get("/v1/reports", headers=cora).json()
    size = (house.settings.home / "report" / done["draft"]).stat().st_size
    day = f"{house.clock.now():%Y-%m-%d}"
    assert listed == [{"name": done["draft"], "type": "rights", "state": "draft", "date": day, "size": size}]
    assert [e.decision for e in entries_of(house.deps, "report:read")] == ["allow", "allow"]


def test_the_same_key_starts_nothing_and_another_request_with_it_is_refused(
    api: tuple[TestClient, House],
) -> None:
    client, house = api
    key = str(uuid4())
    cora = bearer(house, "cora", key)
    urls = {client.post("/v1/reports", json=TYPE, headers=cora).headers["location"] for _ in range(3)}
    quoted = client.post("/v1/reports", json=TYPE, headers=cora | {"Idempotency-Key": f'"{key}"'})
    assert urls == {quoted.headers["location"]} == {f"/v1/reports/jobs/{key}"}
    other = client.post("/v1/reports", json={"type": "budget"}, headers=cora)
    assert (other.status_code, other.json()["code"]) == (422, "usage")
    assert finished(client, urls.pop(), cora).status_code == 200
    assert client.post("/v1/reports", json=TYPE, headers=cora).status_code == 202
    assert len(drafts(house)) == 1
    fresh = client.post("/v1/reports", json=TYPE, headers=bearer(house, "cora", str(uuid4())))
    assert (
        finished(client, fresh.headers["location"], cora).json()["draft"] == "rights-2026-11-20-2.draft.zip"
    )


@pytest.mark.parametrize(
    "key", ["13800138000", "A" * 36, f"{UUID(int=1 << 100)}x", str(UUID(int=(1 << 127) + 0xABC)).upper()]
)
def test_a_key_is_a_uuid(api: tuple[TestClient, House], key: str) -> None:
    client, house = api
    response = client.post("/v1/reports", json=TYPE, headers=bearer(house, "cora", key))
    assert (response.status_code, response.headers["content-type"]) == (422, MEDIA)
    assert key not in response.text


def test_a_failure_is_the_problem_that_it_is_however_often_it_is_asked(api: tuple[TestClient, House]) -> None:
    client, house = api
    cora = bearer(house, "cora")
    early = TYPE | {"datasets": ["customers"], "known_at": "2026-11-19T00:00:00Z"}  # for a breach only
    url = client.post("/v1/reports", json=early, headers=cora).headers["location"]
    first = finished(client, url, cora)
    assert (first.status_code, first.json()["code"]) == (422, "usage")
    assert first.headers["content-type"] == MEDIA
    again = client.get(url, headers=cora).json()
    assert first.json() | {"trace_id": ""} == again | {"trace_id": ""}
    assert drafts(house) == []


@pytest.mark.parametrize(
    ("who", "body", "status"), [("ann", TYPE, 403), ("paul", TYPE, 403), ("cora", {"type": "none"}, 404)]
)
def test_who_may_not_or_asks_for_what_is_not_is_told_at_once(
    api: tuple[TestClient, House], who: str, body: dict[str, str], status: int
) -> None:
    client, house = api
    response = client.post("/v1/reports", json=body, headers=bearer(house, who))
    assert (response.status_code, response.headers["content-type"]) == (status, MEDIA)
    assert "location" not in response.headers


def test_a_job_is_its_owners_and_a_restart_forgets_it_but_not_the_draft(
    api: tuple[TestClient, House],
) -> None:
    client, house = api
    cora = bearer(house, "cora")
    url = client.post("/v1/reports", json=TYPE, headers=cora).headers["location"]
    name = finished(client, url, cora).json()["draft"]
    assert client.get(url, headers=bearer(house, "paul")).status_code == 404
    assert client.get(url).status_code == 401
    with TestClient(create_app(house.reopened().deps)) as restarted:
        gone = restarted.get(url, headers=cora)
        assert (gone.status_code, gone.json()["code"]) == (404, "unknown")
        assert [r["name"] for r in restarted.get("/v1/reports", headers=cora).json()] == [name]


def test_the_list_is_for_readers_of_reports_and_comes_in_pages(api: tuple[TestClient, House]) -> None:
    client, house = api
    cora = bearer(house, "cora")
    urls = [client.post("/v1/reports", json=TYPE, headers=cora).headers["location"] for _ in range(3)]
    names = [finished(client, url, cora).json()["draft"] for url in urls]
    assert names == sorted(names)  # one after the other, in the order in which they were asked for
    url = "/v1/reports?limit=2"
    pages = [
        client.get(f"{url}&offset={offset}", headers=bearer(house, "aud")).json() for offset in (0, 2, 4)
    ]
    assert [[r["name"] for r in page] for page in pages] == [names[:0:-1], names[:1], []]
    assert client.get("/v1/reports", headers=bearer(house, "ann")).status_code == 403
    assert client.get("/v1/reports?limit=0", headers=cora).status_code == 422
    assert entries_of(house.deps, "report:read")[-1].decision == "deny"


def test_jobs_run_one_at_a_time_few_wait_and_the_oldest_is_forgotten() -> None:
    jobs, go, running = Jobs(), threading.Event(), []

    def work(job: Job) -> str:
        running.append(job)
        go.wait(10)
        job.tell("half", 50)
        return "made"

    for n in range(MOST):
        jobs.start("user:a", str(n), n, work)
    with pytest.raises(ConflictError):
        jobs.start("user:a", "more", 0, work)
    assert len(running) <= 1
    go.set()
    found = jobs.find("user:a", "0")
    assert (found.made.result(10), found.step, found.percent) == ("made", "half", 50)
    jobs.start("user:a", "more", 0, work)
    with pytest.raises(UnknownError):
        jobs.find("user:a", "0")
    with pytest.raises(UsageError):
        jobs.start("user:a", "1", "other", work)
    assert jobs.find("user:a", "1").asked == 1
    with pytest.raises(UnknownError):
        jobs.find("user:b", "1")


def test_an_unforeseen_failure_is_told_without_what_it_says() -> None:
    jobs = Jobs()

    def work(_: Job) -> str:
        raise ZeroDivisionError("13800138000")

    jobs.start("user:a", "1", 0, work)
    job = jobs.find("user:a", "1")
    for _ in range(3):
        with pytest.raises(ZeroDivisionError) as failure:
            job.result()
        assert len(list(iter_frames(failure.value))) <= 3


@pytest.mark.parametrize(
    "panic", [SystemExit, KeyboardInterrupt, type("PanicException", (BaseException,), {})]
)
def test_a_panic_is_the_jobs_failure_and_not_the_servers(
    api: tuple[TestClient, House], panic: type[BaseException]
) -> None:
    client, house = api
    assert isinstance(client.app, FastAPI)

    def work(_: Job) -> str:
        raise panic("13800138000")

    cora, key = bearer(house, "cora"), str(uuid4())
    client.app.state.jobs.start("user:cora", key, "a report", work)
    url = f"/v1/reports/jobs/{key}"
    for _ in range(2):
        told = finished(client, url, cora)
        assert (told.status_code, told.headers["content-type"]) == (500, MEDIA)
        assert (told.json()["title"], told.json()["fields"]) == (
            "The service failed.",
            {"kind": panic.__name__},
        )
        assert "13800138000" not in told.text
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "2026-11-19", "until": "2026-11-18"},
        {"until": "2026-11-21"},
        {"since": "2026-11-21"},
        {"datasets": ["customers"], "known_at": "0001-01-01T00:00:00+14:00"},
        {"datasets": ["customers"], "known_at": "9999-12-31T23:00:00-14:00"},
    ],
)
def test_a_period_or_an_instant_that_cannot_be_is_told_at_once(
    api: tuple[TestClient, House], asked: dict[str, object]
) -> None:
    client, house = api
    response = client.post("/v1/reports", json=TYPE | asked, headers=bearer(house, "cora"))
    assert (response.status_code, response.json()["code"]) == (422, "usage")
    assert "location" not in response.headers
    query = "/v1/audit/entries?since=0001-01-01T00:00:00%2B14:00"
    assert client.get(query, headers=bearer(house, "aud")).status_code == 422


def test_a_stop_waits_for_the_one_that_runs_and_gives_up_those_that_wait() -> None:
    jobs, go, begun = Jobs(), threading.Event(), threading.Event()

    def work(_: Job) -> str:
        begun.set()
        go.wait(10)
        return "made"

    for key in ("1", "2"):
        jobs.start("user:a", key, 0, work)
    assert begun.wait(10)
    threading.Timer(0.3, go.set).start()
    jobs.close()
    assert jobs.find("user:a", "1").made.result(0) == "made"
    assert jobs.find("user:a", "2").made.cancelled()


def iter_frames(error: BaseException) -> Iterator[object]:
    """Frames of a traceback."""
    place = error.__traceback__
    while place:
        yield place
        place = place.tb_next
