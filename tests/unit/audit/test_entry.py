"""Entries: one spelling, no room for anything else; the fast check agrees with the parser."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fakes.audit_logs import entry

from audit.entry import Entry, check_entry, format_entry, parse_entry, text_of
from audit.errors import EntryError

GOOD: dict[str, Any] = {
    "id": "0" * 32,
    "at": datetime(2026, 1, 2, tzinfo=UTC),
    "type": "a:b",
    "actor": "user:ann",
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at", datetime(2026, 1, 2)),  # noqa: DTZ001 - no zone is the point
        ("at", datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=8)))),
        ("type", "a"),
        ("type", "A:b"),
        ("type", "a" * 300 + ":b"),
        ("id", ""),
        ("actor", ""),
        ("actor", "张三"),
        ("actor", 'a"b'),
        ("role", "x" * 257),
        ("decision", "maybe"),
        ("subjects", -1),
        ("rho", -1),
        ("subjects", True),
        ("subjects", 1 << 63),
        ("detail", (("b", 1), ("a", 1))),
        ("detail", (("a", 1), ("a", 2))),
        ("detail", (("a", True),)),
        ("detail", (("a", "é"),)),
        ("detail", (("a", 1 << 63),)),
        ("rho", 1.5),
    ],
)
def test_value_that_the_format_cannot_carry_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(EntryError) as caught:
        Entry(**{**GOOD, field: value})
    assert caught.value == EntryError(field)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"null",
        b"[" * 60_000,
        b"\xff",
        entry(1) + b" ",
        b" " + entry(1),
        entry(1).replace(b":1,", b": 1,"),
        entry(1).replace(b'"v":1', b'"v":2'),
        entry(1).replace(b'"v":1', b'"v":1.0'),
        entry(1).replace(b"2026", b"0000"),
        entry(1).replace(b"-01-01T", b"-02-30T"),
        entry(1).replace(b"-01-01T", b"-02-29T"),
        entry(1).replace(b'"n":1', b'"a":1'),
        entry(1).replace(b'"n":1', b'"n":01'),
        entry(1).replace(b'"n":1', b'"n":-0'),
        entry(1).replace(b'"n":1', b'"n":1,"n":1'),
        entry(1).replace(b"user:ann", b"user:\\u0061nn"),
        entry(1).replace(b'"n":1', b'"n":99999999999999999999'),
        entry(1).replace(b'"n":1', b'"n":1e3'),
        entry(1).replace(b'"actor"', b'"role"'),
        entry(1).replace(b"dataset:ingest", b"a" * 300 + b":b"),
    ],
)
def test_any_other_spelling_is_refused_by_parser_and_check(data: bytes) -> None:
    with pytest.raises(EntryError):
        parse_entry(data)
    with pytest.raises(EntryError):
        check_entry(data)


@pytest.mark.parametrize(
    "at", [datetime(2024, 2, 29, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
def test_every_instant_round_trips(at: datetime) -> None:
    data = format_entry(Entry(**{**GOOD, "at": at}))
    assert parse_entry(data).at == at
    check_entry(data)


def test_entry_above_64_kib_is_refused() -> None:
    detail = tuple((f"k{n:04d}", "x" * 250) for n in range(260))
    with pytest.raises(EntryError):
        format_entry(Entry(**GOOD, detail=detail))


def test_full_entry_has_the_documented_spelling() -> None:
    full = Entry(
        **GOOD,
        decision="deny",
        role="analyst",
        purpose="p",
        basis="b",
        policy="sha256:00",
        rule="r",
        resource="d/x",
        tag="00",
        payload="sha256:11",
        subjects=3,
        rho=5,
        detail=(("a", "x"), ("b", -2)),
    )
    data = format_entry(full)
    assert list(json.loads(data)) == [
        "v",
        "at",
        "id",
        "type",
        "actor",
        "decision",
        "role",
        "purpose",
        "basis",
        "policy",
        "rule",
        "resource",
        "tag",
        "payload",
        "subjects",
        "rho",
        "detail",
    ]
    assert parse_entry(data) == full
    check_entry(data)


@pytest.mark.parametrize(("name", "text"), [("id", b"1"), ("type", b"a:b"), ("actor", b"x"), ("tag", b"")])
def test_a_text_is_read_without_parsing_the_rest(name: str, text: bytes) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    data = format_entry(Entry(id="1", at=at, type="a:b", actor="x", detail=(("n", 1),)))
    assert text_of(data, f'"{name}":"'.encode()) == text
