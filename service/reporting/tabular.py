"""Tables as CSV (RFC 4180, UTF-8, LF), raw values, for whoever computes on.

A suppressed cell is written ``suppressed``, so that nobody takes it for zero. A text that a spreadsheet would
run as a formula gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from service.reporting.document import Cell, Table, Text
from service.reporting.words import NOT_APPLICABLE

SUPPRESSED: Final = "suppressed"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def format_csv(table: Table) -> bytes:
    """One header line of column keys, then all rows."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([c.key for c in table.columns])
    writer.writerows([_plain(cell) for cell in row] for row in table.rows)
    return out.getvalue().encode()


def _plain(cell: Cell) -> str:
    if cell is None:
        return SUPPRESSED
    words = cell.en if isinstance(cell, Text) else str(cell)
    if words == NOT_APPLICABLE:
        return ""
    return f"'{words}" if isinstance(cell, str | Text) and words.startswith(_FORMULA) else words
