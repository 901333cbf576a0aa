import json
from dataclasses import replace
from typing import Any

import pytest
from fakes.dp_tables import CATALOGUE, PLAN

from privacy.dp.errors import (
    CapacityError,
    JoinError,
    LossError,
    NotCategoryError,
    NotMeasureError,
    PeriodError,
    PlanError,
    PlanSyntaxError,
    TooManyCellsError,
    UnboundedError,
    UnknownColumnError,
    UnknownKeyError,
    UnknownTableError,
)
from privacy.dp.query import digest_plan, format_plan, parse_plan
from privacy.dp.schema import COUNT, Total, resolve

MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"dataset": "Events"}, "dataset"),
    ({"dataset": "events\n"}, "dataset"),
    ({"dataset": 7}, "dataset"),
    ({"keys": "month"}, "keys"),
    ({"keys": ["month", "month"]}, "keys"),
    ({"keys": ["people.education.x"]}, "keys[0]"),
    ({"keys": [None]}, "keys[0]"),
    ({"keys": ["count"]}, "keys[0]"),
    ({"keys": ["a", "b", "c", "d", "e"]}, "keys"),
    ({"measures": []}, "measures"),
    ({"measures": ["count", "count"]}, "measures"),
    ({"measures": ["max:amount"]}, "measures[0]"),
    ({"measures": ["sum"]}, "measures[0]"),
    ({"measures": ["sum:people.limit"]}, "measures[0]"),
    ({"measures": ["count:amount"]}, "measures[0]"),
    ({"filters": [{"column": "channel"}]}, "filters[0]"),
    ({"filters": [{"column": "channel", "in": []}]}, "filters[0].in"),
    ({"filters": [{"column": "channel", "in": ["app", "app"]}]}, "filters[0].in"),
    ({"filters": [{"column": "channel", "in": [1]}]}, "filters[0].in[0]"),
    ({"filters": [{"column": "channel", "in": ["a\nb"]}]}, "filters[0].in[0]"),
    ({"filters": [{"column": "month", "in": ["2005-04"]}]}, "filters[0].column"),
    ({"filters": [{"column": "channel", "in": ["app"], "not": True}]}, "filters[0]"),
    ({"periods": ["2005-13"]}, "periods[0]"),
    ({"periods": ["2005-4"]}, "periods[0]"),
    ({"periods": ["0000-01"]}, "periods[0]"),
    ({"periods": ["\u0662\u0660\u0660\u0665-04"]}, "periods[0]"),
    ({"rows_per_month": 0}, "rows_per_month"),
    ({"rows_per_month": True}, "rows_per_month"),
    ({"epsilon": 1.0}, "epsilon"),
    ({"epsilon": float("nan")}, "epsilon"),
    ({"epsilon": 0}, "epsilon"),
    ({"epsilon": -5}, "epsilon"),
    ({"epsilon": "1000000"}, "epsilon"),
    ({"epsilon": 10**12}, "epsilon"),
    ({"delta_exponent": 4}, "delta_exponent"),
    ({"seed": 1}, "plan"),
]


@pytest.mark.parametrize(("change", "where"), MALFORMED)
def test_a_malformed_plan_is_refused_with_its_place(change: dict[str, Any], where: str) -> None:
    with pytest.raises(PlanSyntaxError) as refused:
        parse_plan({**PLAN, **change})
    assert refused.value.where == where


@pytest.mark.parametrize("document", [None, [], "plan", 3, {}, {"dataset": "events"}, {1: 2}])
def test_what_is_no_plan_is_refused(document: object) -> None:
    with pytest.raises(PlanSyntaxError):
        parse_plan(document)


def test_the_error_does_not_repeat_what_was_asked() -> None:
    with pytest.raises(PlanError) as refused:
        parse_plan({**PLAN, "keys": ["wang xiaoming 13800138000"]})
    assert "wang" not in str(refused.value)


def test_the_order_of_measures_months_and_filters_does_not_change_the_digest() -> None:
    filters = [{"column": "channel", "in": ["branch", "app"]}, {"column": "people.education", "in": ["low"]}]
    one = parse_plan({**PLAN, "filters": filters})
    other = parse_plan(
        {
            **PLAN,
            "measures": list(reversed(PLAN["measures"])),
            "periods": list(reversed(PLAN["periods"])),
            "filters": [filters[1], {"column": "channel", "in": ["app", "branch"]}],
        }
    )
    assert digest_plan(one) == digest_plan(other)
    assert digest_plan(one) != digest_plan(parse_plan(PLAN))


