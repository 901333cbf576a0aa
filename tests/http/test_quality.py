"""Quality, quarantine and corrections over HTTP and on the command line, on the demo's data."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from fakes.command import CommandLine
from fakes.house import House
from starlette.testclient import TestClient

from service.api.app import create_app


def _correction(house: House, row: int) -> bytes:
    """A sound customer of the demo under the number of a rejected row."""
    with (house.source / "customers.csv").open(encoding="utf-8", newline="") as file:
        sound = next(iter(csv.DictReader(file)))
    text = io.StringIO()
    writer = csv.DictWriter(text, ["_source_row", *sound])
    writer.writeheader()
    writer.writerow({"_source_row": row, **sound})
    return text.getvalue().encode()


def test_a_rejected_row_goes_its_way_over_http(house: House) -> None:
    dana, ann = ({"Authorization": f"Bearer {house.tokens[name]}"} for name in ("dana", "ann"))
    with TestClient(create_app(house.deps)) as client:
        rows = client.get("/v1/datasets/customers/quarantine", headers=dana).json()
        first = rows[0]
        assert first.keys() == {"batch", "row", "rule", "column", "row_tag", "state"}
        part = {"batch": first["batch"], "limit": "1", "offset": "1"}
        assert client.get("/v1/datasets/customers/quarantine", params=part, headers=dana).json() == rows[1:2]
        before = client.get("/v1/datasets/customers/quality", headers=dana).json()[0]

        url = f"/v1/batches/{first['batch']}/corrections?filename=fixed.csv"
        fixed = _correction(house, first["row"])
        assert client.post(url, content=fixed, headers=ann).status_code == 403
        done = client.post(url, content=fixed, headers=dana)
        assert (done.status_code, done.json()["admitted"]) == (201, 1)
        assert client.post(url, content=fixed, headers=dana).json() == done.json()
        wrong = client.post(url, content=_correction(house, 1), headers=dana)
        assert (wrong.status_code, wrong.json()["code"]) == (422, "contract")

        after = client.get("/v1/datasets/customers/quality", headers=dana).json()[0]
        assert sum(after["reasons"].values()) == sum(before["reasons"].values()) - 1
        assert after["score"] >= before["score"]
        again = client.get("/v1/datasets/customers/quarantine", headers=dana).json()
        assert [row["state"] for row in again if row["row"] == first["row"]] == ["released"]
        assert client.get("/v1/datasets/nothing/quality", headers=dana).status_code == 404
        assert client.get("/v1/datasets/customers/quarantine?batch=x", headers=dana).status_code == 422


def test_the_same_on_the_command_line(house: House, tmp_path: Path) -> None:
    line = CommandLine(house.settings.home, house.tokens)
    listed = line.call("quarantine", "list", "customers", "--json", who="dana")
    first = json.loads(listed.out)[0]
    file = tmp_path / "fixed.csv"
    file.write_bytes(_correction(house, first["row"]))

    done = line.call("quarantine", "release", first["batch"], file, "--json", who="dana")

    assert (done.code, json.loads(done.out)["admitted"]) == (0, 1)
    shown = line.call("quarantine", "list", "customers", "--batch", first["batch"], who="dana")
    assert shown.code == 0
    assert "released" in shown.out
    report = json.loads(line.call("quality", "--json", who="dana").out)
    assert {day["dataset"] for day in report} == {"customers", "statements", "notes"}
    text = line.call("quality", "statements", who="dana")
    assert text.code == 0
    assert "score" in text.out
    refused = line.call("quality", "statements", who="ann")
    assert refused.code == 3
