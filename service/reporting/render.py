"""Set a report as PDF with typst: deterministic, tagged PDF/A-3a, fonts embedded, nothing fetched.

The same report gives the same bytes: the time stamp is the report's own as-of instant, system fonts are not
looked at, and the template receives spelt strings only. The machine-readable form is attached to the PDF.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Final

import typst

from service.reporting.charts import describe, draw
from service.reporting.document import Figure, Kind, Language, Report, Section, Table, Text, format_report
from service.reporting.words import NUMERIC, abbreviate, spell

FONTS: Final = Path(str(resources.files("service.reporting"))) / "fonts"
TEMPLATE: Final = Path(str(resources.files("service.reporting"))) / "templates" / "behaviour.typ"
_LONG_NUMBER: Final = 11  # digits and separators that an equal share of the page still holds
_WIDE: Final = 7  # columns from which a table is set smaller

_WORDS: Final = {
    "kicker": Text("报送文件", "REGULATORY FILING"),
    "contents": Text("目录", "Contents"),
    "key_title": Text("关键数据", "Key figures"),
    "source_word": Text("来源：", "Source: "),
    "private_word": Text("差分隐私结果", "differentially private"),
    "cover_note": Text(
        "人数少于 10 的分组以 <10 表示。精确数据仅供监管机构使用；差分隐私结果单独列示。"
        "本文件附有电子签名，随附的证据包可离线验证。",
        "Groups of fewer than ten people are shown as <10. Exact figures are for the regulator only; "
        "differentially private results are listed apart. This document is signed, and the bundle it comes "
        "in can be verified offline.",
    ),
    "period": Text("报告期间", "Period"),
    "as_of": Text("数据截止（UTC）", "As of (UTC)"),
    "log": Text("审计日志位置", "Audit log position"),
    "root": Text("日志根哈希", "Log root hash"),
    "policy": Text("规则摘要", "Policy digest"),
    "currency": Text("金额单位", "Amounts in"),
    "table": Text("表", "Table"),
    "figure": Text("图", "Figure"),
}


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
    other: Language = "en" if language == "zh" else "zh"
    word = {key: text.to(language) for key, text in _WORDS.items()}
    first, last = p.period
    return {
        **{
            key: word[key]
            for key in ("kicker", "contents", "key_title", "source_word", "private_word", "cover_note")
        },
        "lang": language,
        "region": "cn" if language == "zh" else "gb",
        "title": report.title.to(language),
        "other_title": report.title.to(other),
        "institution": p.institution.to(language),
        "description": f"{p.institution.to(language)}, {first} - {last}",
        "keywords": [report.type],
        "number": p.number,
        "footer": f"{p.log_origin} @ {p.log_size}",
        "cover": [
            [word["period"], f"{first} – {last}", False],
            [word["as_of"], p.as_of.strftime("%Y-%m-%d %H:%M:%S"), False],
            [word["currency"], p.currency, False],
            [word["log"], f"{p.log_origin} @ {p.log_size}", True],
            [word["root"], p.log_root, True],
            [word["policy"], p.policy, True],
        ],
        "key_figures": [
            {"label": k.label.to(language), "value": spell(k.value, k.kind, language)}
            for k in report.key_figures
        ],
        "sections": [_section(nth, s, language) for nth, s in enumerate(report.sections, start=1)],
    }


def _section(number: int, section: Section, language: Language) -> dict[str, object]:
    tables = figures = 0
    items = []
    for item in section.items:
        if isinstance(item, Table):
            tables += 1
            items.append(_table(f"{_WORDS['table'].to(language)} {number}.{tables}", item, language))
        else:
            figures += 1
            items.append(_figure(f"{_WORDS['figure'].to(language)} {number}.{figures}", item, language))
    return {
        "title": section.title.to(language),
        "paragraphs": [p.to(language) for p in section.paragraphs],
        "items": items,
    }


def _table(number: str, table: Table, language: Language) -> dict[str, object]:
    rows = table.rows[: table.printed]
    more = "" if len(rows) == len(table.rows) else _more(table, language)
    note = " ".join(x for x in (table.note.to(language) if table.note else "", more) if x)
    return {
        "type": "table",
        "number": number,
        "title": table.title.to(language),
        "private": table.basis == "private",
        "columns": [c.title.to(language) for c in table.columns],
        "right": [c.kind in NUMERIC for c in table.columns],
        "code": [c.kind == "code" for c in table.columns],
        "widths": [
            _width(c.kind, max((len(spell(row[i], c.kind, language)) for row in table.rows), default=0))
            for i, c in enumerate(table.columns)
        ],
        "rows": [
            [_cell(spell(cell, c.kind, language), c.kind) for cell, c in zip(row, table.columns, strict=True)]
            for row in rows
        ],
        "total": bool(rows) and isinstance(rows[-1][0], Text) and rows[-1][0] == TOTAL,
        "size": 8.2 if len(table.columns) >= _WIDE else 8.9,
        "note": note,
        "source": f"{table.source.query} · {', '.join(abbreviate(i, 28) for i in table.source.inputs)}",
    }


def _width(kind: Kind, longest: int) -> float:
    """Share of the page that a column takes; 0 for as wide as its content, such as long numbers."""
    if kind in {"name", "code", "date"} or (kind in NUMERIC and longest > _LONG_NUMBER):
        return 0
    return 1.0 if kind in NUMERIC else 2.2


def _more(table: Table, language: Language) -> str:
    return Text(
        f"共 {len(table.rows)} 行，全部见 {table.id}.csv。",
        f"{len(table.rows)} rows in all, the rest in {table.id}.csv.",
    ).to(language)


def _cell(words: str, kind: str) -> str:
    return abbreviate(words) if kind == "code" else words


def _figure(number: str, figure: Figure, language: Language) -> dict[str, object]:
    return {
        "type": "figure",
        "number": number,
        "title": figure.title.to(language),
        "svg": draw(figure, language),
        "alt": f"{figure.title.to(language)}. {describe(figure, language)}",
    }


#: First cell of a totals row; such a row is set bold.
TOTAL: Final = Text("合计", "Total")
