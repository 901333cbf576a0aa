"""The certificate: no customer, however extreme, moves a vector further than is claimed."""

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest
from fakes.dp_tables import MONTHS, naive_totals, pseudonym, query, tables, totals, worst_case, worst_ratio
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants.sensitivities import months_always_apart, one_row, upper_bound_only, without_months

from privacy.dp.bounding import Population, exact_totals, l2_sensitivity, l2_squared
from privacy.dp.schema import Query, Total

SHAPES: list[dict[str, Any]] = [
    {},
    {"keys": ["month"]},
    {"keys": []},
    {"keys": ["people.education"]},
    {"keys": ["channel", "people.education", "month"]},
    {"keys": ["channel"], "rows_per_month": 3},
    {"keys": ["month", "channel"], "rows_per_month": 2},
    {"keys": ["month"], "filters": [{"column": "channel", "in": ["app"]}]},
    {"keys": ["channel"], "filters": [{"column": "people.education", "in": ["high"]}]},
    {"keys": ["month"], "periods": ["2005-04"]},
    {"keys": ["people.education"], "periods": ["2005-04", "2005-08"]},
]
DAYS = st.dates(date(2005, 3, 20), date(2005, 9, 10))
AMOUNTS = st.one_of(st.integers(-300, 300), st.integers(-(2**62), 2**62))
ROWS = st.lists(
    st.tuples(st.integers(1, 5), DAYS, AMOUNTS, st.sampled_from(["app", "branch", "fax"])), max_size=40
)
PEOPLE = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["low", "high", "none"])), max_size=8)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_no_worst_case_customer_exceeds_the_claim(shape: dict[str, Any]) -> None:
    assert worst_ratio(query(**shape), worst_case()) <= 1


@settings(deadline=None, max_examples=60)
@given(ROWS, PEOPLE, st.sampled_from(SHAPES))
def test_no_generated_customer_exceeds_the_claim(rows: Any, people: Any, shape: dict[str, Any]) -> None:
    assert worst_ratio(query(**shape), tables(rows, people)) <= 1


@pytest.mark.parametrize("shape", [{"keys": ["month"]}, {"keys": []}], ids=str)
def test_the_claim_is_tight(shape: dict[str, Any]) -> None:
    assert worst_ratio(query(**shape), worst_case()) == 1


MUTANTS: list[tuple[Callable[[Query, Total], int], dict[str, Any]]] = [
    (without_months, {"keys": ["month"]}),
    (months_always_apart, {"keys": ["people.education"]}),
    (one_row, {"keys": ["month"], "rows_per_month": 3}),
]


@pytest.mark.parametrize(("claim", "shape"), MUTANTS, ids=["months", "apart", "row"])
def test_the_certificate_flags_a_wrong_claim(
    claim: Callable[[Query, Total], int], shape: dict[str, Any]
) -> None:
    assert worst_ratio(query(**shape), worst_case(), claim) > 1


def test_the_certificate_flags_a_claim_that_forgets_negative_amounts() -> None:
    asked = query(keys=["month"])
    flipped = [Total(t.column, -t.upper, -t.lower) if t.column else t for t in asked.totals]
    negative = type(asked)(asked.plan, asked.table, asked.joins, asked.keys, tuple(flipped))
    lowest = [(1, date(2005, month, 1), -(10**9), "app") for month in (4, 5, 6, 8)]
    assert worst_ratio(negative, tables(lowest, [])) == 1
    assert worst_ratio(negative, tables(lowest, []), upper_bound_only) > 1


@settings(deadline=None, max_examples=60)
@given(ROWS, PEOPLE, st.sampled_from(SHAPES))
def test_totals_are_those_of_plain_python(rows: Any, people: Any, shape: dict[str, Any]) -> None:
    stored, asked = tables(rows, people), query(**shape)
    assert totals(asked, stored).tolist() == naive_totals(asked, stored)


@settings(deadline=None, max_examples=30)
@given(ROWS, PEOPLE, st.sampled_from(SHAPES), st.integers(0, 2**32))
def test_the_order_of_rows_changes_nothing(rows: Any, people: Any, shape: dict[str, Any], seed: int) -> None:
    stored = tables(rows, people)
    shuffled = {name: table.sample(fraction=1, shuffle=True, seed=seed) for name, table in stored.items()}
    assert totals(query(**shape), shuffled).tolist() == totals(query(**shape), stored).tolist()


@settings(deadline=None, max_examples=30)
@given(ROWS, PEOPLE, st.sampled_from(SHAPES))
def test_buckets_add_up_to_the_whole(rows: Any, people: Any, shape: dict[str, Any]) -> None:
    stored, asked = tables(rows, people), query(**shape)
    parts = [
        {
            name: table.filter(pl.col("_sp").is_in([pseudonym(c) for c in range(8) if c % 2 == bucket]))
            for name, table in stored.items()
        }
        for bucket in (0, 1)
    ]
    assert sum(totals(asked, part) for part in parts).tolist() == totals(asked, stored).tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("only", [True, False])
def test_the_population_is_all_that_counts(shape: dict[str, Any], only: bool) -> None:  # noqa: FBT001
    stored, asked = worst_case(), query(**shape)
    chosen = [pseudonym(c) for c in (1, 2, 5)]
    kept = pl.col("_sp").is_in(chosen)
    rest = {name: table.filter(kept if only else ~kept) for name, table in stored.items()}
    found = exact_totals(
        asked,
        {name: table.lazy() for name, table in stored.items()},
        Population(pl.Series(chosen, dtype=pl.Binary), only=only),
    )
    assert found.tolist() == totals(asked, rest).tolist()


def test_row_counts_are_worked_out_when_the_store_kept_none() -> None:
    stored, asked = worst_case(), query()
    bare = {**stored, "events": stored["events"].drop("_n")}
    assert totals(asked, bare).tolist() == totals(asked, stored).tolist()


def test_a_row_count_that_cannot_be_true_gives_no_weight() -> None:
    stored, asked = worst_case(), query(keys=[], measures=["count"])
    for n in (0, -3, None):
        broken = stored["events"].with_columns(pl.lit(n, dtype=pl.Int64).alias("_n"))
        assert totals(asked, {**stored, "events": broken}).tolist() == [[0]]


def test_sums_beyond_64_bits_are_cut_and_not_wrapped() -> None:
    asked = query(keys=[], measures=["sum:amount"], rows_per_month=1000)
    huge = Total("amount", 0, 2**52)
    wide = type(asked)(asked.plan, asked.table, asked.joins, asked.keys, (huge,))
    rows = [(c, date(2005, 4, 1), 2**60, "app") for c in range(1, 6)]
    assert totals(wide, tables(rows, [])).tolist() == [[2**63 - 1]]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_float_sensitivity_is_never_below_the_exact_one(shape: dict[str, Any]) -> None:
    asked = query(**shape)
    for total in asked.totals:
        sensitivity = l2_sensitivity(asked, total)
        assert sensitivity.as_integer_ratio()[0] ** 2 >= l2_squared(asked, total) * (
            sensitivity.as_integer_ratio()[1] ** 2
        )
    assert len(asked.plan.periods) <= len(MONTHS)
