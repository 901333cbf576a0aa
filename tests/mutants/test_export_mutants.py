"""Broken variants of exports and of trace ids, each caught by a check that the real one passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from fakes.log_readers import entries_of_prov, entry_of_cef, entry_of_ocsf
from fakes.mutated import mutated

import audit.export
import service.domain.traces
from audit.entry import Entry
from audit.evidence import Place

NAME = "example.com"
ORIGIN = f"{NAME}/log=1/2026"
ENTRY = Entry(
    id="1", at=datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), type="score:read", actor="user:ann",
    role="risk officer", rule="a=b", resource="score/1", payload="sha256:ab", subjects=2, rho=3,
    detail=(("n", 1), ("trace", "0af7651916cd43dd8448eb211c80319c")),
)  # fmt: skip
ROWS = [
    (Place(ORIGIN, 0), ENTRY),
    (Place(ORIGIN, 1), replace(ENTRY, decision="deny")),
    (Place(f"{NAME}/other", 2), replace(ENTRY, type="user:add", rule="", resource="")),
]


def every_fact_comes_back(export: ModuleType) -> None:
    assert [entry_of_cef(line, NAME) for line in export.cef(ROWS, NAME)] == ROWS
    assert [entry_of_ocsf(line, NAME) for line in export.ocsf(ROWS, NAME)] == ROWS
    assert entries_of_prov("\n".join(export.prov(ROWS, NAME)), NAME) == ROWS


def a_line_is_one_line(export: ModuleType) -> None:
    (line,) = export.cef([(Place("a\nb\rc", 0), ENTRY)], NAME)
    assert line.splitlines() == [line]


def only_the_w3c_form_is_a_trace(traces: ModuleType) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    assert traces.parse_traceparent(f"00-{trace}-{parent}-01") == trace
    for wrong in (
        [f"ff-{trace}-{parent}-01"],
        [f"00-{trace}-{parent}-01-x"],
        [f"00-{'0' * 32}-{parent}-01"],
        [f"00-{trace}-{'0' * 16}-01"],
        [f"00-{trace.upper()}-{parent}-01"],
        [f"00-{trace}-{parent}-01"] * 2,
        [],
    ):
        assert traces.parse_traceparent(*wrong) == ""


EXPORT, TRACES = audit.export, service.domain.traces
Check = Callable[[ModuleType], None]
FACTS, LINE, FORM = every_fact_comes_back, a_line_is_one_line, only_the_w3c_form_is_a_trace
MUTANTS: list[tuple[str, ModuleType, str, str, Check]] = [
    ("cef: no escape", EXPORT, r'"=": "\\=", ', "", FACTS),
    ("cef: lines", EXPORT, r', "\n": "\\n"', "", LINE),
    ("cef: milliseconds", EXPORT, '"FiduciaryAt": facts["at"], ', "", FACTS),
    ("cef: a number lost", EXPORT, '"cn2": "subjects", ', "", FACTS),
    ("cef: all are fine", EXPORT, "{5 if entry.decision == 'deny' else 1}", "1", FACTS),
    ("ocsf: details lost", EXPORT, 'if name != "v"', "if type(value) is int", FACTS),
    ("ocsf: no endpoint", EXPORT, '{"name": "unrecorded"}', "{}", FACTS),
    ("ocsf: all succeeded", EXPORT, '"status_id": outcome', '"status_id": 1', FACTS),
    ("ocsf: another class", EXPORT, "100 * kind", "1000 * kind", FACTS),
    ("ocsf: no table", EXPORT, '(resource or {"name": noun}) if stored else {}', "{}", FACTS),
    ("ocsf: no trace", EXPORT, '.get("trace", "")', '.get("span", "")', FACTS),
    ("prov: denied, yet used", EXPORT, 'if entry.decision == "allow" else None', "if entry else None", FACTS),
    ("prov: names as they are", EXPORT, '"[^A-Za-z0-9_/@]"', '"[^ -~]"', FACTS),
    ("prov: bundles of one name", EXPORT, '"entry:{place}"', '"entry:a/0"', FACTS),
    ("trace: version ff", TRACES, "ff|", "", FORM),
    ("trace: more than there is", TRACES, "|00.{54}", "", FORM),
    ("trace: zeros", TRACES, "(?!0{32})", "", FORM),
    ("trace: no parent", TRACES, "(?!0{16})", "", FORM),
    ("trace: two headers", TRACES, "if len(headers) == 1", "if headers", FORM),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant[0] for mutant in MUTANTS])
def test_mutant_is_caught_and_the_real_one_passes(
    tmp_path: Path, mutant: tuple[str, ModuleType, str, str, Callable[[ModuleType], None]]
) -> None:
    _, module, old, new, check = mutant
    check(module)
    with (
        mutated(module, old, new, tmp_path) as broken,
        pytest.raises((AssertionError, KeyError, ValueError)),
    ):
        check(broken)
