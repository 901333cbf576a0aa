"""What the report says: sources, suppression, exact and private figures apart, charts with their tables."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl
import pytest
from fakes.behaviour_facts import facts
from hypothesis import given
from hypothesis import strategies as st
from mutants.profiles import suppress_only_the_small

from service.reporting.behaviour import build
from service.reporting.charts import draw, nice_ticks
from service.reporting.document import Column, Figure, Source, Table, Text, format_report
from service.reporting.suppression import SMALLEST, safe_share, suppress
from service.reporting.tabular import format_csv

NAME = Text("名", "name")
Suppress = Callable[[Sequence[int]], tuple[int | None, ...]]
COUNTS = st.lists(st.integers(0, 60), min_size=1, max_size=9)


def gives_away(hide: Suppress, counts: Sequence[int]) -> bool:
    """Whether a small group shows, or follows from the total."""
    shown = hide(counts)
    hidden = [n for n, s in zip(counts, shown, strict=True) if s is None]
    small = any(s is not None and 0 < s < SMALLEST for s in shown)
    alone = len(hidden) == 1 and sum(n >= SMALLEST for n in counts) > 0
    return small or alone


@given(COUNTS)
def test_a_small_group_neither_shows_nor_follows_from_the_total(counts: list[int]) -> None:
    assert not gives_away(suppress, counts)
    assert all(s in {None, n} for s, n in zip(suppress(counts), counts, strict=True))


def test_hiding_only_the_small_group_is_caught() -> None:
    assert gives_away(suppress_only_the_small, [100, 5, 40])


@pytest.mark.parametrize(
    ("part", "whole", "share"), [(0, 50, 0.0), (9, 50, None), (41, 50, None), (10, 50, 0.2), (0, 0, None)]
)
def test_a_rate_is_hidden_when_it_tells_of_a_small_group(part: int, whole: int, share: float | None) -> None:
    assert safe_share(part, whole) == share


def test_a_small_segment_is_suppressed_everywhere() -> None:
    given_ = facts()
    small = pl.concat(
        [
            given_.profiles.filter(pl.col("segment") != "growing"),
            given_.profiles.filter(pl.col("segment") == "growing").head(4),
        ]
    )
    report = build(replace(given_, profiles=small))
    table = next(t for t in report.tables() if t.id == "segments")
    rows = {row[0].en: row[1:] for row in table.rows if isinstance(row[0], Text)}
    assert rows["Growing"] == (None,) * 5
    assert sum(row[0] is None for row in rows.values()) == 2
    assert b'"value": 4' not in format_report(report)
    assert "suppressed" in format_csv(table).decode()


def test_a_grade_with_few_defaults_shows_no_rate() -> None:
    given_ = facts()
    scores = given_.scores.with_columns(bad=pl.when(pl.col("grade") == "A").then(0).otherwise("bad"))
    first = scores.with_row_index().with_columns(bad=pl.when(pl.col("index") < 3).then(1).otherwise("bad"))
    table = next(t for t in build(replace(given_, scores=first.drop("index"))).tables() if t.id == "grades")
    rates = dict(zip(table.values("grade"), table.values("observed"), strict=True))
    assert rates["A"] is None
    assert isinstance(rates["B"], float)


def test_every_table_has_a_source_and_its_query_is_explained() -> None:
    report = build(facts())
    explained = {query for query, _ in report.queries}
    assert all(t.source.query in explained and t.source.inputs for t in report.tables())
    with pytest.raises(ValueError, match="every query"):
        replace(report, queries=())


def test_noisy_answers_stand_in_tables_of_their_own() -> None:
    private = {t.id for t in build(facts()).tables() if t.basis == "private"}
    assert private == {"model", "releases", f"release-{'9f2c4be1' * 4}"[:20]}


def test_the_json_holds_every_row_with_table_versions() -> None:
    report = build(facts())
    body = json.loads(format_report(report))
    answer = next(t for t in body["tables"] if t["id"].startswith("release-"))
    assert len(answer["rows"]) == 48
    assert next(t for t in body["tables"] if t["id"] == "segments")["source"]["inputs"] == [
        "derived_profile@1"
    ]
    assert body["log"] == {
        "origin": "fiduciary.example/log",
        "root": facts().provenance.log_root,
        "size": 128,
    }


def test_a_report_without_releases_or_model_is_whole() -> None:
    report = build(replace(facts(), releases=(), model=None))
    assert "releases" not in {s.id for s in report.sections}
    assert "model" not in {t.id for t in report.tables()}


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own text


def figures() -> list[Figure]:
    return [i for s in build(facts()).sections for i in s.items if isinstance(i, Figure)]


@pytest.mark.parametrize("figure", figures(), ids=lambda f: f.id)
def test_each_chart_is_well_formed_named_and_described(figure: Figure) -> None:
    root = parsed(draw(figure, "zh"))
    names = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
    assert root.attrib["role"] == "img"
    assert names["title"] == figure.title.zh
    assert len(names["desc"].split(";")) == len(figure.table.rows)
    assert figure.table.id in {t.id for t in build(facts()).tables()}


def test_bars_are_as_long_as_their_values() -> None:
    rows = (("a", 100), ("b", 50), ("c", None))
    columns = (Column("k", Text("k", "k"), "text"), Column("v", Text("v", "v"), "count"))
    table = Table("t", NAME, Source("q@1", ("x@1",)), columns, rows)
    svg = draw(Figure("f", NAME, "bar", table, "k", ("v",)), "en")
    lengths = [float(r.attrib["width"]) for r in parsed(svg).iter("{http://www.w3.org/2000/svg}rect")]
    assert lengths[1] == pytest.approx(lengths[0] / 2, abs=0.1)
    assert lengths[2] == 0
    assert "&lt;10" in svg


@given(st.floats(1e-6, 1e12))
def test_ticks_start_at_zero_rise_evenly_and_reach_the_top(highest: float) -> None:
    ticks = nice_ticks(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest * 0.999
    assert 2 <= len(ticks) <= 7


def test_csv_keeps_formulas_from_running() -> None:
    columns = (Column("a", Text("a", "a"), "text"), Column("n", Text("n", "n"), "number"))
    table = Table("t", NAME, Source("q@1", ("x@1",)), columns, (("=1+1", -5), (Text("中", "-x"), None)))
    rows = list(csv.reader(io.StringIO(format_csv(table).decode())))
    assert rows == [["a", "n"], ["'=1+1", "-5"], ["'-x", "suppressed"]]


def test_a_ragged_table_is_refused() -> None:
    with pytest.raises(ValueError, match="one cell per column"):
        Table("t", NAME, Source("q@1", ()), (Column("a", NAME, "text"),), (("x", 1),))
