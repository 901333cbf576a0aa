"""Rights requests, from the first contact to the certificate, on real stores."""

from __future__ import annotations

import hmac
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.house import House
from mutants.erasures import prove_by_pseudonym

from audit.certificate import verify_certificate
from service.domain.requests import RequestState, Right
from service.errors import ConflictError, DeniedError, UsageError
from service.ports import ByteScan
from service.usecases.audience import OBJECTED
from service.usecases.erasure import STEPS, prove
from service.usecases.package import access_package
from service.usecases.rights import decide_request, open_request, run_request, verify_request


def test_an_erasure_ends_with_a_certificate_that_verifies(house: House) -> None:
    cora = house.actor("cora")
    opened = open_request(Right.ERASURE, "email", house.emails[0], actor=cora, deps=house.deps)
    verify_request(opened.id, house.last_code(), deps=house.deps)
    decided = decide_request(opened.id, actor=cora, deps=house.deps)
    outcomes = {o["data_class"]: o["outcome"] for o in json.loads(decided.decision)}
    assert outcomes["aml_record"] == "restrict"
    assert {v for k, v in outcomes.items() if k != "aml_record"} == {"delete"}
    done = run_request(opened.id, actor=cora, deps=house.deps).request
    assert (done.state, done.subject) == (RequestState.DONE, 0)
    data = (house.settings.certificates / done.certificate).read_bytes()
    facts = verify_certificate(data, vkey=house.deps.audit.vkeys()[0])
    assert facts.predicate["request"] == opened.id
    steps = facts.predicate["steps"]
    assert isinstance(steps, dict)
    assert list(steps) == sorted(name for name, _ in STEPS)
    assert steps["prove"]["hits"] == 0
    assert steps["prove"]["identifiers"] == 5
    assert steps["destroy"]["left"] == 0
    commitment = hmac.digest(bytes.fromhex(opened.receipt_key), house.emails[0].encode(), "sha256").hex()
    assert facts.predicate["commitment"] == commitment
    assert house.emails[0].encode() not in data


def test_nothing_of_the_erased_person_is_left(house: House) -> None:
    email = house.emails[0]
    request = house.decided(Right.ERASURE, email)
    with house.deps.ops() as tx:
        subject = tx.requests.get(request).subject
    row = house.deps.vault.pseudonyms([subject])
    pseudonym = bytes(row.item(0, "_sp"))
    package = access_package(subject, deps=house.deps)
    identifiers = package["identifiers"]
    assert isinstance(identifiers, dict)
    values = [str(v) for document in identifiers.values() for v in document.values()]
    assert email in values
    run_request(request, actor=house.actor("cora"), deps=house.deps)
    assert house.deps.events.residue([pseudonym]) == ()
    assert house.deps.scanner.scan([*values, pseudonym]).hits == ()
    assert house.deps.vault.pseudonyms([subject]).is_empty()
    kept = [(r.request, r.data_class) for r in house.deps.vault.retained()]
    assert kept == [(request, "aml_record")]
    with house.deps.ops() as tx:
        assert tx.consents.of(subject) == ()


def test_bystanders_keep_every_row(house: House) -> None:
    request = house.decided(Right.ERASURE, house.emails[0])
    with house.deps.ops() as tx:
        gone = bytes(house.deps.vault.pseudonyms([tx.requests.get(request).subject]).item(0, "_sp"))
    tables = house.deps.events.tables()

    def others() -> dict[str, list[tuple[object, ...]]]:
        frames = {name: house.deps.events.scan(name).collect() for name in tables}
        return {n: sorted(f.filter(f["_sp"].ne_missing(gone)).rows(), key=repr) for n, f in frames.items()}

    before = others()
    run_request(request, actor=house.actor("cora"), deps=house.deps)
    assert others() == before


class _BlindScanner:
    """Finds the person wherever it looks: as if bytes had stayed behind."""

    def scan(self, needles: Sequence[str | bytes]) -> ByteScan:
        return ByteScan(1, len(needles), ("events/forgotten.parquet",))


