"""A merged person is one privacy unit: no merge lets anyone move an answer further than is claimed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from typing import Any, Final

import polars as pl
import pytest
from fakes.dp_tables import pseudonym, query, tables, totals
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants.persons import keeps_stored_counts

from privacy.dp.bounding import l2_squared
from service.domain.contracts import Column, DatasetContract, Kind, Role
from service.domain.links import group, persons
from service.usecases.persons import as_one

AsOne = Callable[[pl.LazyFrame, DatasetContract | None, pl.DataFrame], pl.LazyFrame]
SHAPES: list[dict[str, Any]] = [
    {"keys": ["month"]},
    {"keys": []},
    {"keys": ["people.education"]},
    {"keys": ["channel", "month"], "rows_per_month": 2},
    {"keys": ["month"], "filters": [{"column": "channel", "in": ["app"]}]},
]
ROWS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.dates(date(2005, 3, 20), date(2005, 9, 10)),
        st.integers(-300, 300),
        st.sampled_from(["app", "branch"]),
    ),
    max_size=40,
)
PEOPLE = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["low", "high"])), unique_by=lambda p: p[0])
EDGES = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 6)).filter(lambda e: e[0] != e[1]), max_size=4, unique=True
)


def _contract(name: str, *columns: Column, one_row: bool) -> DatasetContract:
    subject = Column("card_no", Role.SUBJECT_ID, Kind.STRING, "C2", "bank_card", links=True)
    columns = (subject, *columns)
    return DatasetContract(
        name, "1.0.0", name, columns, (), "", creates_subjects=True, row_per_subject=one_row, digest=""
    )


CONTRACTS: Final[Mapping[str, DatasetContract]] = {
    "events": _contract("events", Column("day", Role.EVENT_TIME, Kind.DATE, "C2"), one_row=False),
    "people": _contract("people", Column("limit", Role.MEASURE, Kind.INTEGER, "C2"), one_row=True),
}


def aliases(edges: list[tuple[int, int]]) -> pl.DataFrame:
    rows = [
        (pseudonym(part), pseudonym(main), -1 if part == main else part)
        for part, main in persons(edges).items()
    ]
    return pl.DataFrame(
        rows, schema={"_sp": pl.Binary, "_person": pl.Binary, "_rank": pl.Int64}, orient="row"
    )


def view(
    stored: Mapping[str, pl.DataFrame], edges: list[tuple[int, int]], as_one: AsOne
) -> dict[str, pl.DataFrame]:
    names = aliases(edges)
    return {name: as_one(table.lazy(), CONTRACTS[name], names).collect() for name, table in stored.items()}


def worst(
    shape: dict[str, Any],
    stored: Mapping[str, pl.DataFrame],
    edges: list[tuple[int, int]],
    as_one: AsOne = as_one,
) -> Fraction:
    """Largest squared change, over its claim, that leaving out one person with all enrolments makes."""
    asked = query(**shape)
    whole = totals(asked, view(stored, edges, as_one))
    found = Fraction(0)
    for customer in range(1, 7):
        gone = [pseudonym(part) for part in group(customer, edges)]
        rest = {name: table.filter(~pl.col("_sp").is_in(gone)) for name, table in stored.items()}
        moved = whole - totals(asked, view(rest, edges, as_one))
        for total, vector in zip(asked.totals, moved, strict=True):
            found = max(found, Fraction(sum(int(x) ** 2 for x in vector), l2_squared(asked, total)))
    return found


@settings(deadline=None, max_examples=60)
@given(ROWS, PEOPLE, EDGES, st.sampled_from(SHAPES))
def test_no_merged_person_exceeds_the_claim(
    rows: Any, people: Any, edges: Any, shape: dict[str, Any]
) -> None:
    assert worst(shape, tables(rows, people), edges) <= 1


def test_the_certificate_flags_a_view_that_bounds_each_enrolment_alone() -> None:
    rows = [(customer, date(2005, 4, 1), 200, "app") for customer in (1, 2)]
    stored = tables(rows, [])
    assert worst({"keys": ["month"], "periods": ["2005-04"]}, stored, [(1, 2)]) == 1
    assert worst({"keys": ["month"], "periods": ["2005-04"]}, stored, [(1, 2)], keeps_stored_counts) == 4


@settings(deadline=None, max_examples=60)
@given(ROWS, PEOPLE, EDGES)
def test_a_view_loses_no_event_and_touches_nobody_else(rows: Any, people: Any, edges: Any) -> None:
    stored = tables(rows, people)
    seen = view(stored, edges, as_one)
    assert seen["events"].height == stored["events"].height
    assert seen["events"].schema == stored["events"].schema
    alone = pl.col("_sp").is_in([pseudonym(part) for part in persons(edges)]).not_()
    for name in stored:
        assert seen[name].filter(alone).equals(stored[name].filter(alone))
    assert seen["people"]["_sp"].is_unique().all()
    assert seen["people"]["limit"].sum() == stored["people"]["limit"].sum()


@pytest.mark.parametrize(
    ("edges", "mains"),
    [
        ([], {}),
        ([(2, 1)], {1: 2, 2: 2}),
        ([(1, 2), (2, 3)], {1: 1, 2: 1, 3: 1}),
        ([(3, 2), (4, 2)], {2: 3, 3: 3, 4: 3}),
        ([(1, 2), (2, 1)], {1: 1, 2: 1}),
        ([(5, 6), (1, 2)], {1: 1, 2: 1, 5: 5, 6: 5}),
    ],
)
def test_a_person_goes_by_the_preferred_enrolment(
    edges: list[tuple[int, int]], mains: dict[int, int]
) -> None:
    assert persons(edges) == mains


@given(EDGES)
def test_all_of_a_group_agree_on_who_they_are(edges: list[tuple[int, int]]) -> None:
    mains = persons(edges)
    for subject in range(1, 7):
        parts = group(subject, edges)
        assert parts[0] == subject
        assert {mains.get(part, part) for part in parts} == {mains.get(subject, subject)}
        assert mains.get(subject, subject) in parts
