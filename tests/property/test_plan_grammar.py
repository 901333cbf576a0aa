"""The plan grammar is closed: what it lets in means one thing, and everything else is refused."""

import json
import re
from typing import Any

from fakes.dp_tables import PLAN
from hypothesis import given
from hypothesis import strategies as st

from privacy.dp.errors import PlanSyntaxError
from privacy.dp.query import Plan, digest_plan, format_plan, parse_plan

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True)
REFERENCES = st.one_of(NAMES, st.builds("{}.{}".format, NAMES, NAMES)).filter(
    lambda name: name not in {"month", "count"}
)
MEASURES = st.one_of(st.just("count"), st.builds("{}:{}".format, st.sampled_from(["sum", "mean"]), NAMES))
KEYS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=64).filter(str.isprintable)
PERIODS = st.builds("{:04d}-{:02d}".format, st.integers(1, 9999), st.integers(1, 12))
FILTERS = st.builds(
    lambda column, keys: {"column": column, "in": keys},
    REFERENCES,
    st.lists(KEYS, min_size=1, max_size=5, unique=True),
)
PLANS = st.fixed_dictionaries(
    {
        "dataset": NAMES,
        "keys": st.lists(st.one_of(REFERENCES, st.just("month")), max_size=4, unique=True),
        "measures": st.lists(MEASURES, min_size=1, max_size=6, unique=True),
        "epsilon": st.integers(1, 100_000_000),
    },
    optional={
        "filters": st.lists(FILTERS, max_size=3, unique_by=lambda f: str(f["column"])),
        "periods": st.lists(PERIODS, max_size=12, unique=True),
        "rows_per_month": st.integers(1, 1000),
        "delta_exponent": st.integers(5, 15),
    },
)
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(["month", "count"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=8,
)


def well_formed(plan: Plan) -> bool:
    """What the grammar promises, said a second time."""
    name = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
    references = [*plan.keys, *(f.column for f in plan.filters)]
    return (
        name.fullmatch(plan.dataset) is not None
        and all(name.fullmatch(r.column) and (not r.table or name.fullmatch(r.table)) for r in references)
        and all((m.kind == "count") == (m.column == "") for m in plan.measures)
        and len(set(plan.measures)) == len(plan.measures) > 0
        and all(re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", p, re.ASCII) for p in plan.periods)
        and list(plan.periods) == sorted(set(plan.periods))
        and all(f.keys and all(type(key) is str for key in f.keys) for f in plan.filters)
        and type(plan.epsilon) is int
        and plan.epsilon > 0
        and type(plan.rows_per_month) is int
        and 1 <= plan.rows_per_month <= 1000
        and plan.delta_exponent in range(5, 16)
    )


@given(PLANS)
def test_parse_and_format_are_inverse(document: dict[str, Any]) -> None:
    plan = parse_plan(document)
    text = format_plan(plan)
    assert well_formed(plan)
    assert parse_plan(json.loads(text)) == plan
    assert digest_plan(parse_plan(json.loads(text))) == digest_plan(plan)


@given(PLANS, PLANS)
def test_plans_with_one_digest_are_one_plan(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = parse_plan(one), parse_plan(other)
    assert (digest_plan(first) == digest_plan(second)) == (first == second)


@given(JSON)
def test_arbitrary_json_is_refused_with_one_error(document: Any) -> None:
    try:
        parse_plan(document)
    except PlanSyntaxError:
        return
    raise AssertionError("arbitrary JSON was taken for a plan")


@given(st.sampled_from([*sorted(PLAN), "filters", "rows_per_month", "delta_exponent", "seed"]), JSON)
def test_a_plan_with_one_field_replaced_is_refused_or_well_formed(field: str, value: Any) -> None:
    try:
        plan = parse_plan({**PLAN, field: value})
    except PlanSyntaxError:
        return
    assert field != "seed"
    assert well_formed(plan)


@given(PLANS, st.data())
def test_one_changed_character_of_a_stored_plan_is_seen(
    document: dict[str, Any], data: st.DataObject
) -> None:
    plan = parse_plan(document)
    text = format_plan(plan)
    at = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.characters())
    changed = text[:at] + character + text[at + 1 :]
    try:
        other = parse_plan(json.loads(changed))
    except (PlanSyntaxError, json.JSONDecodeError):
        return
    assert (other == plan) == (format_plan(other) == text)
    assert well_formed(other)