@pytest.mark.parametrize("respell", [str, lambda t: t + " ", lambda t: t.replace(",", ", ", 1)])
def test_stored_plans_have_one_spelling(respell: Any) -> None:
    text = format_plan(parse_plan(PLAN))
    assert format_plan(parse_plan(json.loads(respell(text)))) == text


UNANSWERABLE: list[tuple[dict[str, Any], type[PlanError], str]] = [
    ({"dataset": "nothing"}, UnknownTableError, "dataset"),
    ({"keys": ["nothing.education"]}, UnknownTableError, "keys[0]"),
    ({"keys": ["people.nothing"]}, UnknownColumnError, "keys[0]"),
    ({"keys": ["nothing"]}, UnknownColumnError, "keys[0]"),
    ({"keys": ["amount"]}, NotCategoryError, "keys[0]"),
    ({"keys": ["people.free"]}, NotCategoryError, "keys[0]"),
    ({"keys": ["events.channel"]}, JoinError, "keys[0]"),
    ({"filters": [{"column": "channel", "in": ["app", "fax"]}]}, UnknownKeyError, "filters[0].in"),
    ({"filters": [{"column": "amount", "in": ["1"]}]}, NotCategoryError, "filters[0].column"),
    ({"measures": ["sum:nothing"]}, UnknownColumnError, "measures[0]"),
    ({"measures": ["sum:channel"]}, NotMeasureError, "measures[0]"),
    ({"measures": ["mean:unbounded"]}, UnboundedError, "measures[0]"),
    ({"periods": []}, PeriodError, "periods"),
    ({"dataset": "people", "keys": [], "measures": ["count"]}, PeriodError, "periods"),
    ({"dataset": "people", "keys": ["month"], "measures": ["count"], "periods": []}, PeriodError, "keys[0]"),
]


@pytest.mark.parametrize(("change", "error", "where"), UNANSWERABLE)
def test_what_the_contracts_do_not_allow_is_refused(
    change: dict[str, Any], error: type[PlanError], where: str
) -> None:
    with pytest.raises(error) as refused:
        resolve(parse_plan({**PLAN, **change}), CATALOGUE)
    assert refused.value.where == where


def test_a_join_needs_one_row_per_subject() -> None:
    plan = parse_plan(
        {**PLAN, "dataset": "people", "keys": ["events.channel"], "measures": ["count"], "periods": []}
    )
    with pytest.raises(JoinError):
        resolve(plan, CATALOGUE)


def test_too_many_cells_are_refused() -> None:
    months = [f"{year}-{month:02d}" for year in range(2000, 2020) for month in range(1, 13)]
    wide = {**CATALOGUE}
    for name in ("people", "events"):
        table = wide[name]
        categories = {column: tuple(f"k{i}" for i in range(21)) for column in table.categories}
        wide[name] = replace(table, categories=categories)
    plan = parse_plan({**PLAN, "keys": ["month", "channel", "people.education"], "periods": months})
    with pytest.raises(TooManyCellsError):
        resolve(plan, wide)


def test_bounds_that_integers_cannot_hold_are_refused() -> None:
    table = CATALOGUE["events"]
    huge = replace(table, measures={"amount": (0, 10**13)})
    with pytest.raises(CapacityError):
        resolve(parse_plan(PLAN), {**CATALOGUE, "events": huge})


def test_an_epsilon_too_small_to_share_is_refused() -> None:
    with pytest.raises(LossError):
        resolve(parse_plan({**PLAN, "epsilon": 5_400}), CATALOGUE)


def test_a_mean_shares_count_and_sum_and_all_shares_are_equal() -> None:
    total = Total("amount", -50, 200)
    asked = [["count", "sum:amount", "mean:amount"], ["mean:amount"], ["count", "sum:amount"]]
    found = [resolve(parse_plan({**PLAN, "measures": m}), CATALOGUE) for m in asked]
    assert [q.totals for q in found] == [(COUNT, total)] * 3
    assert {q.cost() for q in found} == {found[0].share().times(2)}
    assert resolve(parse_plan({**PLAN, "measures": ["sum:amount"]}), CATALOGUE).totals == (total,)


def test_cells_are_the_whole_grid_in_the_order_of_keys() -> None:
    query = resolve(parse_plan({**PLAN, "periods": ["2005-04", "2005-05"]}), CATALOGUE)
    assert list(query.cells()) == [
        ("2005-04", "low"), ("2005-04", "high"), ("2005-05", "low"), ("2005-05", "high")
    ]  # fmt: skip
    assert query.n_cells == 4
    assert json.loads(format_plan(query.plan))["rows_per_month"] == 1
