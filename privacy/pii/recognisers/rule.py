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
from dataclasses import KW_ONLY, dataclass
from enum import IntEnum
from typing import Any, Final

from privacy.pii.findings import CUE, IN_CONTEXT, PATTERN, Span
from privacy.pii.tables import spelt, table

REACH: Final = 24  # characters of left context
HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_TABLE: Final = table("recognisers/shapes")
_BANDS: Final = {"IN_CONTEXT": IN_CONTEXT, "PATTERN": PATTERN, "CUE": CUE}
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


@dataclass(frozen=True, slots=True)
class Shape:
    """What values of one kind look like, what must hold of them, and what they are worth then.

    Attributes:
        type: entity type.
        name: ``Span.rule``.
        score: band of a value for which all holds.
        pattern: finds the value; made by ``starting`` unless ``group`` says otherwise.
        group: the pattern's group that is the value.
        is_valid: whether a value is one; None: any is.
        context: words of which one must stand on the left.
        reach: characters on the left in which it must stand.
        alone: band of a value without such a word; 0: it is none.
    """

    type: str
    name: str
    score: float
    pattern: re.Pattern[str]
    _: KW_ONLY
    group: int | str = 1
    is_valid: Callable[[str], bool] | None = None
    context: re.Pattern[str] | None = None
    reach: int = REACH
    alone: float = 0

    def find(self, text: str) -> Iterator[Span]:
        """Values in folded text."""
        for match in self.pattern.finditer(text):
            start, end = match.span(self.group)
            if self.is_valid and not self.is_valid(text[start:end]):
                continue
            is_said = self.context is None or last(self.context, text, start, self.reach) >= 0
            score = self.score if is_said else self.alone
            if score:
                yield Span(start, end, self.type, score, self.name)


def shaped(name: str, needs: Needs) -> Rule:
    """The rule whose shapes are the rows of that name in ``shapes.toml``; their patterns are its triggers."""
    shapes = tuple(_shape(**row) for row in _TABLE[name])

    def find(text: str) -> Iterator[Span]:
        for shape in shapes:
            yield from shape.find(text)

    types = tuple(dict.fromkeys(shape.type for shape in shapes))
    return Rule(name, types, needs, find, tuple(shape.pattern for shape in shapes))


def _shape(
    *,
    score: str,
    pattern: str | list[str],
    starts: str = "",
    group: int | str = 0,
    context: str = "",
    alone: str = "",
    **names: Any,
) -> Shape:
    """A row of ``shapes.toml``; ``names`` are ``type`` and ``name``."""
    body = spelt(pattern, _TABLE["words"])
    return Shape(
        **names,
        score=_BANDS[score],
        pattern=starting(starts, body) if starts else re.compile(body),
        group=group or (1 if starts else 0),
        context=words(context) if context else None,
        alone=_BANDS[alone] if alone else 0,
    )


def words(name: str) -> re.Pattern[str]:
    """The words of that name in ``shapes.toml``, such as those beside a card number."""
    return re.compile(spelt(_TABLE["words"][name], _TABLE["words"]))


def starting(first: str, body: str) -> re.Pattern[str]:
    """A pattern for ``scan``: ``body`` as group 1, tried wherever a character of the class ``first`` stands.

    The leading class lets ``re`` skip to the next candidate at memory speed, several times faster than
    trying a look-behind at every character. Only that one character is consumed, so matches may overlap
    and none hides another.
    """
    return re.compile(f"[{first}](?<=(?=({body})).)")


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


def initials(words: str) -> str:
    """First characters of alternatives in either case, as ``starting`` takes them."""
    first = {word[0] for word in words.split("|")}
    return "".join(sorted(first | {c.upper() for c in first}))
