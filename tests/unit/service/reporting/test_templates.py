"""Templates: strict, complete, in force by date; exact and private figures never in one table."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from fakes.behaviour_facts import answers, provenance
from hypothesis import given
from hypothesis import strategies as st
from mutants.reports import fill_whatever_the_basis

import service.usecases.report  # noqa: F401  registers the queries
from service.errors import UnknownError
from service.reporting.document import Answer, Provenance, Report, Text
from service.reporting.template import Template, choose, fill, load_templates, parse_template
from service.usecases.report_queries import QUERIES

SHIPPED = load_templates()
LAWFUL = b"""
type = "complaints"
effective_from = 2026-01-01
title = ["\xe6\x8a\x95\xe8\xaf\x89", "Complaints"]
law = ["\xe6\xb3\x95", "Law 1"]
[[key_figures]]
label = ["a", "All"]
kind = "number"
query = "complaints.by_kind@1"
value = "total"
[[sections]]
id = "one"
title = ["a", "One"]
text = ["a", "Said."]
[[sections.tables]]
id = "complaints"
title = ["a", "By kind"]
query = "complaints.by_kind@1"
printed = 3
columns = [
  {key = "kind", kind = "text", title = ["a", "Kind"], labels = "kinds"},
  {key = "customers", kind = "people", title = ["a", "Customers"]},
]
[sections.tables.figure]
title = ["a", "By kind"]
shape = "bar"
label = "kind"
series = ["customers"]
[queries."complaints.by_kind@1"]
text = ["a", "counted"]
[labels.kinds]
fee = ["a", "Fees"]
"""
DOCUMENT = tomllib.loads(LAWFUL.decode())


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every mapping in a document, by its path."""
    if isinstance(node, dict):
        yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, below in items:
        yield from places(below, (*path, key))


