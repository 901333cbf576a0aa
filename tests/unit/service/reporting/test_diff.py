"""Why did this figure change: the comparison finds every changed cell, no other, and what it rests on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
from fakes.behaviour_facts import (
    answers,
    customer_answers,
    governance_answers,
    profiles,
    provenance,
    report,
    scores,
)
from hypothesis import given
from hypothesis import strategies as st

from service.reporting.diff import ABSENT, diff, format_diff
from service.reporting.document import Report, format_report

Table = dict[str, dict[str, int | None]]
CELL = st.none() | st.integers(0, 99)
ROWS = st.dictionaries(st.sampled_from("abcdef"), st.fixed_dictionaries({"n": CELL, "m": CELL}), max_size=6)


def body(made: Report) -> Any:
    return json.loads(format_report(made))


def document(rows: Table) -> dict[str, Any]:
    columns = [{"key": "k", "kind": "text"}, {"key": "n", "kind": "count"}, {"key": "m", "kind": "count"}]
    cells = [[key, row["n"], row["m"]] for key, row in rows.items()]
    return {"tables": [{"id": "t", "source": {"inputs": ["x@1"]}, "columns": columns, "rows": cells}]}


@given(ROWS, ROWS)
def test_every_changed_cell_is_found_and_no_other(old: Table, new: Table) -> None:
    found = diff(document(old), document(new))["tables"].get("t", {}).get("cells", [])
    said = {(c["row"], c["column"]): (c["old"], c["new"]) for c in found if c["column"] != "k"}
    expected = {}
    for key in old.keys() | new.keys():
        for column in ("n", "m"):
            pair = tuple(side[key][column] if key in side else ABSENT for side in (old, new))
            if pair[0] != pair[1]:
                expected[key, column] = pair
    assert said == expected


@given(ROWS)
def test_a_report_does_not_differ_from_itself(rows: Table) -> None:
    found = diff(document(rows), document(rows))
    assert found == {"context": {}, "tables": {}}
    assert format_diff(found) == "no difference"


def test_a_changed_figure_is_told_with_the_inputs_and_the_context_that_changed() -> None:
    fewer = customer_answers(profiles().filter(pl.col("segment") != "steady"), scores(), version=2)
    heads = [replace(head, size=140) for head in provenance().logs]
    later = replace(provenance(), logs=tuple(heads), policy="sha256:" + "aa" * 32)
    found = diff(body(report()), body(report(fewer | governance_answers(), later)))
    assert set(found["context"]) == {"logs", "policy"}
    segments = found["tables"]["segments"]
    assert [source["inputs"] for source in segments["inputs"]] == [
        ["derived_profile@1"],
        ["derived_profile@2"],
    ]
    assert {"row": "Steady", "column": "customers", "old": 7214, "new": 0} in segments["cells"]
    assert "grades" not in found["tables"]
    assert "  Steady | customers: 7214 -> 0" in format_diff(found)


def test_rows_whose_first_cell_repeats_are_matched_by_all_their_words() -> None:
    given_ = answers()
    old = given_["release.answer@1"][0]
    rows = [dict(row) for row in old.rows]
    rows[1]["estimate"] = 1
    found = diff(body(report()), body(report(given_ | {"release.answer@1": (replace(old, rows=rows),)})))
    ((cell,),) = [table["cells"] for table in found["tables"].values()]
    assert (cell["row"], cell["column"], cell["new"]) == (
        "2005-04 · graduate school / mean:bill_cents",
        "estimate",
        1,
    )


def test_a_table_that_only_one_of_them_has_is_absent_in_the_other() -> None:
    found = diff(body(report()), body(report(answers() | {"model.card@1": ()})))
    assert {cell["new"] for cell in found["tables"]["model"]["cells"]} == {ABSENT}


def test_another_version_of_the_template_is_told() -> None:
    made = report()
    other = replace(made, type="behaviour.2027-01-01", template="sha256:" + "bb" * 32)
    assert set(diff(body(made), body(other))["context"]) == {"type", "template"}


def test_another_period_is_told() -> None:
    other = replace(provenance(), period=(date(2005, 4, 1), date(2005, 8, 31)))
    assert set(diff(body(report()), body(report(told=other)))["context"]) == {"period"}
