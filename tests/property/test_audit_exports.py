"""Every entry comes back whole from each form of the log, by readers that forgive nothing."""

from __future__ import annotations

import itertools
import json
import string
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fakes.log_readers import check_ocsf, entries_of_prov, entry_of_cef, entry_of_ocsf, parse_cef
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import Entry
from audit.evidence import Place
from audit.export import FORMATS, cef, ocsf, prov

NAME = "example.com"
PLACE = Place(f"{NAME}/log/2026", 0)
CODES = st.text(string.ascii_letters + string.digits + "._:/@+=,- ", max_size=12)
NAMED = CODES.filter(bool)
TYPES = st.sampled_from(["score:read", "rights:erase", "audit:export", "rights:run", "key:rotate", "a_b:c_d"])
NUMBERS = st.integers(0, 2**63 - 1)
ENTRIES = st.builds(
    Entry,
    id=NAMED, at=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    type=TYPES, actor=NAMED, decision=st.sampled_from(["allow", "deny"]), role=CODES, purpose=CODES,
    basis=CODES, policy=CODES, rule=CODES, resource=CODES, tag=CODES, payload=CODES, subjects=NUMBERS,
    rho=NUMBERS,
    detail=st.dictionaries(CODES, CODES | st.integers(-(2**63), 2**63 - 1), max_size=4).map(
        lambda found: tuple(sorted(found.items()))
    ) | st.just((("trace", "0af7651916cd43dd8448eb211c80319c"),)),
)  # fmt: skip
PLACES = st.builds(
    Place,
    st.sampled_from([f"{NAME}/access/2026", f"{NAME}/access/2027", f"{NAME}/log.b/2026"]),
    st.integers(0, 2**31 - 1),
)
ROWS = st.lists(st.tuples(PLACES, ENTRIES), max_size=4)
UNIQUE = st.lists(st.tuples(PLACES, ENTRIES), max_size=4, unique_by=lambda row: row[0])


@given(ROWS)
def test_every_entry_comes_back_from_cef(rows: list[tuple[Place, Entry]]) -> None:
    assert [entry_of_cef(line, NAME) for line in cef(rows, NAME)] == rows


@given(ROWS)
def test_every_entry_comes_back_from_ocsf(rows: list[tuple[Place, Entry]]) -> None:
    assert [entry_of_ocsf(line, NAME) for line in ocsf(rows, NAME)] == rows


@given(UNIQUE)
def test_every_entry_comes_back_from_prov(rows: list[tuple[Place, Entry]]) -> None:
    assert entries_of_prov("\n".join(prov(rows, NAME)), NAME) == rows


@given(st.text(st.characters(exclude_categories=["Cs"]).filter(lambda c: c not in "\x85\u2028\u2029")))
def test_any_text_in_a_cef_extension_comes_back_and_stays_on_its_line(origin: str) -> None:
    plain = Entry(id="1", at=datetime(2026, 1, 2, tzinfo=UTC), type="a:b", actor="x")
    (line,) = cef([(Place(f"o{origin}", 0), plain)], NAME)
    assert "\n" not in line
    assert "\r" not in line
    assert parse_cef(line)[1]["deviceExternalId"] == f"o{origin}"


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_reads_no_further_than_it_is_asked_to(form: str) -> None:
    asked: list[int] = []

    def rows() -> Iterator[tuple[Place, Entry]]:
        for number in itertools.count():
            asked.append(number)
            yield (
                Place(PLACE.origin, number),
                Entry(id="1", at=datetime(2026, 1, 2, tzinfo=UTC), type="a:b", actor="x"),
            )

    list(itertools.islice(FORMATS[form](rows(), NAME), 5))
    assert len(asked) <= 5


@pytest.mark.parametrize(
    ("kind", "uid"),
    [
        ("dataset:ingest", 600505),
        ("score:read", 600501),
        ("aggregate:run", 600504),
        ("rights:erase", 600507),
        ("audit:read", 600302),
        ("user:add", 600301),
        ("source:revoke", 600304),
        ("rights:run", 600399),
        ("nobody:knows", 600399),
    ],
)
def test_an_act_is_what_ocsf_calls_it(kind: str, uid: int) -> None:
    (line,) = ocsf([(PLACE, Entry(id="1", at=datetime(2026, 1, 2, tzinfo=UTC), type=kind, actor="x"))], NAME)
    event = json.loads(line)
    check_ocsf(event)
    assert event["type_uid"] == uid
    assert event.get("activity_name", "") == (kind.partition(":")[2] if uid % 100 == 99 else "")


@pytest.mark.parametrize(
    "harm",
    [
        {"class_uid": 6001},
        {"severity_id": 7},
        {"time": "now"},
        {"src_endpoint": {}},
        {"actor": {"user": {"name": "x"}, "colour": "red"}},
        {"resources": {"uid": "x"}},
    ],
)
def test_the_ocsf_reader_refuses_what_the_schema_does_not_allow(harm: dict[str, object]) -> None:
    (line,) = ocsf([(PLACE, Entry(id="1", at=datetime(2026, 1, 2, tzinfo=UTC), type="a:b", actor="x"))], NAME)
    event = json.loads(line)
    check_ocsf(event)
    with pytest.raises((AssertionError, ValueError)):
        check_ocsf(event | harm)


@pytest.mark.parametrize(
    "line", ["CEF:0|a|b|c|d|e|1|x=a=b", "CEF:0|a|b|c|d|1|x=y", "CEF:0|a|b|c|d|e|1|x=\\q"]
)
def test_the_cef_reader_refuses_what_is_not_escaped(line: str) -> None:
    with pytest.raises(ValueError, match=r"header|extension"):
        parse_cef(line)
