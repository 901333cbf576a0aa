"""A report type as data: what it says stands in ``templates/<type>.<effective date>.toml``, not in code.

A change of what the law asks is a new file beside the old one; the version in force on the last day of the
period is taken. Parsing is strict: an unknown key, a name used twice or never, a number without an explained
query, an exact figure in a table of private ones: each is refused. ``fill`` is pure: the same template and
answers give the same report.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from service.errors import UnknownError
from service.reporting import document as doc
from service.reporting.document import Answer, Basis, Kind, Report, Section, Source, Table, Text
from service.reporting.words import NUMERIC, WORDS

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]
QueryName = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z_]+@[1-9][0-9]*$")]
APPENDIX: Final = "queries.list@1"


def _pair(value: object) -> Text:
    """``[Chinese, English]``."""
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(v, str) and v for v in value):  # noqa: PLR2004 - a pair
        raise ValueError("a text is a pair: Chinese, English")
    return Text(*value)


Pair = Annotated[Text, BeforeValidator(_pair)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnPart(_Part):
    """A column; ``labels`` names the group of texts that its cells, which are codes, are printed by."""

    key: Name
    title: Pair
    kind: Kind
    labels: str = ""


class FigurePart(_Part):
    """The chart of a table, drawn before it and without its total."""

    title: Pair
    shape: Literal["bar", "line"]
    label: Name
    series: tuple[Name, ...] = Field(min_length=1, max_length=4)


class TablePart(_Part):
    """A table of a query's rows; ``only`` names columns, and of each the codes whose rows are wanted."""

    id: Name
    title: Pair
    query: QueryName
    columns: tuple[ColumnPart, ...] = Field(min_length=1)
    basis: Basis = "exact"
    only: Mapping[Name, tuple[str, ...]] = {}
    note: Pair | None = None
    printed: int | None = Field(default=None, gt=0, strict=True)
    figure: FigurePart | None = None

    def draws_its_own(self) -> bool:
        """Whether the chart, if any, is of columns of this table, its series of numbers."""
        kinds, drawn = {column.key: column.kind for column in self.columns}, self.figure
        return not drawn or (drawn.label in kinds and all(kinds.get(s) in NUMERIC for s in drawn.series))


class SectionPart(_Part):
    """A section: its text, then its tables."""

    id: Name
    title: Pair
    law: Pair | None = None
    text: Pair | None = None
    tables: tuple[TablePart, ...] = ()


class KeyPart(_Part):
    """A number for the first page: one of the figures of a query's answer."""

    label: Pair
    kind: Kind
    query: QueryName
    value: Name


class QueryPart(_Part):
    """What a query means, so that its numbers can be derived again."""

    text: Pair
    basis: Basis = "exact"


class Template(_Part):
    """One version of one report type."""

    type: Name
    effective_from: date
    title: Pair
    law: Pair
    labels: Mapping[Name, Mapping[str, Pair]] = {}
    key_figures: tuple[KeyPart, ...] = Field(default=(), max_length=9)
    sections: tuple[SectionPart, ...] = Field(min_length=1)
    queries: Mapping[QueryName, QueryPart]
    digest: str

    @property
    def id(self) -> str:
        """``<type>.<effective date>``, the name of its file."""
        return f"{self.type}.{self.effective_from}"

    @model_validator(mode="after")
    def _is_whole(self) -> Template:
        tables = [table for section in self.sections for table in section.tables]
        ids = [s.id for s in self.sections] + ["appendix"]
        parts = [t.id for t in tables] + ["queries"]
        used = {t.query for t in tables} | {k.query for k in self.key_figures}
        groups = {column.labels for table in tables for column in table.columns} - {""}
        explained = {name: q.basis for name, q in self.queries.items()}
        faults = {
            "two parts have one id": len({*ids}) < len(ids) or len({*parts}) < len(parts),
            "queries used and explained are not the same": used != explained.keys(),
            "a chart is not of its table": not all(t.draws_its_own() for t in tables),
            "labels used and given are not the same": groups != self.labels.keys(),
            "exact and private figures are mixed": any(t.basis != explained.get(t.query) for t in tables),
        }
        if found := [fault for fault, present in faults.items() if present]:
            raise ValueError(found[0])
        return self


def parse_template(data: bytes) -> Template:
    """Parse a template file. Raises ValueError."""
    return Template(**tomllib.loads(data.decode()) | {"digest": f"sha256:{sha256(data).hexdigest()}"})