def test_an_erasure_that_leaves_bytes_is_not_called_done(house: House) -> None:
    request = house.decided(Right.ERASURE, house.emails[0])
    deps = replace(house.deps, scanner=_BlindScanner())
    with pytest.raises(ConflictError):
        run_request(request, actor=house.actor("cora"), deps=deps)
    with deps.ops() as tx:
        stored = tx.requests.get(request)
    assert stored.state is RequestState.RUNNING
    assert "prove" not in stored.steps
    done = run_request(request, actor=house.actor("cora"), deps=house.deps).request
    assert done.state is RequestState.DONE


def test_an_identifier_left_in_any_file_stops_the_erasure_however_often_it_is_run(house: House) -> None:
    request = house.decided(Right.ERASURE, house.emails[0])
    forgotten = house.settings.home / "export.csv"
    forgotten.write_text(house.emails[0])
    for _ in range(2):
        with pytest.raises(ConflictError) as refusal:
            run_request(request, actor=house.actor("cora"), deps=house.deps)
        assert refusal.value.fields["files"] == "export.csv"
        with house.deps.ops() as tx:
            stored = tx.requests.get(request)
        assert (stored.state, stored.certificate) == (RequestState.RUNNING, "")
        assert not house.deps.vault.pseudonyms([stored.subject]).is_empty()
    forgotten.unlink()
    done = run_request(request, actor=house.actor("cora"), deps=house.deps).request
    assert done.state is RequestState.DONE


def test_a_proof_that_is_blind_to_identifiers_is_told_from_the_real_one(house: House) -> None:
    request = house.decided(Right.ERASURE, house.emails[0])
    (house.settings.home / "export.csv").write_text(house.emails[0])
    with pytest.raises(ConflictError):  # the rows are gone by now
        run_request(request, actor=house.actor("cora"), deps=house.deps)
    with house.deps.ops() as tx:
        asked = tx.requests.get(request)
    assert prove_by_pseudonym(asked, house.deps)["hits"] == 0
    with pytest.raises(ConflictError):
        prove(asked, house.deps)


KILL = """
    import os, sys
    from pathlib import Path
    from service.domain.actors import Actor
    from service.settings import load_settings
    from service.usecases import erasure, rights
    from service.wiring import open_service

    home, request, step = sys.argv[1:]
    deps = open_service(load_settings({}, home=Path(home)))

    def dying(name, work):
        def run(asked, given):
            found = work(asked, given)
            if name == step:
                os.kill(os.getpid(), 9)
            return found
        return run

    erasure.STEPS = tuple((name, dying(name, work)) for name, work in erasure.STEPS)
    rights.run_request(request, actor=Actor("user:cora", frozenset({"compliance_officer"})), deps=deps)
"""


@pytest.mark.parametrize("step", [name for name, _ in STEPS])
def test_a_killed_erasure_goes_on_where_it_stopped(house: House, step: str) -> None:
    request = house.decided(Right.ERASURE, house.emails[0])
    with house.deps.ops() as tx:
        gone = bytes(house.deps.vault.pseudonyms([tx.requests.get(request).subject]).item(0, "_sp"))
    arguments = [sys.executable, "-c", textwrap.dedent(KILL), str(house.settings.home), request, step]
    child = subprocess.run(
        arguments, capture_output=True, text=True, check=False, cwd=Path.cwd(), env=dict(os.environ)
    )
    assert child.returncode == -9, child.stderr
    again = house.reopened()
    done = run_request(request, actor=again.actor("cora"), deps=again.deps).request
    assert done.state is RequestState.DONE
    assert done.steps == ",".join(name for name, _ in STEPS)
    assert again.deps.events.residue([gone]) == ()
    assert again.deps.scanner.scan([gone, house.emails[0]]).hits == ()
    verify_certificate(
        (again.settings.certificates / done.certificate).read_bytes(), vkey=again.deps.audit.vkeys()[0]
    )