def at(node: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        node = node[key]
    return node


def parsed(document: Mapping[str, Any]) -> Template:
    return Template(**{**document, "digest": "sha256:0"})


OPEN = (("labels",), ("labels", "kinds"), ("queries",))  #: whose keys are names, not fields
MAPPINGS = [path for path in places(DOCUMENT) if path not in OPEN]


def test_the_lawful_template_parses() -> None:
    template = parse_template(LAWFUL)
    assert (template.id, template.title) == ("complaints.2026-01-01", Text("投诉", "Complaints"))
    assert template.sections[0].tables[0].columns[1].kind == "people"


@given(st.sampled_from(MAPPINGS), st.text(min_size=1, max_size=12), st.integers() | st.text())
def test_an_unknown_key_is_refused_wherever_it_stands(path: tuple[Any, ...], key: str, value: object) -> None:
    document = deepcopy(DOCUMENT)
    known = {"note", "law", "basis", "labels", "text", "tables", "figure", "printed", "digest"}
    if key in at(document, path) or key in known:
        return
    at(document, path)[key] = value
    with pytest.raises(ValueError, match="Extra inputs"):
        parsed(document)


NEEDED = [(path, key) for path in MAPPINGS for key in at(DOCUMENT, path)]
OPTIONAL = {"text", "printed", "figure", "tables", "key_figures"}


@pytest.mark.parametrize(
    ("path", "key"), [(p, k) for p, k in NEEDED if k not in OPTIONAL or p[:1] == ("queries",)]
)
def test_a_missing_key_is_refused(path: tuple[Any, ...], key: str) -> None:
    document = deepcopy(DOCUMENT)
    del at(document, path)[key]
    with pytest.raises(ValueError, match=r"."):
        parsed(document)


@given(st.sampled_from(NEEDED), st.none() | st.booleans() | st.integers() | st.lists(st.text(), max_size=3))
def test_a_wrong_type_is_refused(place: tuple[tuple[Any, ...], str], value: object) -> None:
    path, key = place
    document = deepcopy(DOCUMENT)
    if type(value) is type(at(document, path)[key]) or (key == "series" and value) or value is None:
        return
    at(document, path)[key] = value
    if key in {"effective_from", "tables", "key_figures"} and isinstance(value, int | list):
        return  # a number is a day since 1970; an empty list is a list
    with pytest.raises(ValueError, match=r"."):
        parsed(document)


Change = Callable[[dict[str, Any]], object]
TABLE = ("sections", 0, "tables", 0)
FAULTS: Mapping[str, Change] = {
    "an id used twice": lambda d: d["sections"][0]["tables"].append(deepcopy(at(d, TABLE))),
    "a table called like the appendix": lambda d: at(d, TABLE).update(id="queries"),
    "a section called like the appendix": lambda d: d["sections"][0].update(id="appendix"),
    "a query that nobody explains": lambda d: at(d, TABLE).update(query="other.things@1"),
    "an explanation of nothing": lambda d: d["queries"].update({"other.things@1": {"text": ["a", "b"]}}),
    "labels that are not given": lambda d: at(d, TABLE)["columns"][1].update(labels="others"),
    "labels that nobody uses": lambda d: d["labels"].update({"others": {"a": ["a", "b"]}}),
    "a private query in an exact table": lambda d: d["queries"]["complaints.by_kind@1"].update(
        basis="private"
    ),
    "an exact query in a private table": lambda d: at(d, TABLE).update(basis="private"),
    "a chart of another's column": lambda d: at(d, TABLE)["figure"].update(label="month"),
    "a chart of words": lambda d: at(d, TABLE)["figure"].update(series=["kind"]),
    "a query without a version": lambda d: d["key_figures"][0].update(query="complaints.by_kind"),
    "a text in one language": lambda d: d.update(title=["Complaints"]),
    "a printed number of rows that is none": lambda d: at(d, TABLE).update(printed=0),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_template_with_a_fault_is_refused(fault: Change) -> None:
    document = deepcopy(DOCUMENT)
    fault(document)
    with pytest.raises(ValueError, match=r"."):
        parsed(document)


def versions(*days: int) -> list[Template]:
    first = date(2026, 1, 1)
    return [parsed(DOCUMENT | {"effective_from": first + timedelta(days=d)}) for d in days]


@given(st.sets(st.integers(0, 60), min_size=1, max_size=5), st.integers(0, 80))
def test_the_version_in_force_is_the_newest_that_has_begun(days: set[int], asked: int) -> None:
    day = date(2026, 1, 1) + timedelta(days=asked)
    begun = [d for d in days if d <= asked]
    if not begun:
        with pytest.raises(UnknownError):
            choose(versions(*days), "complaints", day)
        return
    assert choose(versions(*days), "complaints", day).effective_from == date(2026, 1, 1) + timedelta(
        days=max(begun)
    )


def test_a_version_can_be_forced_by_its_exact_date_only() -> None:
    both = versions(0, 30)
    assert choose(both, "complaints", date(2026, 1, 1), exactly=True) == both[0]
    with pytest.raises(UnknownError, match=r"complaints\.2026-01-01, complaints\.2026-01-31"):
        choose(both, "complaints", date(2026, 1, 2), exactly=True)
    with pytest.raises(UnknownError):
        choose(both, "behaviour", date(2026, 6, 1))


@pytest.mark.parametrize("template", SHIPPED, ids=lambda t: t.id)
def test_every_query_of_a_shipped_template_is_registered(template: Template) -> None:
    assert template.queries.keys() <= QUERIES.keys()


def test_every_registered_query_is_used() -> None:
    assert {name for template in SHIPPED for name in template.queries} == QUERIES.keys()


Fill = Callable[[Template, Mapping[str, tuple[Answer, ...]], Provenance], Report]


def mixes(filled: Fill) -> bool:
    """Whether a noisy answer can be printed as an exact figure."""
    template = next(t for t in SHIPPED if t.type == "behaviour")
    noisy = {"segments.by_band@1": (replace(answers()["segments.by_band@1"][0], basis="private"),)}
    try:
        filled(template, answers() | noisy, provenance())
    except ValueError:
        return False
    return True


def test_an_answer_of_another_basis_than_its_table_is_refused() -> None:
    assert not mixes(fill)


def test_a_fill_that_does_not_look_at_the_basis_is_caught() -> None:
    assert mixes(fill_whatever_the_basis)


def test_an_answer_without_a_column_is_refused() -> None:
    template = next(t for t in SHIPPED if t.type == "behaviour")
    short = {"aml.by_month@1": (Answer([{"month": "2005-08"}], ("statements@1",)),)}
    with pytest.raises(ValueError, match="lacks a column"):
        fill(template, answers() | short, provenance())
