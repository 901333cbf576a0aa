"""Which subject a row belongs to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.pseudonym.linkage import CONFLICT, STRONG, UNKNOWN, Known, link

TYPES = ["cn_resident_id", "bank_card", "mobile", "email"]
Row = tuple[bytes | None, bytes | None, bytes | None, bytes | None]


def row(resident: str = "", card: str = "", mobile: str = "", email: str = "") -> Row:
    def tag(value: str) -> bytes | None:
        return value.encode() or None

    return (tag(resident), tag(card), tag(mobile), tag(email))


NEW_PAIR = [row("A", "a", "m"), row("B", "b", "n")]

CASES: list[tuple[str, list[Row], list[int | str]]] = [
    ("two rows of one new person", [row("A", "a", "m"), row("A", "a", "m")], [1, 1]),
    ("a person's second card", [row("A", "a"), row("A", "b"), row(card="b")], [1, 1, 1]),
    ("a shared phone does not merge", [row("A", mobile="m"), row("B", mobile="m")], [1, 2]),
    (
        "the phone stays with its first owner",
        [*NEW_PAIR, row("B", mobile="m"), row(mobile="m")],
        [1, 2, 2, 1],
    ),
    ("two strong owners", [*NEW_PAIR, row("A", "b")], [1, 2, CONFLICT]),
    ("a card whose owner has another id", [*NEW_PAIR, row("C", "a")], [1, 2, CONFLICT]),
    ("a card without an id takes one", [row(card="a"), row("A", "a"), row("A")], [1, 1, 1]),
    (
        "two weak owners",
        [*NEW_PAIR, row(email="e", mobile="m"), row(mobile="n", email="e")],
        [1, 2, 1, CONFLICT],
    ),
    ("weak identifiers alone find", [*NEW_PAIR, row(mobile="n")], [1, 2, 2]),
    ("weak identifiers alone can make a subject", [row(mobile="m"), row(mobile="m")], [1, 1]),
    ("no identifier", [row()], [UNKNOWN]),
    (
        "a conflict changes nothing",
        [*NEW_PAIR, row("A", "b", email="e"), row(email="e")],
        [1, 2, CONFLICT, 3],
    ),
]


def outcome(rows: list[Row], known: Known | None = None, *, create: bool = True) -> list[int | str]:
    linked = link(rows, TYPES, known or Known({}, set()), next_number=1, create=create)
    pairs = zip(linked.subjects, linked.problems, strict=True)
    return [subject if subject is not None else problem or "" for subject, problem in pairs]


@pytest.mark.parametrize(("rows", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_rule(rows: list[Row], expected: list[int | str]) -> None:
    assert outcome(rows) == expected


def test_without_create_nothing_is_made_or_remembered() -> None:
    known = Known({("cn_resident_id", b"A"): 7}, {7})
    rows = [row("A", mobile="m"), row("B"), row(mobile="m"), row()]
    assert outcome(rows, known, create=False) == [7, UNKNOWN, UNKNOWN, UNKNOWN]
    assert known.owner == {("cn_resident_id", b"A"): 7}


def values(alphabet: str) -> st.SearchStrategy[bytes | None]:
    return st.none() | st.sampled_from([letter.encode() for letter in alphabet])


tables = st.lists(st.tuples(values("ABC"), values("abcd"), values("mno"), values("ef")), max_size=15)


@given(tables)
def test_an_identifier_has_one_owner_and_a_subject_one_resident_id(rows: list[Row]) -> None:
    known = Known({}, set())
    linked = link(rows, TYPES, known, next_number=1)
    assert len({(kind, tag) for kind, tag, _ in linked.added}) == len(linked.added)
    owners = [owner for (kind, _), owner in known.owner.items() if kind == "cn_resident_id"]
    assert len(owners) == len(set(owners))
    assert linked.created == list(range(1, len(linked.created) + 1))


@given(tables)
def test_rows_seen_again_get_the_same_answer(rows: list[Row]) -> None:
    known = Known({}, set())
    first = link(rows, TYPES, known, next_number=1)
    again = link(rows, TYPES, known, next_number=100)
    assert (again.subjects, again.problems) == (first.subjects, first.problems)
    assert not again.created
    assert not again.added


@given(tables)
def test_two_persons_never_become_one_by_a_weak_identifier(rows: list[Row]) -> None:
    linked = link(rows, TYPES, Known({}, set()), next_number=1)
    by_subject: dict[int, set[bytes]] = {}
    for cells, subject in zip(rows, linked.subjects, strict=True):
        if subject is not None and cells[0] is not None:
            by_subject.setdefault(subject, set()).add(cells[0])
    assert all(len(residents) == 1 for residents in by_subject.values())
    assert {"cn_resident_id", "bank_card"} == STRONG
