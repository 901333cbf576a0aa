"""Detection over HTTP: by permission, within limits, and logged without a text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.house import House
from fakes.workbooks import make_workbook
from starlette.testclient import TestClient

from service.api.app import create_app

TEXT = "客户王小明，手机139-1234-5678"
CSV = "姓名,手机号\n王芳,13812345678\n李强,13912345678\n".encode()


@pytest.fixture
def api(house: House) -> Iterator[tuple[TestClient, House]]:
    """A client of a furnished service."""
    with TestClient(create_app(house.deps), raise_server_exceptions=False) as client:
        yield client, house


def _bearer(house: House, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.tokens[name]}"}


def test_texts_are_scanned_and_the_log_has_counts_only(api: tuple[TestClient, House]) -> None:
    client, house = api
    answer = client.post("/v1/pii/scan", json={"texts": [TEXT, "ok"]}, headers=_bearer(house, "dana"))
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["results"]
    assert {(s["type"], TEXT[s["start"] : s["end"]]) for s in first["spans"]} == {
        ("PERSON", "王小明"),
        ("PHONE_NUMBER", "139-1234-5678"),
    }
    assert second["spans"] == []
    _, entry = list(house.deps.audit.entries())[-1]
    assert (entry.type, dict(entry.detail)) == ("pii:scan", {"spans": 2, "texts": 2})


def test_a_table_is_classified(api: tuple[TestClient, House]) -> None:
    client, house = api
    answer = client.post("/v1/pii/classify", content=CSV, headers=_bearer(house, "dana"))
    assert answer.status_code == 200, answer.text
    assert [c["type"] for c in answer.json()["columns"]] == ["PERSON", "PHONE_NUMBER"]
    assert "13812345678" not in answer.text
    _, entry = list(house.deps.audit.entries())[-1]
    assert (entry.type, dict(entry.detail)) == ("pii:classify", {"columns": 2})
    assert client.post("/v1/pii/classify", content=b"", headers=_bearer(house, "dana")).status_code == 422


def test_a_workbook_is_classified_by_its_media_type(api: tuple[TestClient, House]) -> None:
    client, house = api
    book = make_workbook([["mobile"], ["13812345678"]]).read()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    for said, status in ((kind, 200), (f"{kind}; x=y", 200), ("text/csv", 422)):
        headers = {**_bearer(house, "dana"), "Content-Type": said}
        answer = client.post("/v1/pii/classify", content=book, headers=headers)
        assert answer.status_code == status, answer.text
        assert "13812345678" not in answer.text
        if status == 200:
            assert [c["type"] for c in answer.json()["columns"]] == ["PHONE_NUMBER"]


@pytest.mark.parametrize("path", ["/v1/pii/scan", "/v1/pii/classify"])
def test_nobody_scans_without_a_token_and_the_permission(api: tuple[TestClient, House], path: str) -> None:
    client, house = api
    assert client.post(path, json={"texts": [TEXT]}).status_code == 401
    other = next(name for name in house.tokens if name != "dana")
    assert client.post(path, json={"texts": [TEXT]}, headers=_bearer(house, other)).status_code == 403


@pytest.mark.parametrize("texts", [["a"] * 1001, ["a" * 100_001], [1], "a"])
def test_what_is_too_much_or_no_text_is_refused(api: tuple[TestClient, House], texts: object) -> None:
    client, house = api
    answer = client.post("/v1/pii/scan", json={"texts": texts}, headers=_bearer(house, "dana"))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
