"""Numbers and words as people read them, in both languages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from importlib import resources
from typing import Final

from service.reporting.document import Cell, Kind, Language, Text
from service.reporting.suppression import SMALLEST

CENTS: Final = 100
MICRO: Final = 1_000_000
SUPPRESSED: Final = f"<{SMALLEST}"
NOT_APPLICABLE: Final = "–"
_FILE: Final = (resources.files("service.reporting") / "words.toml").read_text(encoding="utf-8")
#: Fixed words of the pages.
WORDS: Final[Mapping[str, Text]] = {key: Text(*pair) for key, pair in tomllib.loads(_FILE).items()}
#: Kinds that are set flush right with tabular figures.
NUMERIC: Final = frozenset({"count", "people", "money", "share", "number", "micro"})


def spell(cell: Cell, kind: Kind, language: Language) -> str:
    """A cell as printed.

    >>> spell(1234567, "money", "en"), spell(0.2212, "share", "en"), spell(None, "count", "en")
    ('12,346', '22.1 %', '<10')
    """
    if cell is None:
        return SUPPRESSED if kind in NUMERIC else NOT_APPLICABLE
    if isinstance(cell, Text):
        return cell.to(language)
    return str(cell) if isinstance(cell, str | date) else _number(cell, kind)


def _number(value: float, kind: Kind) -> str:
    match kind:
        case "money":
            return f"{round(value / CENTS):,}"
        case "share":
            return f"{value * 100:.1f} %"
        case "micro":
            return f"{value / MICRO:.4f}"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:,.1f}"


def abbreviate(code: str, length: int = 12) -> str:
    """A digest or id, cut for a narrow column; the machine-readable form has it whole."""
    return code if len(code) <= length + 1 else code[:length] + "…"