def test_a_code_dies_after_five_wrong_tries(house: House) -> None:
    opened = open_request(Right.ACCESS, "email", house.emails[0], actor=house.actor("cora"), deps=house.deps)
    code = house.last_code()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for _ in range(5):
        with pytest.raises(DeniedError):
            verify_request(opened.id, wrong, deps=house.deps)
    with pytest.raises(ConflictError):
        verify_request(opened.id, code, deps=house.deps)


def test_a_code_dies_after_ten_minutes_and_after_one_use(house: House) -> None:
    opened = open_request(Right.ACCESS, "email", house.emails[0], actor=house.actor("cora"), deps=house.deps)
    house.clock.advance(timedelta(minutes=10))
    with pytest.raises(DeniedError):
        verify_request(opened.id, house.last_code(), deps=house.deps)
    opened = open_request(Right.ACCESS, "email", house.emails[1], actor=house.actor("cora"), deps=house.deps)
    verify_request(opened.id, house.last_code(), deps=house.deps)
    with pytest.raises(ConflictError):
        verify_request(opened.id, house.last_code(), deps=house.deps)


def test_an_unknown_contact_looks_like_a_known_one_and_leads_nowhere(house: House) -> None:
    before = house.codes.getvalue()
    opened = open_request(
        Right.ERASURE, "email", "nobody@example.com", actor=house.actor("cora"), deps=house.deps
    )
    assert len(opened.id) == 32
    assert house.codes.getvalue() == before
    with pytest.raises(DeniedError):
        verify_request(opened.id, "000000", deps=house.deps)
    with pytest.raises(ConflictError):
        decide_request(opened.id, actor=house.actor("cora"), deps=house.deps)


def test_an_unverified_request_does_nothing_and_stands_in_nobodys_way(house: House) -> None:
    open_request(Right.ERASURE, "email", house.emails[0], actor=house.actor("cora"), deps=house.deps)
    request = house.decided(Right.ERASURE, house.emails[0])
    assert run_request(request, actor=house.actor("cora"), deps=house.deps).request.state is RequestState.DONE


def test_a_contact_that_is_none_is_refused_without_echo(house: House) -> None:
    with pytest.raises(UsageError) as refusal:
        open_request(Right.ACCESS, "email", "not an address", actor=house.actor("cora"), deps=house.deps)
    assert "not an address" not in str(refusal.value)


def test_an_analyst_can_neither_open_nor_run(house: House) -> None:
    with pytest.raises(DeniedError):
        open_request(Right.ERASURE, "email", house.emails[0], actor=house.actor("ann"), deps=house.deps)
    request = house.decided(Right.ERASURE, house.emails[0])
    with pytest.raises(DeniedError):
        run_request(request, actor=house.actor("ann"), deps=house.deps)


def test_access_gives_everything_held_and_stores_no_copy(house: House) -> None:
    email = house.emails[0]
    ran = run_request(house.decided(Right.ACCESS, email), actor=house.actor("cora"), deps=house.deps)
    assert ran.package is not None
    text = json.dumps(ran.package, ensure_ascii=False)
    assert email in text
    assert set(ran.package) == {"identifiers", "rows", "consents", "purposes", "recipients", "uses"}
    (use,) = json.loads(text)["uses"]  # nobody but who decides this very request
    assert (use["act"], use["role"], set(use)) == (
        "rights:decide",
        "compliance_officer",
        {"at", "act", "purpose", "role", "decision"},
    )
    assert "cora" not in json.dumps(ran.package["uses"])
    assert house.deps.scanner.scan([email]).hits == ()


def test_an_objection_and_a_restriction_stand(house: House) -> None:
    cora = house.actor("cora")
    run_request(house.decided(Right.OBJECTION, house.emails[0]), actor=cora, deps=house.deps)
    with house.deps.ops() as tx:
        assert len(tx.requests.flagged(OBJECTED)) == 1
    run_request(house.decided(Right.RESTRICTION, house.emails[1]), actor=cora, deps=house.deps)
    assert len(house.deps.vault.restricted()) == 1
