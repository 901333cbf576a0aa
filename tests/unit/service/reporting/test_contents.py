"""What the report says: sources, suppression, exact and private figures apart, charts with their tables."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
import pytest
from fakes.behaviour_facts import (
    RELEASE,
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
from mutants.profiles import suppress_only_the_small

from service.reporting.charts import draw, nice_ticks
from service.reporting.document import (
    Answer,
    Column,
    Figure,
    Kind,
    Report,
    Source,
    Table,
    Text,
    format_report,
)
from service.reporting.render import render
from service.reporting.suppression import SMALLEST, safe_share, suppress
from service.reporting.tabular import format_csv

NAME = Text("名", "name")
GOLDEN = Path(__file__).resolve().parents[3] / "golden"
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


def with_customers(people: pl.DataFrame, scored: pl.DataFrame) -> Report:
    return report(customer_answers(people, scored) | governance_answers())


def test_a_small_segment_is_suppressed_everywhere() -> None:
    growing = pl.col("segment") == "growing"
    small = pl.concat([profiles().filter(~growing), profiles().filter(growing).head(4)])
    made = with_customers(small, scores())
    table = next(t for t in made.tables() if t.id == "segments")
    rows = {row[0].en: row[1:] for row in table.rows if isinstance(row[0], Text)}
    assert rows["Growing"] == (None,) * 5
    assert sum(row[0] is None for row in rows.values()) == 2
    assert b'"value": 4' not in format_report(made)
    assert "suppressed" in format_csv(table).decode()


def test_a_grade_with_few_defaults_shows_no_rate() -> None:
    none = scores().with_columns(bad=pl.when(pl.col("grade") == "A").then(0).otherwise("bad"))
    first = none.with_row_index().with_columns(bad=pl.when(pl.col("index") < 3).then(1).otherwise("bad"))
    made = with_customers(profiles(), first.drop("index"))
    table = next(t for t in made.tables() if t.id == "grades")
    rates = dict(zip(table.values("grade"), table.values("observed"), strict=True))
    assert rates["A"] is None
    assert isinstance(rates["B"], float)


def test_every_table_has_a_source_and_its_query_is_explained() -> None:
    made = report()
    explained = {query for query, _ in made.queries}
    assert all(t.source.query in explained and t.source.inputs for t in made.tables())
    with pytest.raises(ValueError, match="every query"):
        replace(made, queries=())


def test_noisy_answers_stand_in_tables_of_their_own() -> None:
    private = {t.id for t in report().tables() if t.basis == "private"}
    assert private == {"model", "releases", f"release-{RELEASE[:12]}"}


def test_the_json_holds_every_row_with_table_versions() -> None:
    body = json.loads(format_report(report()))
    answer = next(t for t in body["tables"] if t["id"].startswith("release-"))
    assert len(answer["rows"]) == 48
    segments = next(t for t in body["tables"] if t["id"] == "segments")
    assert segments["source"]["inputs"] == ["derived_profile@1"]
    assert body["logs"] == [asdict(head) for head in provenance().logs]
    assert body["type"] == "behaviour.2021-11-01"
    assert body["template"].startswith("sha256:")


def test_the_json_is_the_golden_one() -> None:
    assert format_report(report()) == (GOLDEN / "behaviour.json").read_bytes()


def test_a_report_without_releases_or_model_is_whole() -> None:
    none = Answer((), ("ops:releases",), "private", {"releases": 0})
    made = report(answers() | {"model.card@1": (), "release.answer@1": (), "releases.list@1": (none,)})
    assert [t.rows for t in made.tables() if t.id == "releases"] == [()]
    assert not {t.id for t in made.tables()} & {"model", f"release-{RELEASE[:12]}"}
    assert render(made, "en").startswith(b"%PDF")


def test_a_group_of_one_to_nine_people_cannot_be_in_a_table() -> None:
    shown: tuple[tuple[int | None, Kind], ...] = (
        (0, "people"),
        (10, "people"),
        (None, "people"),
        (9, "count"),
    )
    for n, column in shown:
        Table("t", NAME, Source("q@1", ()), (Column("n", NAME, column),), ((n,),))
    for n in (1, 9):
        with pytest.raises(ValueError, match="small group"):
            Table("t", NAME, Source("q@1", ()), (Column("n", NAME, "people"),), ((n,),))


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own text


def figures() -> list[Figure]:
    return [i for s in report().sections for i in s.items if isinstance(i, Figure)]


@pytest.mark.parametrize("figure", figures(), ids=lambda f: f.id)
def test_each_chart_is_well_formed_named_and_described(figure: Figure) -> None:
    root = parsed(draw(figure, "zh"))
    names = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
    assert root.attrib["role"] == "img"
    assert names["title"] == figure.title.zh
    assert len(names["desc"].split(";")) == len(figure.table.rows)
    assert figure.table.id in {t.id for t in report().tables()}


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
