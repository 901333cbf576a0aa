"""A report as PDF in both languages, beside WeasyPrint with the same words, tables, charts and fonts as HTML.

Each round sets other numbers, so that nothing is remembered from the last. WeasyPrint (with Pango) is no
dependency of ours: where it is not installed, the row says so.
"""

from __future__ import annotations

import importlib
import itertools
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.behaviour_facts import provenance

from benchmarks.report import Row, interleaved
from service.reporting.document import Column, Figure, KeyFigure, Report, Section, Source, Table, Text
from service.reporting.render import FONTS, LANGUAGES, _data, render

ROWS = 500
LIMIT = 1.5  # CPU seconds
ROUNDS = 5
_SOURCE = Source("statements.by_month@1", ("statements@3", "customers@2"))
_SAID = Text(
    "评分卡由差分隐私计数训练，每个分值均可手工复核；等级 A 风险最低。"
    "只对单独同意信用评分、且未拒绝自动化决策的客户评分。",
    "The scorecard is trained from differentially private counts and every point can be redone by hand; "
    "grade A is the lowest risk. Only customers who gave separate consent to credit scoring are scored.",
)
_COLUMNS = (
    Column("branch", Text("网点", "Branch"), "text"),
    Column("month", Text("月份", "Month"), "name"),
    Column("customers", Text("客户数", "Customers"), "people"),
    Column("billed", Text("账单总额", "Billed"), "money"),
    Column("paid", Text("还款总额", "Paid"), "money"),
    Column("overdue", Text("逾期占比", "Share overdue"), "share"),
)


def report(seed: int) -> Report:
    """Charts, small tables and one of 500 rows; other numbers for another seed."""
    rng = random.Random(seed)
    lines = tuple(
        (
            Text(f"第{n // 12 + 1}营业网点", f"Branch office {n // 12 + 1}"),
            f"2005-{n % 12 + 1:02d}",
            rng.randrange(100, 9_000),
            rng.randrange(10**9, 10**11),
            rng.randrange(10**8, 10**10),
            rng.random() / 3,
        )
        for n in range(ROWS)
    )
    sections = [
        Section(f"part{n}", Text(f"第{n}部分", f"Part {n}"), (_SAID, _SAID), _drawn(n, lines), _SAID)
        for n in range(1, 4)
    ]
    whole = Table("branches", Text("各网点各月", "Branches by month"), _SOURCE, _COLUMNS, lines)
    sections.append(Section("branches", Text("网点", "Branches"), (_SAID,), (whole,)))
    key = KeyFigure(Text("客户数", "Customers"), rng.randrange(10**4, 10**6), "people", _SOURCE)
    return Report(
        "behaviour.2021-11-01", "sha256:" + "5e" * 32, Text("客户行为分析报告", "Customer behaviour report"),
        Text("《个人信息保护法》第十三条", "PIPL 13"), replace(provenance(), number=f"2026-01-15/{seed}"),
        (key,) * 6, tuple(sections), ((_SOURCE.query, _SAID),),
    )  # fmt: skip


def _drawn(n: int, lines: tuple[Any, ...]) -> tuple[Table | Figure, ...]:
    part = Table(f"year{n}", Text("一个网点", "One branch"), _SOURCE, _COLUMNS, lines[12 * n : 12 * n + 12])
    shape, label = ("line", "month") if n == 1 else ("bar", "month")
    return Figure(f"fig{n}", part.title, shape, part, label, ("customers",)), part  # type: ignore[arg-type]


_STYLE = """
@font-face { font-family: Noto; src: url(file://{fonts}/NotoSansSC-Regular.subset.ttf) }
@font-face { font-family: Noto; font-weight: bold; src: url(file://{fonts}/NotoSansSC-Bold.subset.ttf) }
@page { size: A4; margin: 27mm 24mm 22mm; @top-left { content: "{title}" } @top-right { content: "{name}" }
  @bottom-left { content: "{number}" } @bottom-right { content: counter(page) " / " counter(pages) } }
@page :first { @top-left { content: "" } @top-right { content: "" } }
html { font: 9.5pt/1.5 Noto, "Noto Sans SC"; color: #1b2733 } h1 { font-size: 27pt; margin-top: 58mm }
h2 { font-size: 15pt; color: #14324f; break-after: avoid } .cover { break-after: page }
table { width: 100%; border-collapse: collapse; font-size: 8.9pt; line-height: 1; break-inside: auto }
td, th { padding: 4.6pt 5pt; border-top: 0.4pt solid #c9d1d8; text-align: left } .right { text-align: right }
tr { break-inside: avoid } .source { font-size: 7.4pt; color: #5b6875 } svg, img { width: 100% }
.keys { display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 4mm }
.keys div { background: #f3f6f8; padding: 8pt }
nav a { display: block } nav a::after { content: leader(".") target-counter(attr(href), page) }
"""


