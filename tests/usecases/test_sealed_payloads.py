"""What a customer said, sealed beside the log: who reads it, and what an erasure or a crash leaves of it."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.command import CommandLine
from fakes.house import House, furnish, move_in
from starlette.testclient import TestClient

from audit.canonical import digest
from audit.certificate import verify_certificate
from audit.entry import Entry
from service.api.app import create_app
from service.domain.requests import RequestState, Right
from service.errors import ConflictError, DeniedError, StorageError, TamperedError, UnknownError, UsageError
from service.usecases import erasure
from service.usecases.access import authorise
from service.usecases.audience import subject_with
from service.usecases.doctor import check_log
from service.usecases.erasure import Evidence
from service.usecases.payloads import MARK, SEALED
from service.usecases.rights import MAX_STATEMENT, decide_request, open_request, run_request, verify_request
from service.usecases.tracing import open_payload, who_accessed

WORDS = "我被误列为高风险客户，请人工复核（张小明 13812345678）"


@pytest.fixture
def house(furnished: House, tmp_path: Path) -> House:
    return move_in(furnished, tmp_path / "house")


def asked(house: House, right: Right = Right.OBJECTION, *, statement: str = WORDS, email: str = "") -> str:
    """A verified request with a statement."""
    email = email or house.emails[0]
    opened = open_request(right, "email", email, actor=house.actor("cora"), deps=house.deps)
    verify_request(opened.id, house.last_code(), deps=house.deps, statement=statement)
    return opened.id


def done(house: House, request: str) -> dict[str, object] | None:
    """Decided and run; the access copy if it was for one."""
    decide_request(request, actor=house.actor("cora"), deps=house.deps)
    return run_request(request, actor=house.actor("cora"), deps=house.deps).package


def log(house: House, kind: str = "rights:verify") -> list[Entry]:
    return [entry for _, entry in house.deps.audit.entries() if entry.type == kind]


def said(house: House, entry: Entry, who: str = "cora") -> object:
    return open_payload(entry.id, actor=house.actor(who), deps=house.deps)[1]


def checked(house: House) -> dict[str, object]:
    found = check_log(
        house.settings.log,
        lambda: house.reopened().deps,
        now=house.clock.now(),
        progress=lambda *_: None,
        rebuild=False,
    )
    return {name: value for name, value in found.items() if name.startswith("payloads")}


def file_of(house: House, entry: Entry) -> Path:
    return house.settings.home / SEALED / entry.id


def test_the_officer_reads_what_the_customer_said_and_no_byte_shows_it(house: House) -> None:
    asked(house)
    (entry,) = log(house)
    assert said(house, entry) == {"statement": WORDS}
    assert MARK in entry.detail
    assert entry.payload == digest(file_of(house, entry).read_bytes())
    assert house.deps.scanner.scan([WORDS]).hits == ()
    assert checked(house) == {"payloads": 1, "payloads_erased": 0, "payloads_unnamed": 0}


def test_nobody_else_may_open_it_and_the_opening_is_an_entry_about_the_person(house: House) -> None:
    asked(house)
    (entry,) = log(house)
    for name in ("ann", "dana", "paul", "aud", "rita", "max"):
        with pytest.raises(DeniedError):
            said(house, entry, name)
    assert [e.decision for e in log(house, "audit:open")] == ["deny"] * 6
    said(house, entry)
    last = log(house, "audit:open")[-1]
    assert (last.decision, last.resource, last.subjects) == ("allow", f"entry/{entry.id}", 1)
    found = who_accessed("email", house.emails[0], actor=house.actor("cora"), deps=house.deps)
    assert [e.type for _, e in found.entries] == ["rights:verify", "audit:open", "audit:trace"]
    found = who_accessed("email", house.emails[1], actor=house.actor("cora"), deps=house.deps)
    assert [e.type for _, e in found.entries] == ["audit:trace"]


def test_an_opening_that_cannot_be_logged_shows_nothing(house: House) -> None:
    asked(house)
    (entry,) = log(house)
    before = len(log(house, "audit:open"))

    class Full:
        def __getattr__(self, name: str) -> object:
            return getattr(house.deps.audit, name)

        def append(self, *_: Entry) -> None:
            raise StorageError("full")

    with pytest.raises(StorageError):
        open_payload(entry.id, actor=house.actor("cora"), deps=replace(house.deps, audit=Full()))  # type: ignore[arg-type]
    assert len(log(house, "audit:open")) == before


def test_the_customers_own_copy_has_it_and_that_of_another_has_not(house: House) -> None:
    done(house, asked(house))
    said(house, log(house)[0])
    for email, words in ((house.emails[0], [WORDS]), (house.emails[1], [])):
        package = done(house, asked(house, Right.ACCESS, email=email, statement=""))
        assert package is not None
        uses = package["uses"]
        assert isinstance(uses, list)
        assert [use["sealed"]["statement"] for use in uses if "sealed" in use] == words
        assert ("audit:open" in [use["act"] for use in uses]) == bool(words)
        json.dumps(package)


def test_the_certificate_cites_the_entry_and_not_the_words(house: House) -> None:
    request = asked(house, Right.RESTRICTION)
    decide_request(request, actor=house.actor("cora"), deps=house.deps)
    name = run_request(request, actor=house.actor("cora"), deps=house.deps).request.certificate
    data = (house.settings.certificates / name).read_bytes()
    facts = verify_certificate(data, vkey=house.deps.audit.vkeys()[0])
    (place,) = [place for place, entry in house.deps.audit.entries() if entry.type == "rights:verify"]
    assert str(place) in map(str, facts.entries)
    assert WORDS.encode() not in data


@pytest.mark.parametrize("restored", [False, True], ids=["erased", "and the file came back from a backup"])
def test_after_an_erasure_nothing_opens_it_and_nothing_is_left_of_it(house: House, *, restored: bool) -> None:
    asked(house)
    asked(house, statement="stays", email=house.emails[1])
    mine, other = log(house)
    backup = house.settings.home.parent / "backup"
    shutil.copyfile(file_of(house, mine), backup)
    ciphertext = backup.read_bytes()
    done(house, asked(house, Right.ERASURE, statement="再见"))
    farewell = log(house)[-1]
    assert [path.name for path in (house.settings.home / SEALED).iterdir()] == [other.id]
    assert house.deps.scanner.scan([WORDS, ciphertext[:32], ciphertext[-32:]]).hits == ()
    if restored:
        shutil.copyfile(backup, file_of(house, mine))
    again = house.reopened()
    for entry in (mine, farewell):
        with pytest.raises(ConflictError, match="erased"):
            said(again, entry)
    assert said(again, other) == {"statement": "stays"}
    assert checked(house) == {
        "payloads": 1 + restored,
        "payloads_erased": 2 - restored,
        "payloads_unnamed": 0,
    }
    steps = [dict(e.detail) for e in log(house, "rights:erase")]
    assert {"step": "payloads", "files": 2} in steps


@pytest.mark.parametrize("harm", ["flipped", "cut", "missing", "another's"])
def test_a_file_that_was_changed_is_noticed_by_who_opens_it_and_by_fsck(house: House, harm: str) -> None:
    asked(house)
    asked(house, email=house.emails[1])
    mine, other = (file_of(house, entry) for entry in log(house))
    data = mine.read_bytes()
    if harm == "missing":
        mine.unlink()
    else:
        changed = {"flipped": data[:-1] + bytes([data[-1] ^ 1]), "cut": b"", "another's": other.read_bytes()}
        mine.write_bytes(changed[harm])
    with pytest.raises(TamperedError):
        said(house, log(house)[0])
    with pytest.raises(TamperedError) as caught:
        checked(house)
    assert caught.value.fields == {"entry": log(house)[0].id}


def test_it_says_plainly_when_there_is_nothing_to_open(house: House) -> None:
    asked(house, statement="")
    (entry,) = log(house)
    assert (entry.payload, entry.tag) == ("", "")
    with pytest.raises(ConflictError, match="nothing is sealed"):
        said(house, entry)
    with pytest.raises(UnknownError):
        open_payload("../" + "0" * 29, actor=house.actor("cora"), deps=house.deps)
    assert not (house.settings.home / SEALED).exists()


def test_words_are_kept_only_of_who_proves_to_be_the_customer(house: House) -> None:
    opened = open_request(
        Right.OBJECTION, "email", house.emails[0], actor=house.actor("cora"), deps=house.deps
    )
    code = house.last_code()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    with pytest.raises(DeniedError):
        verify_request(opened.id, wrong, deps=house.deps, statement=WORDS)
    with pytest.raises(UsageError):
        verify_request(opened.id, code, deps=house.deps, statement="x" * (MAX_STATEMENT + 1))
    assert not (house.settings.home / SEALED).exists()
    verify_request(opened.id, code, deps=house.deps, statement="x" * MAX_STATEMENT)
    assert said(house, log(house)[-1]) == {"statement": "x" * MAX_STATEMENT}


def test_where_it_cannot_be_kept_nothing_is_logged_and_the_code_is_still_good(house: House) -> None:
    opened = open_request(
        Right.OBJECTION, "email", house.emails[0], actor=house.actor("cora"), deps=house.deps
    )
    (house.settings.home / SEALED).write_bytes(b"no folder")
    with pytest.raises(StorageError):
        verify_request(opened.id, house.last_code(), deps=house.deps, statement=WORDS)
    assert log(house) == []
    (house.settings.home / SEALED).unlink()
    again = verify_request(opened.id, house.last_code(), deps=house.deps, statement=WORDS)
    assert again.state is RequestState.VERIFIED


def test_a_file_whose_entry_was_never_written_is_counted_and_goes_with_its_person(house: House) -> None:
    act = authorise(house.deps, house.actor("cora"), "rights:open")
    subject = subject_with("email", house.emails[0], house.deps)
    assert subject is not None
    with suppress(InterruptedError), house.deps.ops() as tx:
        act.record(within=tx, sealed=(subject, {"statement": WORDS}))
        raise InterruptedError
    assert log(house, "rights:open") == []
    assert checked(house) == {"payloads": 0, "payloads_erased": 0, "payloads_unnamed": 1}
    done(house, asked(house, Right.ERASURE, statement=""))
    assert list((house.settings.home / SEALED).iterdir()) == []


def test_an_erasure_that_is_not_done_is_no_alarm_and_what_is_said_meanwhile_goes_too(house: House) -> None:
    asked(house)
    asked(house, statement="stays", email=house.emails[1])
    request = asked(house, Right.ERASURE, statement="")
    left = house.settings.home / "report" / "note.txt"
    left.write_text(house.emails[0], encoding="utf-8")
    with pytest.raises(ConflictError, match="still there"):
        done(house, request)
    assert checked(house) == {"payloads": 2, "payloads_erased": 0, "payloads_unnamed": 0}
    left.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erasure, "STEPS", (*erasure.STEPS[:-1], ("destroy", stopped)))
        with pytest.raises(KeyboardInterrupt):
            run_request(request, actor=house.actor("cora"), deps=house.deps)
    assert checked(house) == {"payloads": 1, "payloads_erased": 1, "payloads_unnamed": 0}
    asked(house, statement="one more thing")
    run_request(request, actor=house.actor("cora"), deps=house.deps)
    assert [path.name for path in (house.settings.home / SEALED).iterdir()] == [log(house)[1].id]
    assert checked(house) == {"payloads": 1, "payloads_erased": 2, "payloads_unnamed": 0}
    file_of(house, log(house)[1]).unlink()
    with pytest.raises(TamperedError):
        checked(house)


def stopped(*_: object) -> Evidence:
    raise KeyboardInterrupt


def test_half_a_character_is_refused_and_counts_as_no_try(house: House) -> None:
    token, kind = {"Authorization": f"Bearer {house.tokens['cora']}"}, {"Content-Type": "application/json"}
    body = {"right": "restriction", "id_type": "email", "contact": house.emails[0]}
    with TestClient(create_app(house.deps), raise_server_exceptions=False) as client:
        url = f"/v1/rights/{client.post('/v1/rights', json=body, headers=token).json()['id']}/verification"
        good = house.last_code()
        for code, statement in ((r"\ud800", ""), (good, r"\udfff x"), (good, "\ud800 x")):
            sent = f'{{"code": "{code}", "statement": "{statement}"}}'.encode(errors="surrogatepass")
            answer = client.post(url, content=sent, headers=kind)
            assert (answer.status_code, answer.json()["code"]) == (422, "usage")
        for path, sent in (
            ("/v1/rights", rb'{"right": "erasure", "contact": "\ud800@b.cn"}'),
            ("/v1/audit/who-accessed", rb'{"id_type": "mobile", "value": "\ud800"}'),
            ("/v1/users", rb'{"id": "user:x", "roles": ["\ud800"]}'),
            ("/v1/users", b'{"id": ' + b"[" * 990 + b"]" * 990 + b"}"),
        ):
            assert client.post(path, content=sent, headers=token | kind).status_code in {400, 422}, path
        assert log(house) == []
        wrong = client.post(url, json={"code": f"{(int(good) + 1) % 10**6:06d}"})
        assert (wrong.status_code, wrong.json()["fields"]) == (403, {"left": 4})
        pair = client.post(url, content=f'{{"code": "{good}", "statement": "\\ud83d\\ude00"}}', headers=kind)
    assert pair.status_code == 200
    assert said(house, log(house)[-1]) == {"statement": "\U0001f600"}


def test_it_is_said_over_http_too_and_never_echoed(house: House) -> None:
    token = {"Authorization": f"Bearer {house.tokens['cora']}"}
    body = {"right": "restriction", "id_type": "email", "contact": house.emails[0]}
    with TestClient(create_app(house.deps)) as client:
        url = f"/v1/rights/{client.post('/v1/rights', json=body, headers=token).json()['id']}/verification"
        long = client.post(url, json={"code": house.last_code(), "statement": WORDS * 100})
        assert (long.status_code, "张小明" in long.text) == (422, False)
        good = client.post(url, json={"code": house.last_code(), "statement": WORDS})
        assert (good.status_code, "张小明" in good.text) == (200, False)
    assert said(house, log(house)[0]) == {"statement": WORDS}


def test_it_is_taken_and_opened_by_command(tmp_path: Path) -> None:
    house = furnish(tmp_path, 60, at=datetime.now(UTC))  # real commands read the real clock
    line = CommandLine(house.settings.home, house.tokens)
    opened = open_request(
        Right.OBJECTION, "email", house.emails[0], actor=house.actor("cora"), deps=house.deps
    )
    two = line.call("rights", "verify", opened.id, "--statement", stdin=f"{house.last_code()}\n{WORDS}\nno\n")
    assert (two.code, "more than one line" in two.said, log(house)) == (2, True, [])
    ran = line.call("rights", "verify", opened.id, "--statement", stdin=f"{house.last_code()}\n{WORDS}\n\n")
    assert (ran.code, WORDS in ran.said) == (0, False), ran.said
    entry = log(house)[0].id
    assert line.call("audit", "open", entry, who="aud").code == 3
    ran = line.call("audit", "open", entry, who="cora")
    assert (ran.code, f"statement: {WORDS}" in ran.out, opened.id in ran.out) == (0, True, True)
    ran = line.call("audit", "open", entry, "--json", who="cora")
    assert json.loads(ran.out)["sealed"] == {"statement": WORDS}
    assert line.call("audit", "fsck").code == 0
    (house.settings.home / SEALED / entry).unlink()
    assert line.call("audit", "open", entry, who="cora").code == 5
    assert line.call("audit", "fsck").code == 5