@cache
def load_templates() -> tuple[Template, ...]:
    """Every version of every type that is shipped, by type and date. Raises ValueError."""
    folder = resources.files("service.reporting") / "templates"
    files = (path for path in folder.iterdir() if path.name.endswith(".toml"))
    found = {path.name: parse_template(path.read_bytes()) for path in files}
    if wrong := [name for name, template in found.items() if name != f"{template.id}.toml"]:
        raise ValueError(f"a template's file is named by its type and date: {wrong[0]}")
    return tuple(sorted(found.values(), key=lambda t: t.id))


def choose(templates: Iterable[Template], name: str, day: date, *, exactly: bool = False) -> Template:
    """The version of a type in force on a day, or the one that came into force ``exactly`` then.

    Raises:
        UnknownError: no such type, or no version of it then; names those that there are.
    """
    known = sorted(templates, key=lambda t: t.id)
    found = [t for t in known if t.type == name and t.effective_from <= day]
    if not found or (exactly and found[-1].effective_from != day):
        raise UnknownError("there is no such report template", there_are=", ".join(t.id for t in known))
    return found[-1]


def fill(template: Template, answers: Mapping[str, tuple[Answer, ...]], provenance: doc.Provenance) -> Report:
    """The report: every table of the template with the rows of its query's answers.

    A query that answers several times gives its table several times; one that does not answer gives none.

    Raises:
        ValueError: an answer lacks a column or is of another basis than its table.
    """
    asked = [(k, answers[k.query][0]) for k in template.key_figures]
    key_figures = tuple(
        doc.KeyFigure(k.label, a.figures[k.value], k.kind, Source(k.query, a.inputs)) for k, a in asked
    )
    sections = [_section(part, template, answers) for part in template.sections]
    queries = (*((name, q.text) for name, q in template.queries.items()), (APPENDIX, WORDS["this_table"]))
    columns = (doc.Column("query", WORDS["query"], "name"), doc.Column("meaning", WORDS["meaning"], "text"))
    source = Source(APPENDIX, (f"template:{template.id}", template.digest))
    listed = Table("queries", WORDS["queries"], source, columns, queries)
    sections.append(Section("appendix", WORDS["appendix"], (WORDS["derived"],), (listed,)))
    head = (template.id, template.digest, template.title, template.law)
    return Report(*head, provenance, key_figures, tuple(sections), queries)


def _section(part: SectionPart, template: Template, answers: Mapping[str, tuple[Answer, ...]]) -> Section:
    items: list[Table | doc.Figure] = []
    for shape in part.tables:
        for answer in answers[shape.query]:
            table, drawn = _table(shape, answer, template), shape.figure
            to = table.without_total()
            if drawn and any(cell is not None for key in drawn.series for cell in to.values(key)):
                items.append(doc.Figure(f"fig-{to.id}", table=to, **dict(drawn)))
            items.append(table)
    return Section(part.id, part.title, (part.text,) if part.text else (), tuple(items), part.law)


def _table(part: TablePart, answer: Answer, template: Template) -> Table:
    wanted = {column.key for column in part.columns} | part.only.keys()
    if answer.basis != part.basis or not all(wanted <= row.keys() for row in answer.rows):
        raise ValueError(f"table {part.id}: the answer is of another basis or lacks a column")
    labels = [(column.key, template.labels.get(column.labels, {})) for column in part.columns]
    more = f" {answer.part}" if answer.part else ""
    rows = [row for row in answer.rows if all(row[key] in codes for key, codes in part.only.items())]
    chosen = tuple(f"{key}={'|'.join(codes)}" for key, codes in part.only.items())
    return Table(
        id="-".join(filter(None, (part.id, answer.part))),
        title=Text(part.title.zh + more, part.title.en + more),
        source=Source(part.query, (*answer.inputs, *chosen)),
        columns=tuple(doc.Column(c.key, c.title, c.kind) for c in part.columns),
        rows=tuple(tuple(_cell(row[key], words) for key, words in labels) for row in rows),
        basis=part.basis,
        note=part.note,
        printed=part.printed,
    )


def _cell(cell: doc.Cell, labels: Mapping[str, Text]) -> doc.Cell:
    return labels.get(cell, cell) if isinstance(cell, str) else cell
