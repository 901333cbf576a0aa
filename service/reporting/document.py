"""What a report is, before any page is set: sections, tables and figures whose every number has a source.

A ``Source`` names the query (``segments.by_band@1``, explained in the report's appendix) and the exact inputs
(``derived_profile@3``: a table at a version, or ``release:<id>``), so that each number can be derived again.
Exact figures and differentially private ones never share a table: a table is one or the other.

A cell of None is suppressed (a group of fewer than ten people).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any, Literal

from service.domain.logs import Head
from service.reporting.suppression import people

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in both languages."""

    zh: str
    en: str

    def to(self, language: Language) -> str:
        """The words in one language."""
        return self.zh if language == "zh" else self.en


#: First cell of a row that adds up the others.
TOTAL = Text("合计", "Total")
Cell = int | float | str | Text | date | None
#: Column key to cell.
Rows = Sequence[Mapping[str, Cell]]
#: ``name`` is text that is not wrapped, ``code`` an id that is cut on paper; ``people`` counts persons and is
#: never 1 to 9, ``money`` is integer cents, ``share`` a fraction of 1, ``micro`` an integer of millionths.
Kind = Literal["text", "name", "code", "count", "people", "money", "share", "number", "micro", "date"]
Basis = Literal["exact", "private"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    key: str
    title: Text
    kind: Kind


@dataclass(frozen=True, slots=True)
class Source:
    """Where numbers come from: a query by id and the inputs it read."""

    query: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query found.

    Attributes:
        rows: column key to cell; codes where a template prints labels.
        inputs: what was read, in full: ``statements@3``, ``release:<id>``, ``ops:requests``.
        basis: see ``Table``.
        figures: single numbers, for the first page.
        part: where a query answers several times, what tells this answer from the others.
        span: first and last day that the data covers, where the data says so.
    """

    rows: Rows
    inputs: tuple[str, ...]
    basis: Basis = "exact"
    figures: Mapping[str, Cell] = field(default_factory=dict)
    part: str = ""
    span: tuple[date, date] | None = None


def named(columns: str, rows: Iterable[Sequence[Cell]]) -> Rows:
    """Rows of cells in the order of these column keys, which stand between spaces."""
    return [dict(zip(columns.split(), row, strict=True)) for row in rows]


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Raises ValueError for a row without one cell per column, or a small group that is not hidden.

    Attributes:
        id: file name of its CSV, without ending.
        title: for people.
        source: of every number in it.
        columns: in order.
        rows: cells per column.
        basis: ``exact``, or ``private`` for noisy answers.
        note: what a reader must know.
        printed: rows shown on paper; the CSV has all.
    """

    id: str
    title: Text
    source: Source
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    basis: Basis = "exact"
    note: Text | None = None
    printed: int | None = None

    def __post_init__(self) -> None:
        """Refuse ragged rows, doubled columns, and groups of one to nine people."""
        keys = [c.key for c in self.columns]
        if len(set(keys)) != len(keys) or any(len(row) != len(keys) for row in self.rows):
            raise ValueError(f"table {self.id}: one cell per column")
        cells = [n for c in self.columns if c.kind == "people" for n in self.values(c.key)]
        if any(people(n) != n for n in cells if isinstance(n, int)):
            raise ValueError(f"table {self.id}: a small group is shown")

    def values(self, key: str) -> tuple[Cell, ...]:
        """One column's cells."""
        place = [c.key for c in self.columns].index(key)
        return tuple(row[place] for row in self.rows)

    @property
    def totalled(self) -> bool:
        """Whether the last row is a total."""
        return bool(self.rows) and self.rows[-1][0] == TOTAL

    def without_total(self) -> Table:
        """The same without its total, if it has one."""
        return replace(self, rows=self.rows[: len(self.rows) - self.totalled], note=None)


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart of a table; the table is always in the report as well.

    Attributes:
        id: distinct id.
        title: for people.
        shape: ``bar`` or ``line``.
        table: the table drawn.
        label: column of labels (bars) or of the horizontal axis (lines).
        series: columns drawn.
    """

    id: str
    title: Text
    shape: Literal["bar", "line"]
    table: Table
    label: str
    series: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A number for the first page, with its source."""

    label: Text
    value: Cell
    kind: Kind
    source: Source


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered section."""

    id: str
    title: Text
    paragraphs: tuple[Text, ...] = ()
    items: tuple[Table | Figure, ...] = ()
    law: Text | None = None

    def tables(self) -> list[Table]:
        """Its tables in order."""
        return [item for item in self.items if isinstance(item, Table)]


@dataclass(frozen=True, slots=True)
class Provenance:
    """For whom, about when, from which state of the log and of the rules.

    Attributes:
        institution: the controller that files the report.
        period: first and last day.
        as_of: instant of the state that was read, UTC.
        currency: ISO 4217 code of money cells.
        logs: signed tree heads of what was read, shard by shard.
        policy: ``sha256:`` digest of the rules in force.
        number: running number of the report.
    """

    institution: Text
    period: tuple[date, date]
    as_of: datetime
    currency: str
    logs: tuple[Head, ...]
    policy: str
    number: str


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report. ``type`` names the template and its date, ``template`` is its digest."""

    type: str
    template: str
    title: Text
    law: Text
    provenance: Provenance
    key_figures: tuple[KeyFigure, ...]
    sections: tuple[Section, ...]
    queries: tuple[tuple[str, Text], ...]

    def tables(self) -> list[Table]:
        """Every table in order."""
        return [table for section in self.sections for table in section.tables()]

    def __post_init__(self) -> None:
        """Refuse doubled table ids and numbers whose query is not explained."""
        ids = [t.id for t in self.tables()]
        used = {t.source.query for t in self.tables()} | {k.source.query for k in self.key_figures}
        if len(set(ids)) != len(ids) or not used <= {q for q, _ in self.queries}:
            raise ValueError("table ids must be distinct and every query explained")


def header(report: Report) -> dict[str, object]:
    """What the whole report rests on: what is being told, for whom, about when, from which state."""
    own = {key: getattr(report, key) for key in ("type", "template", "title", "law")}
    return {**own, **_fields(report.provenance)}


def format_report(report: Report) -> bytes:
    """Machine-readable form: JSON with sources, both languages, raw values."""
    tables = [{"section": s.id, **_fields(table)} for s in report.sections for table in s.tables()]
    body = {"key_figures": report.key_figures, "tables": tables, "queries": dict(report.queries)}
    return format_json({**header(report), **body})


def format_json(value: object) -> bytes:
    """Dates as ISO 8601, dataclasses by field; the same value gives the same bytes."""
    return (json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False, default=_json) + "\n").encode()


def _json(value: Any) -> object:
    return value.isoformat() if isinstance(value, date) else _fields(value)


def _fields(value: Any) -> dict[str, object]:
    return {f.name: getattr(value, f.name) for f in fields(value)}