def page_of(data: dict[str, Any]) -> str:
    """The same report as HTML."""
    words, p = data["words"], data["provenance"]
    style = _STYLE.replace("{fonts}", str(FONTS)).replace("{title}", data["title"])
    style = style.replace("{name}", p["institution"]).replace("{number}", p["number"])
    facts = [
        ("law", data["law"]),
        ("period", " – ".join(p["period"])),
        ("as_of", p["as_of"]),
        ("policy", p["policy"]),
    ]
    cover = "".join(f"<tr><td>{words[key]}</td><td>{escape(said)}</td></tr>" for key, said in facts)
    keys = "".join(f"<div><b>{k['value']}</b><br>{escape(k['label'])}</div>" for k in data["key_figures"])
    links = "".join(f'<a href="#{s["id"]}">{escape(s["title"])}</a>' for s in data["sections"])
    return (
        f'<html lang="{data["lang"]}"><meta charset="utf-8"><title>{data["title"]}</title>'
        f'<style>{style}</style><div class="cover">{p["institution"]}<h1>{data["title"]}</h1>'
        f"<p>{data['other_title']}<table>{cover}</table>{words['cover_note']}</div>"
        f'<nav>{links}</nav><div class="keys">{keys}</div>'
        + "".join(_section(section) for section in data["sections"])
    )


def _section(section: dict[str, Any]) -> str:
    said = "".join(f"<p>{escape(words)}</p>" for words in section["paragraphs"])
    items = "".join(_figure(i) if i["type"] == "figure" else _table(i) for i in section["items"])
    return f'<h2 id="{section["id"]}">{escape(section["title"])}</h2>{said}{items}'


def _figure(item: dict[str, Any]) -> str:
    return f"<p><b>{escape(item['title'])}</b></p>{item['svg']}"


def _table(item: dict[str, Any]) -> str:
    sides = ['class="right"' if right else "" for right in item["right"]]
    head = "".join(f"<th {side}>{escape(c)}</th>" for side, c in zip(sides, item["columns"], strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td {side}>{escape(c)}</td>' for side, c in zip(sides, row, strict=True))}</tr>"
        for row in item["rows"]
    )
    return (
        f"<p><b>{escape(item['title'])}</b></p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f'<p class="source">{escape(item["source"])}</p>'
    )


def ours(seed: int) -> list[bytes]:
    """Both languages by our renderer."""
    return [render(report(seed), language) for language in LANGUAGES]


def theirs(weasyprint: Any, seed: int) -> list[bytes]:
    """Both languages by WeasyPrint."""
    pages = [page_of(_data(report(seed), language)) for language in LANGUAGES]
    return [weasyprint.HTML(string=page).write_pdf() for page in pages]


def _peer() -> tuple[Any, str]:
    try:
        return importlib.import_module("weasyprint"), ""
    except ImportError:
        return None, "not measured: it is not installed here (`pip install weasyprint`)"
    except OSError:
        return None, "not measured: it finds no Pango (Debian: libpango-1.0-0 libpangoft2-1.0-0)"


def run() -> list[Row]:
    """CPU seconds of both languages, fresh numbers each round."""
    peer, skipped = _peer()
    seeds = itertools.count()
    works: dict[str, Callable[[], object]] = {"ours": lambda: ours(next(seeds))}
    if peer:
        works["theirs"] = lambda: theirs(peer, next(seeds))
    spent = interleaved(works, rounds=ROUNDS)
    mine = spent["ours"]
    what = f"report of 16 pages as PDF in both languages: 3 charts, a table of {ROWS} rows"
    bar = f"limit {LIMIT} CPU s" + (f"; WeasyPrint {skipped}" if skipped else "")
    rows = [Row(what, f"{mine:.2f} CPU s", bar, mine / LIMIT, "at most 1", met=mine <= LIMIT)]
    if peer:
        ratio = spent["theirs"] / mine
        said = f"WeasyPrint from HTML, untagged: {spent['theirs']:.2f} CPU s"
        rows.append(Row("the same", f"{mine:.2f} CPU s", said, ratio, "faster", met=ratio > 1))
    return rows
