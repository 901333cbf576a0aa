"""Signed push over HTTP: what is accepted, and that everything else is refused and written down."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx
import pytest
import uvicorn
from fakes.house import House, build
from fakes.intake import entries_of, stored_text
from fakes.pushing import COVERED, Batch
from starlette.testclient import TestClient

from service.adapters.clock import SystemClock
from service.api.app import create_app
from service.demo.generate import generate
from service.usecases.consent import import_consents
from service.usecases.datasets import add_dataset
from service.usecases.ingest import ingest
from service.usecases.push import REFUSALS
from service.wiring import load_contract

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "push-from-another-system.md"
NEEDLE = "13912345678"


@dataclass
class Bank:
    """A service with customers, a client of it, and a registered source."""

    house: House
    client: TestClient
    batch: Batch

    def send(self, batch: Batch, *, later: float = 0) -> httpx.Response:
        """Send a batch signed by the source's clock, ``later`` seconds off the service's."""
        return batch.send(self.client, self.house.clock.now() + timedelta(seconds=later))

    def refused(self, response: httpx.Response) -> tuple[int, str]:
        """Status and reason of a refusal, which must be in the log and must have stored nothing."""
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json", response.text
        assert NEEDLE not in response.text
        entry = entries_of(self.house.deps, "dataset:ingest")[-1]
        assert (entry.decision, dict(entry.detail)["reason"]) == ("deny", problem["fields"]["why"])
        with self.house.deps.ops() as tx:
            assert {row.dataset for row in tx.batches.all()} == {"customers"}
        return response.status_code, problem["fields"]["why"]


@pytest.fixture(scope="module")
def source_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("input")
    generate(folder, customers=60)
    return folder


@pytest.fixture
def bank(tmp_path: Path, source_files: Path) -> Iterator[Bank]:
    house = build(tmp_path / "home", source_files)
    dana = house.actor("dana")
    for name in ("customers", "statements"):
        add_dataset(*load_contract(source_files / "contracts" / f"{name}.yaml"), actor=dana, deps=house.deps)
    import_consents(source_files / "consents.csv", actor=dana, deps=house.deps)
    ingest(source_files / "customers.csv", "customers", actor=dana, deps=house.deps)
    with TestClient(create_app(house.deps), raise_server_exceptions=False) as client:
        answer = client.post("/v1/sources", json=SOURCE, headers=bearer(house, "admin"))
        body = (source_files / "statements.csv").read_bytes()
        yield Bank(house, client, Batch(body, secret=answer.json()["secret"]))


SOURCE = {"name": "core-banking", "datasets": ["statements"], "purposes": ["regulatory_reporting"]}


def bearer(house: House, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.tokens[name]}"}


def test_a_signed_batch_is_taken_in_and_its_source_is_on_record(bank: Bank) -> None:
    response = bank.send(bank.batch)
    assert response.status_code == 201, response.text
    answer = response.json()
    assert answer["rows"] == answer["admitted"] + answer["quarantined"] + answer["refused"]
    assert answer["admitted"] > 200
    with bank.house.deps.ops() as tx:
        row = tx.batches.get(answer["id"])
    assert row is not None
    assert (row.source, row.actor) == ("core-banking", "svc:core-banking")
    entry = entries_of(bank.house.deps, "dataset:ingest")[-1]
    assert (entry.actor, entry.role) == ("svc:core-banking", "source_system")
    assert dict(entry.detail).items() >= {"source": "core-banking", "purpose": "regulatory_reporting"}.items()


def test_people_still_send_with_their_token(bank: Bank) -> None:
    response = bank.client.post(bank.batch.url, content=bank.batch.body, headers=bearer(bank.house, "dana"))
    assert response.status_code == 201
    assert bank.client.post(bank.batch.url, content=bank.batch.body).status_code == 401
    assert (
        bank.client.post(
            bank.batch.url, content=bank.batch.body, headers=bearer(bank.house, "ann")
        ).status_code
        == 403
    )


def test_the_same_key_and_body_signed_anew_get_the_first_answer(bank: Bank) -> None:
    first = bank.send(bank.batch)
    again = bank.send(bank.batch, later=1)
    assert (again.status_code, again.json()) == (201, first.json())
    with bank.house.deps.ops() as tx:
        assert len(tx.batches.all()) == 2
    assert len([e for e in entries_of(bank.house.deps, "dataset:ingest") if e.decision == "allow"]) == 2


def test_the_first_answer_outlives_a_new_contract_version(bank: Bank, tmp_path: Path) -> None:
    first = bank.send(bank.batch)
    text = (bank.house.source / "contracts" / "statements.yaml").read_text(encoding="utf-8")
    newer = tmp_path / "newer.yaml"
    newer.write_text(re.sub(r"(?m)^version: .*$", "version: 1.1.0", text), encoding="utf-8")
    add_dataset(*load_contract(newer), actor=bank.house.actor("dana"), deps=bank.house.deps)
    assert bank.send(bank.batch, later=1).json() == first.json()
    stale = bank.send(bank.batch.but(key=str(uuid4())))
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    fields = stale.json()["fields"]
    assert (fields["why"], fields["sent"], fields["in_force"]) == ("schema_version", "1.0.0", "1.1.0")


def test_a_key_stands_for_one_request(bank: Bank) -> None:
    bank.send(bank.batch)
    for other in (
        bank.batch.but(body=bank.batch.body + b"x"),
        bank.batch.but(url=bank.batch.url.replace("s.csv", "t.csv")),
    ):
        response = bank.send(other, later=1)
        assert (response.status_code, response.json()["fields"]["why"]) == (422, "idempotency_key")
    with bank.house.deps.ops() as tx:
        assert len(tx.batches.all()) == 2


def test_a_replay_is_refused_within_the_window_and_after_it(bank: Bank) -> None:
    at = bank.house.clock.now()
    assert bank.batch.send(bank.client, at).status_code == 201
    replayed = bank.batch.send(bank.client, at)
    assert (replayed.status_code, replayed.json()["fields"]["why"]) == (409, "replay")
    bank.house.clock.advance(timedelta(minutes=6))
    late = bank.batch.send(bank.client, at)
    assert (late.status_code, late.json()["fields"]["why"]) == (401, "signature_created")


@pytest.mark.parametrize("later", [-301, 301])
def test_a_clock_more_than_five_minutes_off_is_refused(bank: Bank, later: int) -> None:
    assert bank.refused(bank.send(bank.batch, later=later)) == (401, "signature_created")


@pytest.mark.parametrize("later", [-299, 299])
def test_a_clock_less_than_five_minutes_off_is_accepted(bank: Bank, later: int) -> None:
    assert bank.send(bank.batch, later=later).status_code == 201


@pytest.mark.parametrize("name", COVERED)
def test_every_component_must_be_covered(bank: Bank, name: str) -> None:
    batch = bank.batch.but(covered=tuple(c for c in COVERED if c != name))
    why = "signature_digest" if name == "content-digest" else f"signature_lacks_{name}"
    assert bank.refused(bank.send(batch)) == (401, why)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("fiduciary_purpose", "credit_scoring"),
        ("fiduciary_schema_version", "2.0.0"),
        ("idempotency_key", "70f0dc02-08bd-43dd-9aa9-86339a4986ee"),
        ("content_digest", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
    ],
)
def test_a_header_changed_on_the_way_is_refused(bank: Bank, header: str, value: str) -> None:
    headers = {header: value}
    response = bank.batch.send(bank.client, bank.house.clock.now(), **headers)
    assert bank.refused(response) == (401, "signature_signature")


def test_a_changed_path_query_or_body_is_refused(bank: Bank) -> None:
    headers = bank.batch.headers(bank.house.clock.now())
    for url in (
        bank.batch.url.replace("statements", "customers"),
        bank.batch.url + "&encoding=big5",
        bank.batch.url.replace("statements", "%73tatements"),
    ):
        response = bank.client.post(url, content=bank.batch.body, headers=headers)
        assert bank.refused(response) == (401, "signature_signature")
    assert bank.refused(bank.send(bank.batch.but(sent=bank.batch.body + b" "))) == (401, "signature_body")


def test_an_unknown_a_revoked_and_a_wrong_signer_look_alike(bank: Bank) -> None:
    unknown = bank.send(bank.batch.but(source="unknown"))
    wrong = bank.send(bank.batch.but(secret="fds_" + "0" * 64))
    bank.client.post("/v1/sources/core-banking/revocation", headers=bearer(bank.house, "admin"))
    revoked = bank.send(bank.batch)
    answers = {
        (r.status_code, r.json()["detail"], str(r.json()["fields"])) for r in (unknown, wrong, revoked)
    }
    assert len(answers) == 1
    assert bank.refused(revoked) == (401, "signature_signature")


def test_a_new_secret_ends_the_old_one(bank: Bank) -> None:
    answer = bank.client.post("/v1/sources", json=SOURCE, headers=bearer(bank.house, "admin")).json()
    assert answer["secret"] != bank.batch.secret
    assert bank.refused(bank.send(bank.batch)) == (401, "signature_signature")
    assert bank.send(bank.batch.but(secret=answer["secret"])).status_code == 201


def test_a_source_sends_only_where_and_for_what_it_is_registered(bank: Bank) -> None:
    elsewhere = bank.batch.but(url="/v1/datasets/customers/batches?filename=s.csv")
    assert bank.refused(bank.send(elsewhere)) == (403, "dataset_not_granted")
    nowhere = bank.batch.but(url=f"/v1/datasets/{NEEDLE}/batches?filename=s.csv")
    assert bank.refused(bank.send(nowhere)) == (403, "dataset_not_granted")
    assert bank.refused(bank.send(bank.batch.but(purpose="credit_scoring"))) == (403, "purpose_not_granted")
    assert bank.refused(bank.send(bank.batch.but(purpose=NEEDLE))) == (403, "purpose_not_granted")
    both = SOURCE | {"purposes": ["service_improvement"]}
    secret = bank.client.post("/v1/sources", json=both, headers=bearer(bank.house, "admin")).json()["secret"]
    uncollected = bank.batch.but(secret=secret, purpose="service_improvement")
    assert bank.refused(bank.send(uncollected)) == (403, "purpose_not_granted")


@pytest.mark.parametrize("key", ["", NEEDLE, "A" * 36, "480424DC-2B5A-4C5B-8F01-6B2357191B47"])
def test_an_idempotency_key_is_a_uuid(bank: Bank, key: str) -> None:
    assert bank.refused(bank.send(bank.batch.but(key=key))) == (422, "header_form")


@pytest.mark.parametrize("version", ["", "1", NEEDLE, "1.0.0 "])
def test_a_schema_version_is_a_version(bank: Bank, version: str) -> None:
    response = bank.send(bank.batch.but(version=version))
    if version.strip() != "1.0.0":
        assert bank.refused(response) == (422, "header_form")


def test_an_unknown_field_refuses_the_file_and_its_key_stays_free(bank: Bank) -> None:
    rows = bank.batch.body.split(b"\n")
    wide = b"\n".join([rows[0] + b",shoe_size", *(row + b",44" for row in rows[1:] if row)])
    response = bank.send(bank.batch.but(body=wide))
    assert (response.status_code, response.json()["code"]) == (422, "contract")
    assert bank.send(bank.batch, later=1).status_code == 201


def test_only_an_administrator_registers_and_revokes(bank: Bank) -> None:
    for name in ("dana", "ann", "cora"):
        headers = bearer(bank.house, name)
        assert bank.client.post("/v1/sources", json=SOURCE, headers=headers).status_code == 403
        assert bank.client.post("/v1/sources/core-banking/revocation", headers=headers).status_code == 403
    admin = bearer(bank.house, "admin")
    assert bank.client.post("/v1/sources/nobody/revocation", headers=admin).status_code == 404
    for wrong, status in (
        ({"name": "A B"}, 422),
        ({"datasets": []}, 422),
        ({"purposes": []}, 422),
        ({"datasets": ["nothing"]}, 404),
        ({"purposes": ["nothing"]}, 404),
    ):
        answer = bank.client.post("/v1/sources", json=SOURCE | wrong, headers=admin)
        assert answer.status_code == status, answer.text


def test_no_secret_is_stored_or_logged(bank: Bank) -> None:
    bank.send(bank.batch)
    bank.house.deps.audit.seal()
    needles = [bank.batch.secret, bank.batch.secret.removeprefix("fds_")]
    assert bank.house.deps.scanner.scan(needles).hits == ()
    assert bank.batch.secret not in stored_text(bank.house.deps)


@pytest.fixture
def live(bank: Bank) -> Iterator[str]:
    """The address of the bank's service on a real port, by the real clock."""
    app = create_app(replace(bank.house.deps, clock=SystemClock()))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.mark.parametrize("language", ["python", "bash"])
def test_the_programs_in_the_documentation_work(bank: Bank, live: str, tmp_path: Path, language: str) -> None:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    program, file = tmp_path / "program", tmp_path / "statements.csv"
    program.write_text(found[1], encoding="utf-8")
    file.write_bytes(bank.batch.body)
    path, query = "/v1/datasets/statements/batches", "filename=statements.csv"
    where = [f"{live}{path}?{query}"] if language == "python" else [live, path, query]
    command = [sys.executable if language == "python" else "bash", str(program), *where, str(file)]
    ran = subprocess.run(
        [*command, "regulatory_reporting", "1.0.0", str(uuid4())],
        env={"PATH": os.environ["PATH"], "SOURCE": "core-banking", "SECRET": bank.batch.secret},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert '"admitted":' in ran.stdout


def test_the_documentation_names_every_reason() -> None:
    source = (Path(__file__).parents[2] / "service" / "usecases" / "push.py").read_text(encoding="utf-8")
    reasons = {*REFUSALS, *re.findall(r'"(signature_\w+)"', source)}
    page = PAGE.read_text(encoding="utf-8")
    assert len(reasons) >= 9
    assert [reason for reason in reasons if f"`{reason}`" not in page] == []
