r"""Text as the recognisers read it, and the way back to where it stood.

Every character is folded alone: NFKC, any script's decimal digit to ASCII, any dash to ``-``;
zero-width, bidi and other invisible format characters go. Circled and raised digits stay as they are:
they number lists and footnotes, and folding them would glue them to the number that follows. Each folded
character knows which original character it came from, so a span is reported where the reader sees it:

>>> folded = fold("电话：１３８\u200b12345678")
>>> folded.text
'电话:13812345678'
>>> folded.original(3, 14)
(3, 15)
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

_DASHES: Final = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d")
#: Letters without ink that are not of the category Cf: joiner, fillers, variation selectors.
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u3164\uffa0") | {chr(c) for c in range(0xFE00, 0xFE10)}
#: As characters of a class: what reads the same to every program, and folds to itself.
ORDINARY: Final = "\t\n\r -~×·“”‘’、。《》【】「」\u3400-\u4dbf\u4e00-\u9fff"
_LONE: Final = re.compile("[\ud800-\udfff]")  # half of a surrogate pair
_KEEP: Final = ("<circle>", "<super>", "<sub>", "<fraction>", "<square>")


def _fold_character(character: str) -> str:
    """What one character reads as: usually one character, none if invisible, several for a ligature."""
    if character in _INVISIBLE or unicodedata.category(character) == "Cf":
        return ""
    if character in _DASHES:
        return "-"
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if unicodedata.decomposition(character).startswith(_KEEP):
        return character
    return unicodedata.normalize("NFKC", character)


class _Table(dict[int, str]):
    """``str.translate`` table, filled as characters are met; ``uneven`` are those that change the length."""

    def __init__(self) -> None:
        super().__init__()
        self.uneven: set[str] = set()

    def __missing__(self, code: int) -> str:
        """Fold a character met for the first time."""
        folded = _fold_character(chr(code))
        if len(folded) != 1:
            self.uneven.add(chr(code))
        self[code] = folded
        return folded


_TABLE: Final = _Table()


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text with its offset map.

    Attributes:
        text: what the recognisers read.
        origin: for each folded character the index of the original one; None where both texts align.
    """

    text: str
    origin: tuple[int, ...] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Half-open offsets in the original text of the non-empty folded slice ``[start, end)``."""
        if self.origin is None:
            return start, end
        return self.origin[start], self.origin[end - 1] + 1


def fold(text: str) -> Folded:
    """Fold any text; ASCII comes back untouched."""
    if text.isascii():
        return Folded(text)
    plain = text.translate(_TABLE)
    if _TABLE.uneven.isdisjoint(text):
        return Folded(plain)
    origin = tuple(i for i, character in enumerate(text) for _ in _TABLE[ord(character)])
    return Folded(plain, origin)


def encodable(text: str) -> str:
    """The text with the replacement character for half a surrogate pair, which no encoder takes."""
    return _LONE.sub("\ufffd", text)
