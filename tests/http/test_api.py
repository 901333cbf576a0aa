"""The six steps over HTTP, against the real application on real stores."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from fakes.house import House, build
from starlette.testclient import TestClient

from audit.bundle import verify_bundle
from audit.certificate import verify_certificate
from service.api.app import create_app
from service.demo.generate import generate
from service.demo.run import PLAN

NEEDLE = "11990019900307451X"


@pytest.fixture
def api(house: House) -> Iterator[tuple[TestClient, House]]:
    """A client of a furnished service."""
    with TestClient(create_app(house.deps), raise_server_exceptions=False) as client:
        yield client, house


def bearer(house: House, name: str) -> dict[str, str]:
    """The header of one of the staff."""
    return {"Authorization": f"Bearer {house.tokens[name]}"}


def ok(response: httpx.Response, status: int = 200) -> dict[str, object]:
    """The body of a response that must have succeeded."""
    assert response.status_code == status, response.text
    body = response.json()
    assert isinstance(body, dict)
    return body


def made(client: TestClient, started: httpx.Response, who: dict[str, str]) -> object:
    """The draft that a job makes."""
    ok(started, 202)
    while "draft" not in (job := ok(client.get(started.headers["location"], headers=who))):
        time.sleep(0.05)
    return job["draft"]


def test_the_way_in_over_http(tmp_path: Path) -> None:
    source = tmp_path / "input"
    generate(source, customers=60)
    house = build(tmp_path / "home", source)
    dana = bearer(house, "dana")
    with TestClient(create_app(house.deps)) as client:
        contract = (source / "contracts" / "customers.yaml").read_bytes()
        assert ok(client.post("/v1/datasets", content=contract, headers=dana), 201)["name"] == "customers"
        consents = (source / "consents.csv").read_bytes()
        ok(client.post("/v1/consents/batches", content=consents, headers=dana), 201)
        url = "/v1/datasets/customers/batches?filename=customers.csv"
        data = (source / "customers.csv").read_bytes()
        first = ok(client.post(url, content=data, headers=dana), 201)
        assert first["rows"] == sum(int(str(first[k])) for k in ("admitted", "quarantined", "refused"))
        assert ok(client.post(url, content=data, headers=dana), 201) == first
        broken = client.post(url, content=b"\xff\xfe nothing", headers=dana)
        assert broken.status_code == 422
        assert broken.headers["content-type"] == "application/problem+json"


def test_an_aggregate_over_http(api: tuple[TestClient, House]) -> None:
    client, house = api
    ann, paul = bearer(house, "ann"), bearer(house, "paul")
    assert ok(client.post("/v1/aggregates/preview", json=PLAN, headers=ann))
    body = {"plan": PLAN, "purpose": "regulatory_reporting"}
    asked = ok(client.post("/v1/aggregates", json=body, headers=ann), 201)
    url = f"/v1/aggregates/{asked['id']}"
    assert client.post(f"{url}/run", headers=ann).status_code == 409
    assert client.post(f"{url}/approval", headers=ann).status_code == 403
    ok(client.post(f"{url}/approval", headers=paul))
    answer = ok(client.post(f"{url}/run", headers=ann))
    assert answer["state"] == "released"
    spent = client.get("/v1/budget", headers=ann).json()
    assert ok(client.post(f"{url}/run", headers=ann)) == answer
    assert client.get("/v1/budget", headers=ann).json() == spent


def test_a_score_a_deletion_and_a_report_over_http(api: tuple[TestClient, House]) -> None:
    client, house = api
    dana, mod, paul = bearer(house, "dana"), bearer(house, "max"), bearer(house, "paul")
    rita, cora = bearer(house, "rita"), bearer(house, "cora")
    ok(client.post("/v1/profiles", headers=dana), 201)
    model = ok(client.post("/v1/models/credit", json={"epsilon": 1_000_000}, headers=mod), 201)
    ok(client.post(f"/v1/models/credit/{model['version']}/approval", headers=paul))
    ok(client.post("/v1/scores", headers=mod), 201)
    query = {"purpose": "credit_scoring", "id_type": "email", "value": house.emails[0]}
    score = ok(client.post("/v1/scores/query", json=query, headers=rita))
    assert len(score["reasons"]) == 4  # type: ignore[arg-type]
    assert client.post("/v1/scores/query", json=query, headers=bearer(house, "ann")).status_code == 403
    wanted = [{"id_type": "email", "value": email} for email in house.emails[:20]]
    segments = [client.post("/v1/profiles/query", json=one, headers=bearer(house, "ann")) for one in wanted]
    assert {response.status_code for response in segments} <= {200, 403}  # some consented to scoring alone
    assert any("segment" in response.json() for response in segments)
    assert client.post("/v1/profiles/query", json=wanted[0], headers=rita).status_code == 403
    body = {"right": "erasure", "id_type": "email", "contact": house.emails[0]}
    opened = ok(client.post("/v1/rights", json=body, headers=cora), 201)
    url = f"/v1/rights/{opened['id']}"
    ok(client.post(f"{url}/verification", json={"code": house.last_code()}))
    ok(client.post(f"{url}/decision", headers=cora))
    assert ok(client.post(f"{url}/run", headers=cora))["state"] == "done"
    certificate = client.get(f"{url}/certificate", headers=cora).content
    verify_certificate(certificate, vkey=house.deps.audit.vkeys()[0])
    assert client.post("/v1/scores/query", json=query, headers=rita).status_code == 404
    started = [client.post("/v1/reports", json={"type": t}, headers=cora) for t in ("rights", "behaviour")]
    drafts = [made(client, response, cora) for response in started]
    ok(client.post(f"/v1/reports/{drafts[0]}/rejection", headers=paul))
    assert client.post(f"/v1/reports/{drafts[0]}/approval", headers=paul).status_code == 404
    assert client.get(f"/v1/reports/{drafts[1]}", headers=paul).status_code == 200
    assert client.post(f"/v1/reports/{drafts[1]}/approval", headers=cora).status_code == 403
    name = ok(client.post(f"/v1/reports/{drafts[1]}/approval", headers=paul), 201)["bundle"]
    bundle = client.get(f"/v1/reports/{name}", headers=cora).content
    vkey = client.get("/v1/log/vkeys").text.split()[1]
    verify_bundle(bundle, vkey=vkey)
    assert ok(client.post("/v1/verifications", params={"vkey": vkey}, content=bundle))["valid"] is True
    forged = bytes([*bundle[:-30], bundle[-30] ^ 1, *bundle[-29:]])
    refused = client.post("/v1/verifications", content=forged)
    assert (refused.status_code, refused.json()["code"]) == (409, "tampered")


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("POST", "/v1/rights", {"right": "erasure", "contact": {"x": NEEDLE}}),
        ("POST", "/v1/rights", {"right": NEEDLE, "contact": "a@example.com"}),
        ("POST", "/v1/rights", {"right": "erasure", "id_type": "email", "contact": NEEDLE}),
        ("POST", "/v1/scores/query", {"purpose": NEEDLE, "id_type": NEEDLE, "value": NEEDLE}),
        ("POST", "/v1/aggregates", {"plan": {NEEDLE: NEEDLE}, "purpose": NEEDLE}),
        ("POST", "/v1/aggregates/preview", {"dataset": NEEDLE, "keys": [NEEDLE]}),
        ("POST", "/v1/consents/withdrawals", {"id_type": "email", "value": NEEDLE, "purpose": NEEDLE}),
        ("POST", f"/v1/datasets/{NEEDLE}/batches?filename=x.csv", NEEDLE),
        ("POST", f"/v1/rights/{NEEDLE}/verification", {"code": NEEDLE}),
        ("GET", f"/v1/reports/{NEEDLE}", None),
        ("POST", "/v1/reports", {"type": NEEDLE}),
        ("POST", "/v1/reports", {"type": "behaviour", "until": NEEDLE}),
        ("POST", f"/v1/reports/{NEEDLE}/approval", None),
        ("GET", f"/v1/{NEEDLE}", None),
    ],
)
def test_malformed_requests_are_never_echoed(
    api: tuple[TestClient, House], method: str, url: str, body: object
) -> None:
    client, house = api
    for name in ("cora", "rita", "ann", "dana"):
        response = client.request(
            method, url, content=json.dumps(body) if body else None,
            headers={**bearer(house, name), "Content-Type": "application/json"},
        )  # fmt: skip
        assert 400 <= response.status_code < 500, (name, response.text)
        assert response.headers["content-type"] == "application/problem+json"
        assert NEEDLE not in response.text
        assert {"type", "title", "status", "code", "detail", "trace_id"} <= response.json().keys()


def test_every_route_but_the_public_ones_needs_a_token(api: tuple[TestClient, House]) -> None:
    client, _ = api
    public = {
        "/healthz",
        "/readyz",
        "/v1/log/checkpoint",
        "/v1/log/vkeys",
        "/v1/verifications",
        "/v1/rights/{request_id}/verification",
    }
    paths = client.get("/openapi.json").json()["paths"]
    assert len(paths) >= 20
    for path, methods in paths.items():
        for method in methods:
            if path in public:
                continue
            url = path.replace("{version}", "1").replace("{", "").replace("}", "")
            for headers in ({}, {"Authorization": "Bearer fdc_0000000000000000_" + "0" * 64}):
                response = client.request(method.upper(), f"{url}?filename=x.csv", headers=headers, json={})
                assert response.status_code in {401, 422}, (path, response.text)
                if response.status_code == 422:  # the body is read before the token: nothing happened yet
                    assert response.json()["code"] == "usage"


def test_answers_stay_out_of_caches_and_frames(api: tuple[TestClient, House]) -> None:
    client, house = api
    for url in ("/v1/budget", "/v1/log/vkeys", "/nothing"):
        headers = client.get(url, headers=bearer(house, "ann")).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
