"""Set a report as PDF with typst: deterministic, PDF/A-3a and PDF/UA-1, fonts embedded, nothing fetched.

The same report gives the same bytes: the time stamp is the report's own as-of instant, system fonts are not
looked at, and the template receives spelt strings only. The machine-readable form is attached to the PDF.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Final

import typst

from service.domain.logs import Head
from service.reporting import document
from service.reporting.charts import describe, draw
from service.reporting.document import Figure, KeyFigure, Language, Provenance, Report, Section, Table, Text
from service.reporting.words import NUMERIC, WORDS, abbreviate, spell

LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
_HERE: Final = Path(str(resources.files("service.reporting")))
HOW_TO_VERIFY: Final = (_HERE / "verify.txt").read_bytes()
FONTS: Final = _HERE / "fonts"
TEMPLATE: Final = _HERE / "templates" / "report.typ"


def render(report: Report, language: Language) -> bytes:
    """The unsigned PDF."""
    data = json.dumps(_data(report, language), ensure_ascii=False, sort_keys=True)
    return typst.compile(
        str(TEMPLATE),
        format="pdf",
        root=str(TEMPLATE.parent),
        font_paths=[str(FONTS)],
        ignore_system_fonts=True,
        sys_inputs={"data": data, "report": document.format_report(report).decode()},
        pdf_standards=["a-3a", "ua-1"],
        timestamp=int(report.provenance.as_of.timestamp()),
    )


def _data(report: Report, language: Language) -> dict[str, object]:
    """The report as the template takes it: no numbers, only words of one language."""
    return {
        **{f.name: _plain(getattr(report, f.name), language) for f in fields(report)},
        "words": {key: text.to(language) for key, text in WORDS.items()},
        "lang": language,
        "region": "cn" if language == "zh" else "gb",
        "other_title": report.title.to("en" if language == "zh" else "zh"),
    }


def _plain(value: Any, language: Language) -> object:
    told: object = value
    match value:
        case Text():
            told = value.to(language)
        case Table():
            told = _table(value, language)
        case Figure():
            drawn = {"svg": draw(value, language), "alt": describe(value, language)}
            told = {"type": "figure", "title": value.title.to(language), **drawn}
        case KeyFigure():
            told = {"label": value.label.to(language), "value": spell(value.value, value.kind, language)}
        case Section() | Provenance() | Head():
            told = {f.name: _plain(getattr(value, f.name), language) for f in fields(value)}
        case tuple():
            told = [_plain(part, language) for part in value]
        case date():
            told = str(value)[:19]  # to the second, in UTC
    return told


def _table(table: Table, language: Language) -> dict[str, object]:
    kinds = [c.kind for c in table.columns]
    rows, printed = table.rows, table.rows[: table.printed]
    notes = [text.to(language) for text in (table.note, None if rows else WORDS["none"]) if text]
    if len(printed) < len(rows):
        notes.append(WORDS["more"].to(language).format(rows=len(rows), id=table.id))
    return {
        "type": "table",
        "title": table.title.to(language),
        "private": table.basis == "private",
        "columns": [c.title.to(language) for c in table.columns],
        "right": [kind in NUMERIC for kind in kinds],
        "kinds": kinds,
        "rows": [[spell(c, kind, language) for c, kind in zip(row, kinds, strict=True)] for row in printed],
        "total": table.totalled and len(printed) == len(rows),
        "note": " ".join(notes),
        "source": f"{table.source.query} · {', '.join(abbreviate(i, 28) for i in table.source.inputs)}",
    }
