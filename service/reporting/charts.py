"""Bar and line charts as SVG text: no library, no script, the same bytes for the same table.

Each chart has a title and a description for screen readers, never relies on colour alone (bars carry their
value, lines are labelled at their end and dashed differently) and has its table beside it in the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import Final

from service.reporting.document import Figure, Kind, Language, Table
from service.reporting.words import CENTS, spell

WIDTH: Final = 640
_RIGHT, _ROW, _LINES, _LABELS = 76, 26, 220, 12
INK, SOFT, RULE = "#1b2733", "#5b6875", "#d9dee3"
STROKES: Final = (("#1d4e79", ""), ("#b3541e", "7 4"), ("#3f7d58", "2 3"), ("#6b5b95", "10 3 2 3"))
FONT: Final = "Noto Sans SC, sans-serif"


#: A name and its values; None where suppressed.
Series = tuple[str, Sequence[float | None]]


def draw(figure: Figure, language: Language) -> str:
    """The chart of a figure."""
    labels = [spell(c, "text", language) for c in figure.table.values(figure.label)]
    columns = {c.key: c for c in figure.table.columns}
    series = [(columns[key].title.to(language), _numbers(figure.table, key)) for key in figure.series]
    kind = columns[figure.series[0]].kind
    body, height = (_bars if figure.shape == "bar" else _lines)(labels, series, kind, language)
    title, told = escape(figure.title.to(language)), escape(describe(figure, language))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" '
        f'role="img" aria-labelledby="{figure.id}-t {figure.id}-d" font-family="{FONT}" font-size="13">'
        f'<title id="{figure.id}-t">{title}</title><desc id="{figure.id}-d">{told}</desc>{body}</svg>'
    )


def describe(figure: Figure, language: Language) -> str:
    """What the chart shows, in words: every label with its values."""
    table, kinds = figure.table, {c.key: c.kind for c in figure.table.columns}
    labels = (spell(label, "text", language) for label in table.values(figure.label))
    said = [[spell(cell, kinds[key], language) for cell in table.values(key)] for key in figure.series]
    parts = zip(labels, *said, strict=True)
    return "; ".join(f"{label}: {', '.join(values)}" for label, *values in parts)


def _numbers(table: Table, key: str) -> Sequence[float | None]:
    return [cell if isinstance(cell, int | float) else None for cell in table.values(key)]


def _bars(labels: Sequence[str], series: Sequence[Series], kind: Kind, language: Language) -> tuple[str, int]:
    _, values = series[0]
    top = max((v for v in values if v is not None), default=0) or 1
    left = 14 + max(map(_width, labels), default=0)
    room = WIDTH - left - _RIGHT
    out = []
    for place, (label, value) in enumerate(zip(labels, values, strict=True)):
        y = 6 + place * _ROW
        length = 0.0 if value is None else room * value / top
        shown = spell(value, kind, language)
        out.append(
            f'<text x="{left - 10}" y="{y + 14}" text-anchor="end" fill="{INK}">{escape(label)}</text>'
            f'<rect x="{left}" y="{y + 1}" width="{length:.1f}" height="17" fill="{STROKES[0][0]}"/>'
            f'<text x="{left + length + 7:.1f}" y="{y + 14}" fill="{INK}">{escape(shown)}</text>'
        )
    height = 8 + len(labels) * _ROW
    axis = f'<line x1="{left}" y1="2" x2="{left}" y2="{height - 4}" stroke="{INK}" stroke-width="1"/>'
    return "".join(out) + axis, height


def _width(label: str) -> int:
    """About as wide as set: a Chinese character is twice a Latin one."""
    return sum(8 if c.isascii() else 13 for c in label)


def _lines(
    labels: Sequence[str], series: Sequence[Series], kind: Kind, language: Language
) -> tuple[str, int]:
    left, right, bottom, legend = 62, 24, 34, 24
    room, tall = WIDTH - left - right, _LINES - bottom - legend
    unit = CENTS if kind == "money" else 1
    highest = max((v for _, values in series for v in values if v is not None), default=0)
    ticks = [unit * tick for tick in nice_ticks(highest / unit)]
    xs = [left + place * room / max(len(labels) - 1, 1) for place in range(len(labels))]

    def y_of(value: float) -> float:
        return legend + tall * (1 - value / ticks[-1])

    small = f'fill="{SOFT}" font-size="11"'
    out = []
    for tick in ticks:
        y, shown = y_of(tick), spell(round(tick) if kind in {"count", "people"} else tick, kind, language)
        out.append(
            f'<line x1="{left}" y1="{y:.1f}" x2="{WIDTH - right}" y2="{y:.1f}" stroke="{RULE}"/>'
            f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end" {small}>{shown}</text>'
        )
    every = ceil(len(labels) / _LABELS)
    for x, label in list(zip(xs, labels, strict=True))[::every]:
        out.append(f'<text x="{x:.1f}" y="{_LINES - 12}" text-anchor="middle" {small}>{escape(label)}</text>')
    for nth, (name, values) in enumerate(series):
        points = [(x, y_of(v)) for x, v in zip(xs, values, strict=True) if v is not None]
        out.append(_line(nth, name, points, left))
    return "".join(out), _LINES


def _line(nth: int, name: str, points: Sequence[tuple[float, float]], left: int) -> str:
    colour, dash = STROKES[nth % len(STROKES)]
    style = f'stroke="{colour}" stroke-width="2"' + (f' stroke-dasharray="{dash}"' if dash else "")
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)
    x = left + nth * 190
    return (
        f'<polyline points="{path}" fill="none" {style}/>{dots}'
        f'<line x1="{x}" y1="9" x2="{x + 26}" y2="9" {style}/>'
        f'<text x="{x + 33}" y="13" fill="{INK}" font-size="12">{escape(name)}</text>'
    )


def nice_ticks(highest: float, wanted: int = 4) -> tuple[float, ...]:
    """Round numbers from 0 to at least ``highest``.

    >>> nice_ticks(0.37)
    (0.0, 0.1, 0.2, 0.3, 0.4)
    """
    if highest <= 0:
        return (0.0, 1.0)
    raw = highest / wanted
    unit = 10.0 ** floor(log10(raw))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= raw * 0.999999)
    return tuple(round(step * i, 12) for i in range(ceil(highest / step - 1e-9) + 1))
