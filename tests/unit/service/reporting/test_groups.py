"""Groups in a fairness table: nothing about few people, shown or worked out; rows of a table by code."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from fakes.behaviour_facts import answers, provenance
from hypothesis import given
from hypothesis import strategies as st
from mutants.reports import group_rows_of_everyone

from service.reporting.customers import group_rows
from service.reporting.document import Rows
from service.reporting.template import fill, load_templates

Counts = dict[str, tuple[int, int]]
COUNTS = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1
).map(lambda found: {k: v for k, v in found.items() if sum(v)})


def people(counts: Counts) -> pl.DataFrame:
    rows = [(g, ok) for g, (good, bad) in counts.items() for ok in [True] * good + [False] * bad]
    return pl.DataFrame(rows, {"group": pl.String, "good": pl.Boolean}, orient="row")


def few(n: int) -> bool:
    return 0 < n < 10


def tells_of_few(grouped: Callable[[pl.DataFrame], Rows], counts: Counts) -> bool:
    """Whether a small number of people is shown, or a single one can be worked out from the total."""
    rows = {str(r["group"]): r for r in grouped(people(counts))}
    for group, (good, bad) in counts.items():
        row = rows[group]
        shown = row["rate"] is not None
        if few(good + bad) and row["customers"] is not None:
            return True
        if shown and (few(good) or few(bad) or few(good + bad)):
            return True
    hidden = [g for g, r in rows.items() if r["customers"] is None]
    return len(hidden) == 1 and any(sum(v) >= 10 for g, v in counts.items() if g not in hidden)


@given(COUNTS)
def test_nothing_about_few_people_is_told(counts: Counts) -> None:
    assert not tells_of_few(group_rows, counts)


def test_rows_that_show_every_group_are_caught() -> None:
    assert tells_of_few(group_rows_of_everyone, {"a": (20, 20), "b": (3, 30), "c": (4, 1)})


def test_ratio_and_difference_are_to_the_group_that_fares_best() -> None:
    best, other = group_rows(people({"a": (40, 40), "b": (20, 60)}))
    assert (best["rate"], best["difference"], best["ratio"]) == (0.5, 0.0, 1.0)
    assert (other["rate"], other["difference"], other["ratio"]) == (0.25, -0.25, 0.5)


def test_where_nobody_is_favoured_there_is_no_ratio() -> None:
    rows = group_rows(people({"a": (0, 40), "b": (0, 60)}))
    assert [(r["rate"], r["difference"], r["ratio"]) for r in rows] == [(0.0, 0.0, "–")] * 2


def test_a_table_shows_only_the_rows_it_asks_for_and_says_so() -> None:
    template = next(t for t in load_templates() if t.type == "behaviour")
    places = [
        (i, j) for i, s in enumerate(template.sections) for j, t in enumerate(s.tables) if t.id == "fraud"
    ]
    (i, j) = places[0]
    wanted = template.sections[i].tables[j].model_copy(update={"only": {"rule": ("bill_jump@1",)}})
    tables = list(template.sections[i].tables)
    tables[j] = wanted
    sections = list(template.sections)
    sections[i] = sections[i].model_copy(update={"tables": tuple(tables)})
    report = fill(template.model_copy(update={"sections": tuple(sections)}), answers(), provenance())
    shown = next(t for t in report.tables() if t.id == "fraud")
    assert set(shown.values("rule")) <= {"bill_jump@1"}
    assert shown.source.inputs[-1] == "rule=bill_jump@1"
    missing = wanted.model_copy(update={"only": {"nothing": ("x",)}})
    tables[j] = missing
    sections[i] = sections[i].model_copy(update={"tables": tuple(tables)})
    with pytest.raises(ValueError, match="lacks a column"):
        fill(template.model_copy(update={"sections": tuple(sections)}), answers(), provenance())
