"""Who accessed a customer: every entry about them, from the log itself, and nothing linkable without keys."""

from __future__ import annotations

import secrets
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from fakes.aggregates import approved
from fakes.house import House, move_in
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.sql.ops import SqlOps
from service.domain.requests import Right
from service.errors import DeniedError, StorageError, TamperedError
from service.ports import EntryFilter
from service.usecases.audience import storage_pseudonym, subject_with
from service.usecases.profile import TABLE as PROFILES
from service.usecases.profile import build_profiles
from service.usecases.release import run_aggregate
from service.usecases.rights import run_request
from service.usecases.tags import PEOPLE, file_people, is_about, person_key, tag
from service.usecases.tracing import search_log, who_accessed

KEY = bytes(32)
PEOPLE_OF = st.lists(st.binary(min_size=16, max_size=16), max_size=40, unique=True)


@given(PEOPLE_OF, PEOPLE_OF)
def test_those_of_a_file_are_found_and_no_others(
    folder: Path, inside: list[bytes], outside: list[bytes]
) -> None:
    entry_id = secrets.token_hex(16)
    said = file_people(folder, KEY, inside, entry_id)
    for person in (*inside, *outside):
        assert is_about(folder, KEY, [person])(entry_id.encode(), b"", said.encode()) is (person in inside)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_a_tag_is_that_of_one_person_in_one_entry(folder: Path, one: bytes, other: bytes) -> None:
    entry_id = secrets.token_hex(16).encode()
    mine = tag(person_key(KEY, one), entry_id)
    assert is_about(folder, KEY, [one])(entry_id, mine, b"")
    assert is_about(folder, KEY, [other])(entry_id, mine, b"") is (one == other)
    assert tag(person_key(KEY, one), secrets.token_hex(16).encode()) != mine
    assert tag(person_key(bytes(31) + b"1", one), entry_id) != mine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("people")


@pytest.mark.parametrize("change", ["missing", "flipped", "one more", "empty"])
def test_a_file_of_people_that_was_changed_is_noticed(tmp_path: Path, change: str) -> None:
    entry_id, person = "ab" * 16, b"p" * 16
    said = file_people(tmp_path, KEY, [person, b"q" * 16], entry_id)
    path = tmp_path / entry_id
    data = path.read_bytes()
    if change == "missing":
        path.unlink()
    else:
        path.write_bytes({"flipped": data[:-1] + b"x", "one more": data + bytes(8), "empty": b""}[change])
    with pytest.raises(TamperedError):
        is_about(tmp_path, KEY, [person])(entry_id.encode(), b"", said.encode())


@pytest.fixture
def house(furnished: House, tmp_path: Path) -> House:
    return move_in(furnished, tmp_path / "house")


def customers(house: House) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    """E-mail address and pseudonym of a customer who has a segment, and of one who has none."""
    made = set(house.deps.events.scan(PROFILES).select("_sp").collect()["_sp"].to_list())
    found: dict[bool, tuple[str, bytes]] = {}
    for email in pl.read_csv(house.source / "customers.csv", infer_schema=False)["email"].drop_nulls():
        subject = subject_with("email", email, house.deps)
        if subject:
            pseudonym = storage_pseudonym(subject, house.deps)
            found.setdefault(pseudonym in made, (email, pseudonym))
    return found[True], found[False]


def segment(house: House) -> None:
    build_profiles(actor=house.actor("dana"), deps=house.deps, as_of=date(2005, 9, 30))


def types(house: House, email: str) -> list[str]:
    found = who_accessed("email", email, actor=house.actor("cora"), deps=house.deps)
    return [entry.type for _, entry in found.entries]


def test_every_use_of_a_customer_is_listed_and_none_of_another(house: House) -> None:
    segment(house)
    (known, _), (other, _) = customers(house)
    release = approved(house)
    run_aggregate(release.id, actor=house.actor("ann"), deps=house.deps)
    assert types(house, known) == ["profile:build", "aggregate:release", "audit:trace"]
    assert types(house, other) == ["aggregate:release", "audit:trace"]
    assert types(house, known)[-2:] == ["audit:trace", "audit:trace"]


def test_the_answer_names_the_whole_log_that_was_read(house: House) -> None:
    segment(house)
    ((email, _), _) = customers(house)
    found = who_accessed("email", email, actor=house.actor("cora"), deps=house.deps)
    assert sum(head.size for head in found.heads) == len(list(house.deps.audit.entries()))
    sizes = {head.origin: head.size for head in found.heads}
    assert len(sizes) == 2
    assert all(place.position < sizes[place.origin] for place, _ in found.entries)


def test_an_entry_that_the_index_has_lost_is_found_all_the_same(house: House) -> None:
    segment(house)
    ((email, _), _) = customers(house)
    assert isinstance(house.deps.ops, SqlOps)
    with house.deps.ops.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit_entry WHERE type = 'profile:build'")
    assert "profile:build" in types(house, email)


def test_what_a_search_was_for_is_not_logged(house: House) -> None:
    """It may be anything that was typed, and the log keeps it for ever."""
    where = EntryFilter(actor=frozenset({"王 13812345678"}), resource="13812345678", last=5)
    assert search_log(where, actor=house.actor("aud"), deps=house.deps) == ()
    ((_, entry),) = search_log(
        EntryFilter(type=frozenset({"audit:read"}), last=1), actor=house.actor("aud"), deps=house.deps
    )
    assert dict(entry.detail) == {"asked": "type,last", "last": 1}
    said = [dict(e.detail) for _, e in house.deps.audit.entries() if e.type == "audit:read"]
    assert said[0] == {"asked": "actor,resource,last", "last": 5}


def test_nobody_is_known_by_an_identifier_that_nobody_has(house: House) -> None:
    assert types(house, "nobody@example.org") == []


def test_only_the_compliance_officer_may_ask(house: House) -> None:
    for name in ("ann", "dana", "paul"):
        with pytest.raises(DeniedError):
            who_accessed("mobile", "13900000000", actor=house.actor(name), deps=house.deps)


def test_after_an_erasure_no_entry_can_be_linked_to_the_person(house: House) -> None:
    segment(house)
    ((email, _), _) = customers(house)
    before = who_accessed("email", email, actor=house.actor("cora"), deps=house.deps)
    assert len(before.entries) > 1
    run_request(house.decided(Right.ERASURE, email), actor=house.actor("cora"), deps=house.deps)
    after = who_accessed("email", email, actor=house.actor("cora"), deps=house.deps)
    assert after.entries == ()


def test_without_the_file_of_people_nothing_is_logged_and_nothing_done(house: House) -> None:
    assert not (house.deps.home / PEOPLE).exists()
    (house.deps.home / PEOPLE).write_bytes(b"no folder")
    with pytest.raises(StorageError):
        segment(house)
    assert "profile:build" not in [entry.type for _, entry in house.deps.audit.entries()]
