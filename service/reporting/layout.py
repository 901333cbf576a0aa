"""The report's words and the shape of its parts, read from ``report.toml``; the rows come from elsewhere.

Everything that a reader sees and that is no number stands in that one file, in both languages, so that it can
be reviewed without reading code. A part that the file does not have raises KeyError.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any, Final

from service.reporting.document import Cell, Column, Figure, KeyFigure, Section, Source, Table, Text
from service.reporting.facts import BehaviourFacts

_LAYOUT: Final[Mapping[str, Any]] = tomllib.loads(
    (resources.files("service.reporting") / "report.toml").read_text(encoding="utf-8")
)
TITLE: Final = Text(*_LAYOUT["title"])


def texts(group: str) -> Mapping[str, Text]:
    """The texts of one group of the file, by key and in its order."""
    return {key: Text(*pair) for key, pair in _LAYOUT[group].items()}


QUERIES: Final = tuple(texts("queries").items())
WORDS: Final = texts("words")


def section(name: str, *items: Table | Figure) -> Section:
    """A section with its paragraph, if it has one."""
    shape = _LAYOUT["sections"][name]
    paragraphs = (Text(*shape["paragraph"]),) if "paragraph" in shape else ()
    return Section(name, Text(*shape["title"]), paragraphs, items)


def table(
    name: str, rows: Iterable[tuple[Cell, ...]], facts: BehaviourFacts, reads: Iterable[str] = ()
) -> Table:
    """A table of these rows; ``reads`` are its inputs where the file does not know them."""
    shape = _LAYOUT["tables"][name]
    return Table(
        id=name,
        title=Text(*shape["title"]),
        source=Source(shape["query"], facts.inputs(*shape.get("reads", reads))),
        columns=tuple(Column(key, Text(zh, en), kind) for key, kind, zh, en in shape["columns"]),
        rows=tuple(rows),
        basis=shape.get("basis", "exact"),
        note=Text(*shape["note"]) if "note" in shape else None,
        printed=shape.get("printed"),
    )


def figure(name: str, drawn: Table) -> Figure:
    """A chart of a table."""
    shape = _LAYOUT["figures"][name]
    return Figure(name, Text(*shape["title"]), shape["shape"], drawn, shape["label"], tuple(shape["series"]))


def key_figure(name: str, value: Cell, facts: BehaviourFacts) -> KeyFigure:
    """A number for the first page."""
    shape = _LAYOUT["key_figures"][name]
    source = Source(shape["query"], facts.inputs(*shape["reads"]))
    return KeyFigure(Text(*shape["label"]), value, shape["kind"], source)
