r"""What a rule is, and how it looks at the text around a value.

A rule is a pure function over folded text. Boundaries are ASCII look-arounds, never ``\b``: a Han
character is ``\\w``, so ``\b`` sees no boundary between 卡号 and the number glued to it. Context is a
word on the left, within a window of raw characters, and the nearest word decides:

>>> card, order = re.compile("卡号"), re.compile("订单号")
>>> nearest("卡号无误,订单号62220212", 9, card, order)
False
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from privacy.pii.findings import Span

REACH: Final = 24  # characters of left context
HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
SEPARATORS: Final = str.maketrans("", "", " \t\r\n-.")


class Needs(IntEnum):
    """What a text must hold for a rule to be worth running."""

    CUE = 0
    DIGIT = 1
    NUMBER = 2  # six digits, at most two separators between neighbours
    AT_SIGN = 3
    HAN = 4  # or any other character beyond ASCII


@dataclass(frozen=True, slots=True)
class Rule:
    """One recogniser.

    Attributes:
        name: prefix of ``Span.rule``.
        types: entity types it can report.
        needs: gate of one text.
        triggers: gate of a batch: patterns of which one matches, look-arounds and ``$`` put aside, wherever
            ``find`` finds something; none: any text may hold a finding.
        find: spans in folded text, in no particular order; must be linear in the text's length.
    """

    name: str
    types: tuple[str, ...]
    needs: Needs
    find: Callable[[str], Iterator[Span]]
    triggers: tuple[re.Pattern[str] | str, ...] = ()


def starting(first: str, body: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern for ``scan``: ``body`` as group 1, tried wherever a character of the class ``first`` stands.

    The leading class lets ``re`` skip to the next candidate at memory speed, several times faster than
    trying a look-behind at every character. Only that one character is consumed, so matches may overlap
    and none hides another.
    """
    return re.compile(f"[{first}](?<=(?=({body})).)", flags)


def scan(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Slices that a pattern made by ``starting`` matches."""
    for match in pattern.finditer(text):
        yield match.span(1)


def last(pattern: re.Pattern[str], text: str, start: int, reach: int = REACH) -> int:
    """Where in the window left of ``start`` the last match ends, -1 when there is none.

    The window is lowered, so patterns are written in lower case and need no flag that would slow them down.
    """
    found = -1
    for match in pattern.finditer(text[max(0, start - reach) : start].lower()):
        found = match.end()
    return found


def nearest(text: str, start: int, yes: re.Pattern[str], no: re.Pattern[str]) -> bool | None:
    """Whether the nearer word on the left speaks for it; None when neither word stands there."""
    for_it, against = last(yes, text, start), last(no, text, start)
    if for_it < 0 and against < 0:
        return None
    return for_it > against
