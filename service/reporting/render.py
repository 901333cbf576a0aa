"""Set a report as PDF with typst: deterministic, tagged PDF/A-3a, fonts embedded, nothing fetched.

The same report gives the same bytes: the time stamp is the report's own as-of instant, system fonts are not
looked at, and the template receives spelt strings only. The machine-readable form is attached to the PDF.
"""

from __future__ import annotations

import json
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Final

import typst

from service.reporting.charts import describe, draw
from service.reporting.document import Figure, Kind, Language, Report, Section, Table, format_report
from service.reporting.words import NUMERIC, WORDS, abbreviate, spell

LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
_HERE: Final = Path(str(resources.files("service.reporting")))
FONTS: Final = _HERE / "fonts"
TEMPLATE: Final = _HERE / "templates" / "report.typ"
_LONG_NUMBER: Final = 11  # digits and separators that an equal share of the page still holds
_WIDE: Final = 7  # columns from which a table is set smaller


def render(report: Report, language: Language) -> bytes:
    """The unsigned PDF."""
    data = json.dumps(_data(report, language), ensure_ascii=False, sort_keys=True)
    pdf = typst.compile(
        str(TEMPLATE),
        format="pdf",
        root=str(TEMPLATE.parent),
        font_paths=[str(FONTS)],
        ignore_system_fonts=True,
        sys_inputs={"data": data, "report": format_report(report).decode()},
        pdf_standards=["a-3a"],
        timestamp=int(report.provenance.as_of.timestamp()),
    )
    return bytes(pdf)


def _data(report: Report, language: Language) -> dict[str, object]:
    p = report.provenance
    word = {key: text.to(language) for key, text in WORDS.items()}
    first, last = p.period
    return {
        **word,
        "lang": language,
        "region": "cn" if language == "zh" else "gb",
        "title": report.title.to(language),
        "other_title": report.title.to("en" if language == "zh" else "zh"),
        "institution": p.institution.to(language),
        "description": f"{p.institution.to(language)}, {first} - {last}",
        "keywords": [report.type],
        "number": p.number,
        "footer": f"{p.log_origin} @ {p.log_size}",
        "cover": [
            [word["law"], report.law.to(language), False],
            [word["period"], f"{first} – {last}", False],
            [word["as_of"], p.as_of.strftime("%Y-%m-%d %H:%M:%S"), False],
            [word["currency"], p.currency, False],
            [word["log"], f"{p.log_origin} @ {p.log_size}", True],
            [word["root"], p.log_root, True],
            [word["policy"], p.policy, True],
            [word["template"], f"{report.type} {report.template}", True],
        ],
        "key_figures": [
            {"label": k.label.to(language), "value": spell(k.value, k.kind, language)}
            for k in report.key_figures
        ],
        "sections": [_section(nth, s, language) for nth, s in enumerate(report.sections, start=1)],
    }


def _section(number: int, section: Section, language: Language) -> dict[str, object]:
    seen: Counter[str] = Counter()
    items = []
    for item in section.items:
        kind, body = (
            ("table", _table(item, language))
            if isinstance(item, Table)
            else ("figure", _figure(item, language))
        )
        seen[kind] += 1
        label = f"{WORDS[kind].to(language)} {number}.{seen[kind]}"
        items.append({"type": kind, "number": label, "title": item.title.to(language), **body})
    return {
        "title": section.title.to(language),
        "law": section.law.to(language) if section.law else "",
        "paragraphs": [p.to(language) for p in section.paragraphs],
        "items": items,
    }


def _table(table: Table, language: Language) -> dict[str, object]:
    kinds = [c.kind for c in table.columns]
    rows = [
        [spell(cell, kind, language) for cell, kind in zip(row, kinds, strict=True)] for row in table.rows
    ]
    printed = rows[: table.printed]
    notes = [text.to(language) for text in (table.note, None if rows else WORDS["none"]) if text]
    if len(printed) < len(rows):
        notes.append(WORDS["more"].to(language).format(rows=len(rows), id=table.id))
    return {
        "private": table.basis == "private",
        "columns": [c.title.to(language) for c in table.columns],
        "right": [kind in NUMERIC for kind in kinds],
        "code": [kind == "code" for kind in kinds],
        "widths": [
            _width(kind, max((len(row[i]) for row in rows), default=0)) for i, kind in enumerate(kinds)
        ],
        "rows": [
            [abbreviate(words) if kind == "code" else words for words, kind in zip(row, kinds, strict=True)]
            for row in printed
        ],
        "total": table.totalled and len(printed) == len(rows),
        "size": 8.2 if len(kinds) >= _WIDE else 8.9,
        "note": " ".join(notes),
        "source": f"{table.source.query} · {', '.join(abbreviate(i, 28) for i in table.source.inputs)}",
    }


def _width(kind: Kind, longest: int) -> float:
    """Share of the page that a column takes; 0 for as wide as its content, such as long numbers."""
    if kind in {"name", "code", "date"} or (kind in NUMERIC and longest > _LONG_NUMBER):
        return 0
    return 1.0 if kind in NUMERIC else 2.2


def _figure(figure: Figure, language: Language) -> dict[str, object]:
    alt = f"{figure.title.to(language)}. {describe(figure, language)}"
    return {"svg": draw(figure, language), "alt": alt}
