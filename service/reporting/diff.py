"""Why did this figure change: two reports compared cell by cell, beside what differs in what they rest on.

Works on ``report.json`` as it is in a draft or a bundle; needs no service. Rows are matched by their first
cell, or by all cells that are no numbers where the first is not distinct; ``absent`` stands for a row or
table that one of the two does not have, None for a suppressed cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from service.reporting.words import NUMERIC

ABSENT: Final = "absent"
#: What the figures of a whole report rest on; the tables have inputs of their own.
CONTEXT: Final = ("type", "template", "policy", "period", "as_of", "log", "institution", "currency")
Document = Mapping[str, Any]


def diff(old: Document, new: Document) -> dict[str, Any]:
    """What changed.

    Returns:
        ``context``: fields of ``CONTEXT`` that differ, each ``[old, new]``; ``tables``: by table id its query
        and ``inputs`` where they differ, and ``cells`` (``row``, ``column``, ``old``, ``new``).
    """
    tables = [{table["id"]: table for table in report["tables"]} for report in (old, new)]
    found = {name: _table(*(side.get(name, {}) for side in tables)) for name in {**tables[0], **tables[1]}}
    return {
        "context": {key: [old.get(key), new.get(key)] for key in CONTEXT if old.get(key) != new.get(key)},
        "tables": {name: parts for name, parts in found.items() if parts},
    }


def _table(old: Document, new: Document) -> dict[str, Any]:
    sources = [side.get("source", {}) for side in (old, new)]
    cells = list(_cells(old, new))
    return ({"inputs": sources} if sources[0] != sources[1] else {}) | ({"cells": cells} if cells else {})


def _cells(old: Document, new: Document) -> Iterator[dict[str, Any]]:
    wide = not all(_distinct(side) for side in (old, new))
    before, after = (_by_key(side, wide=wide) for side in (old, new))
    for row in {**before, **after}:
        left, right = before.get(row, {}), after.get(row, {})
        for column in {**left, **right}:
            pair = (left.get(column, ABSENT), right.get(column, ABSENT))
            if pair[0] != pair[1]:
                yield {"row": row, "column": column, "old": pair[0], "new": pair[1]}


def _distinct(table: Document) -> bool:
    firsts = [plain(row[0]) for row in table.get("rows", ())]
    return len({*firsts}) == len(firsts)


def _by_key(table: Document, *, wide: bool) -> dict[str, dict[str, Any]]:
    columns = table.get("columns", ())
    keys = [n for n, c in enumerate(columns) if c["kind"] not in NUMERIC] if wide else [0]
    names = [c["key"] for c in columns]
    return {
        " / ".join(plain(row[n]) for n in keys): dict(zip(names, row, strict=True))
        for row in table.get("rows", ())
    }


def plain(cell: Any) -> str:
    """A cell as one line of text, English where it has two languages."""
    return "<10" if cell is None else str(cell["en"] if isinstance(cell, dict) and "en" in cell else cell)


def format_diff(found: Document) -> str:
    """For people: what differs, then what changed."""
    lines = [f"{key}: {plain(old)} -> {plain(new)}" for key, (old, new) in found["context"].items()]
    for name, table in found["tables"].items():
        lines.append(f"{name}:")
        lines += [f"  read: {', '.join(source.get('inputs', ()))}" for source in table.get("inputs", ())]
        lines += [
            f"  {cell['row']} | {cell['column']}: {plain(cell['old'])} -> {plain(cell['new'])}"
            for cell in table.get("cells", ())
        ]
    return "\n".join(lines) or "no difference"
