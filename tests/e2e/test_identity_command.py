"""``identity`` on the command line and over HTTP, from the match to the undo."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from fakes.command import CommandLine
from fakes.house import furnish
from fakes.second_cards import DPIA, customer, enrol_again
from starlette.testclient import TestClient

from service.api.app import create_app
from service.usecases.persons import headcount


def test_a_pair_is_found_merged_listed_and_parted(tmp_path: Path) -> None:
    house = furnish(tmp_path, customers=60, at=datetime.now(UTC))
    person = customer(house, house.emails[0])
    other = enrol_again(house, 1, person)
    people = headcount(house.deps)
    line = CommandLine(house.settings.home, house.tokens)
    told = line.call("identity", "match", "--dpia", DPIA, "--dry-run", who="dana")
    assert "1 pairs would be merged" in told.out
    found = line.call("identity", "match", "--dpia", DPIA, "--json", who="dana")
    assert json.loads(found.out)["merged"] == 1
    assert headcount(house.deps) == people - 1
    listed = line.call("identity", "list", "--state", "merged", "--json", who="paul")
    (link,) = json.loads(listed.out)["links"]
    assert (link["b"], link["evidence"], link["dpia"]) == (other, ["name:exact", "email:exact"], DPIA)
    assert person["email"] not in listed.out + told.said
    assert "merged" in line.call("identity", "list", who="dana").out
    parted = line.call("identity", "undo", link["id"], "--json", who="paul")
    assert json.loads(parted.out)["state"] == "undone"
    assert headcount(house.deps) == people
    refused = line.call("identity", "match", "--dpia", DPIA, who="ann")
    assert (refused.code, line.call("identity", "match", "--dpia", "none", who="dana").code) == (3, 2)

    def bearer(name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {house.tokens[name]}"}

    with TestClient(create_app(house.deps), raise_server_exceptions=False) as client:
        url, dana = "/v1/identity", bearer("dana")
        run = client.post(f"{url}/matches", json={"dpia": DPIA}, headers=dana).json()
        assert (run["merged"], run["proposed"]) == (0, 0)  # parted by a person
        two = {"a": link["a"], "b": link["b"], "dpia": DPIA}
        made = client.post(f"{url}/links", json=two, headers=dana)
        assert (made.status_code, made.json()["state"]) == (201, "merged")
        assert client.post(f"{url}/links", json=two, headers=dana).status_code == 409
        assert client.get(f"{url}/links?state=merged", headers=bearer("paul")).json()[0]["id"] == link["id"]
        assert client.get(f"{url}/links", headers=bearer("ann")).status_code == 403
        undone = client.post(f"{url}/links/{link['id']}/undo", headers=dana)
        assert undone.json()["state"] == "undone"
