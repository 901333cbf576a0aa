"""HTTP at its edges: many at once, the description, methods, sizes, types, and where a token may stand."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fakes.house import House
from starlette.testclient import TestClient

from service.api.app import create_app
from service.api.uploads import MAX_BODY
from service.demo.run import PLAN

MEDIA = "application/problem+json"
JSON = {"Content-Type": "application/json"}
GREEDY = PLAN | {"epsilon": 10**30}
WRONG_TYPE = {"right": "erasure", "id_type": "13800138000", "contact": "a@b.cn"}


@pytest.fixture
def api(house: House) -> Iterator[tuple[TestClient, House]]:
    """A client of a furnished service."""
    with TestClient(create_app(house.deps), raise_server_exceptions=False) as client:
        yield client, house


def bearer(house: House, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.tokens[name]}"}


def test_sixteen_runs_of_one_release_charge_once_and_answer_the_same(api: tuple[TestClient, House]) -> None:
    client, house = api
    ann, paul = bearer(house, "ann"), bearer(house, "paul")
    body = {"plan": PLAN, "purpose": "regulatory_reporting"}
    asked = client.post("/v1/aggregates", json=body, headers=ann).json()
    url = f"/v1/aggregates/{asked['id']}"
    assert client.post(f"{url}/approval", headers=paul).status_code == 200
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.post(f"{url}/run", headers=ann), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    budget = client.get("/v1/budget", headers=ann).json()
    assert {scope["spent"] for scope in budget} == {asked["rho"]}
    types = [entry.type for _, entry in house.deps.audit.entries()]
    assert types.count("aggregate:release") == 1


def test_the_description_has_examples_and_every_problem(api: tuple[TestClient, House]) -> None:
    client, _ = api
    document = client.get("/openapi.json").json()
    schemas: dict[str, Any] = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], path
            codes = {"401", "403", "404", "409", "413", "422", "503"}
            assert codes <= set(operation["responses"]), (path, method)
            for code in codes:
                assert MEDIA in operation["responses"][code]["content"], (path, code)
            for media in operation.get("requestBody", {}).get("content", {}).values():
                name = media["schema"].get("$ref", "").rpartition("/")[2]
                if not name:
                    continue
                fields = schemas[name]["properties"]
                shown = [
                    f
                    for f in fields.values()
                    if f.get("examples") or f.get("description") or f.get("writeOnly")
                ]
                assert len(shown) == len(fields), (path, name, list(fields))
    assert schemas["Problem"]["examples"][0]["code"] == "budget"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE", "PUT", "PATCH", "TRACE"])
def test_a_method_that_a_route_has_not_is_405_and_names_those_it_has(
    api: tuple[TestClient, House], method: str
) -> None:
    client, house = api
    response = client.request(method, "/v1/budget", headers=bearer(house, "ann"))
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert response.headers["content-type"] == MEDIA
    assert "access-control-allow-origin" not in response.headers


def test_a_body_that_is_too_large_is_refused_before_it_is_read(api: tuple[TestClient, House]) -> None:
    client, house = api
    ann = bearer(house, "ann") | JSON

    def chunks() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * (MAX_BODY // 32)

    for body in (b"x" * (MAX_BODY + 1), chunks()):
        response = client.post("/v1/aggregates", content=body, headers=ann)
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
        assert response.headers["content-type"] == MEDIA
    contract = client.post("/v1/datasets", content=b"a: 1\n" * 100_000, headers=bearer(house, "dana"))
    assert (contract.status_code, contract.json()["code"]) == (422, "contract")
    lying = {"Content-Length": "many"} | ann
    assert client.post("/v1/aggregates", content=b"{}", headers=lying).status_code == 422


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("dana", "/v1/datasets/none/batches?filename=a.csv"),
        ("dana", f"/v1/batches/{'0' * 64}/corrections?filename=a.csv"),
    ],
)
def test_a_file_may_be_larger_than_other_bodies(api: tuple[TestClient, House], name: str, url: str) -> None:
    client, house = api
    response = client.post(url, content=b"a,b\n" * (MAX_BODY // 2), headers=bearer(house, name))
    assert (response.status_code, response.json()["code"]) == (404, "unknown")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"plan=x&purpose=y", "application/x-www-form-urlencoded"),
        (b"<plan/>", "application/xml"),
        (b"{", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"plan":' * 50_000, "application/json"),
        (b"null", "application/json"),
        (b'{"plan": {}, "purpose": 7}', "application/json"),
        (b"", "application/json"),
    ],
)
def test_a_body_of_another_kind_is_a_plain_problem(
    api: tuple[TestClient, House], content: bytes, kind: str
) -> None:
    client, house = api
    headers = bearer(house, "ann") | {"Content-Type": kind}
    for url in ("/v1/aggregates", "/v1/aggregates/preview"):
        response = client.post(url, content=content, headers=headers)
        assert response.status_code in {400, 422}
        assert response.headers["content-type"] == MEDIA
        assert response.json()["code"] == "usage"
        assert response.json()["detail"]


def test_a_token_counts_in_its_header_only(api: tuple[TestClient, House]) -> None:
    client, house = api
    token = house.tokens["ann"]
    for query in (f"token={token}", f"access_token={token}", f"authorization=Bearer%20{token}"):
        assert client.get(f"/v1/budget?{query}").status_code == 401
    for header in (f"Basic {token}", token, "Bearer", f"Bearer {token}x", f"Bearer {token} {token}"):
        response = client.get("/v1/budget", headers={"Authorization": header})
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
        assert token not in response.text
    client.cookies.set("token", token)
    assert client.get("/v1/budget").status_code == 401
    assert client.get("/v1/budget", headers={"Authorization": f"bearer {token}"}).status_code == 200


@pytest.mark.parametrize(
    ("name", "method", "url", "body", "status"),
    [
        ("paul", "POST", f"/v1/models/credit/{10**20}/approval", None, 422),
        ("paul", "POST", "/v1/models/credit/0/approval", None, 422),
        ("max", "POST", "/v1/models/credit", {"epsilon": 1.5}, 422),
        ("max", "POST", "/v1/models/credit", {"epsilon": 10**30}, 422),
        ("aud", "GET", f"/v1/audit/entries?last={10**30}", None, 422),
        ("admin", "POST", "/v1/users", {"id": "user:z", "roles": []}, 422),
        ("admin", "POST", "/v1/users", {"id": "user:z", "roles": ["analyst"], "days": 10**20}, 422),
        ("admin", "POST", "/v1/users", {"id": "user:ann", "roles": ["analyst"]}, 409),
        ("ann", "POST", "/v1/aggregates", {"plan": GREEDY, "purpose": "regulatory_reporting"}, 422),
        ("ann", "POST", "/v1/aggregates/" + "0" * 32 + "/run", None, 404),
        ("cora", "GET", "/v1/reports/..%2f..%2fkeys%2froot.key", None, 404),
        ("cora", "POST", "/v1/rights/13800138000/run", None, 404),
        ("cora", "POST", "/v1/rights", {"right": "erasure", "contact": "a\u0000b"}, 422),
        ("cora", "POST", "/v1/rights", WRONG_TYPE, 422),
        ("max", "POST", "/v1/scores", None, 409),
    ],
)  # fmt: skip
def test_numbers_and_names_out_of_range_are_problems_and_no_failure(
    api: tuple[TestClient, House], *, name: str, method: str, url: str, body: object, status: int
) -> None:
    client, house = api
    response = client.request(method, url, json=body, headers=bearer(house, name))
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA
    assert "13800138000" not in response.text


def test_a_contract_registered_over_http_serves_after_a_restart(api: tuple[TestClient, House]) -> None:
    client, house = api
    text = (house.source / "contracts" / "notes.yaml").read_bytes()
    again = text.replace(b"version: 1.0.0", b"version: 1.0.1").replace(b'"1.0.0"', b'"1.0.1"')
    assert again != text
    response = client.post("/v1/datasets", content=again, headers=bearer(house, "dana"))
    assert (response.status_code, response.json()["version"]) == (201, "1.0.1")
    with house.reopened().deps.ops() as tx:
        assert [c.version for c in tx.datasets.all() if c.name == "notes"] == ["1.0.1"]
