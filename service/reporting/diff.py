"""Why did this figure change: two reports compared cell by cell, beside what differs in what they rest on.

Works on ``report.json`` as it is in a draft or a bundle; needs no service. Rows are matched by their first
cell, or by all cells that are no numbers where the first is not distinct; ``absent`` stands for a row or
table that one of the two does not have, None for a suppressed cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from service.reporting.words import NUMERIC

ABSENT: Final = "absent"
#: What the figures of a whole report rest on; the tables have inputs of their own.
CONTEXT: Final = ("type", "template", "policy", "period", "as_of", "logs", "institution", "currency")
Document = Mapping[str, Any]


def diff(old: Document, new: Document) -> dict[str, Any]:
    """What changed.

    Returns:
        ``context``: fields of ``CONTEXT`` that differ, each ``[old, new]``; ``tables``: by table id its
        sources under ``inputs`` where they differ, and ``cells`` (``row``, ``column``, ``old``, ``new``).
    """
    sides = [{table["id"]: table for table in report["tables"]} for report in (old, new)]
    tables = {name: _table(*(side.get(name, {}) for side in sides)) for name in {**sides[0], **sides[1]}}
    context = {key: [old.get(key), new.get(key)] for key in CONTEXT if old.get(key) != new.get(key)}
    changed = {name: parts for name, parts in tables.items() if any(parts.values())}
    return {"context": context, "tables": changed}


def _table(old: Document, new: Document) -> dict[str, Any]:
    sources = [side.get("source", {}) for side in (old, new)]
    firsts = [[plain(row[0]) for row in side.get("rows", ())] for side in (old, new)]
    wide = any(len({*names}) < len(names) for names in firsts)
    before, after = (_by_key(side, wide=wide) for side in (old, new))
    cells = (_cells(row, before.get(row, {}), after.get(row, {})) for row in {**before, **after})
    inputs = sources if sources[0] != sources[1] else []
    return {"inputs": inputs, "cells": [*chain.from_iterable(cells)]}


def _cells(row: str, old: Document, new: Document) -> Iterator[dict[str, Any]]:
    for column in {**old, **new}:
        pair = {"old": old.get(column, ABSENT), "new": new.get(column, ABSENT)}
        if pair["old"] != pair["new"]:
            yield {"row": row, "column": column, **pair}


def _by_key(table: Document, *, wide: bool) -> dict[str, dict[str, Any]]:
    columns, rows = table.get("columns", ()), table.get("rows", ())
    keys = [n for n, c in enumerate(columns) if c["kind"] not in NUMERIC] if wide else [0]
    names = [c["key"] for c in columns]
    return {" / ".join(plain(row[n]) for n in keys): dict(zip(names, row, strict=True)) for row in rows}


def plain(cell: Any) -> str:
    """A cell as one line of text, English where it has two languages."""
    if isinstance(cell, dict):
        return plain(cell["en"] if "en" in cell else [*cell.values()])
    if isinstance(cell, list):
        return " ".join(map(plain, cell))
    return "<10" if cell is None else str(cell)


def format_diff(found: Document) -> str:
    """For people: what differs, then what changed."""
    lines = [f"{key}: {plain(old)} -> {plain(new)}" for key, (old, new) in found["context"].items()]
    for name, table in found["tables"].items():
        read = (f"  read: {', '.join(source.get('inputs', ()))}" for source in table["inputs"])
        cells = ((c["row"], c["column"], plain(c["old"]), plain(c["new"])) for c in table["cells"])
        lines += [f"{name}:", *read, *(f"  {row} | {key}: {old} -> {new}" for row, key, old, new in cells)]
    return "\n".join(lines) or "no difference"
