from __future__ import annotations

import json
from pathlib import Path

import yaml
from fakes.house import build
from starlette.testclient import TestClient

from service.api.app import create_app
from service.demo.generate import generate


def test_an_encoding_can_be_named_over_http(tmp_path: Path) -> None:
    source = tmp_path / "input"
    generate(source, customers=60)
    house = build(tmp_path / "home", source)
    dana = {"Authorization": f"Bearer {house.tokens['dana']}"}
    contract = yaml.safe_load((source / "contracts" / "customers.yaml").read_text(encoding="utf-8"))
    data = (source / "customers.csv").read_text(encoding="utf-8").encode("gb18030")
    consents = (source / "consents.csv").read_text(encoding="utf-8").encode("utf-16")
    url = "/v1/datasets/customers/batches?filename=customers.csv&encoding="
    with TestClient(create_app(house.deps)) as client:

        def status(path: str, content: bytes | str) -> int:
            return client.post(path, content=content, headers=dana).status_code

        assert status("/v1/datasets", json.dumps(contract, default=str)) == 201
        assert [status(url + name, data) for name in ("utf-8", "latin-1", "a b", "gb18030")] == [
            422,
            422,
            422,
            201,
        ]
        assert status("/v1/consents/batches?encoding=utf-8", consents) == 422
        assert status("/v1/consents/batches?encoding=utf-16", consents) == 201
