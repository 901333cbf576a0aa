"""A finding, and which finding wins where two overlap.

Scores are bands, not probabilities: a checksum outranks a shape with context, which outranks a bare shape,
which outranks a cue word. Inside a band the longer span wins. What a beaten span covers beyond the winner
stays found, so arbitration never uncovers a character:

>>> phone = Span(3, 14, "PHONE_NUMBER", PATTERN, "cn_mobile")
>>> place = Span(0, 14, "LOCATION", CUE, "address")
>>> [(s.start, s.end, s.type) for s in arbitrate([place, phone], "文三路13812345678")]
[(0, 3, 'LOCATION'), (3, 14, 'PHONE_NUMBER')]
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

VALIDATED: Final = 1.0  # checksum, or a form that nothing else has (e-mail)
IN_CONTEXT: Final = 0.85  # shape, and a word on the left that says what it is
PATTERN: Final = 0.7  # shape alone
CUE: Final = 0.6  # a cue word announces it; the value itself has no strict shape

#: On equal score and length the earlier type wins: a resident id can pass Luhn, too.
_PRECEDENCE: Final = {"CN_ID_CARD": 0, "CN_USCC": 1, "CN_BANK_CARD": 2, "EMAIL_ADDRESS": 3}


@dataclass(frozen=True, slots=True)
class Span:
    """Personal data at ``text[start:end]``.

    Attributes:
        start: first character.
        end: one past the last character.
        type: entity type, a key of ``privacy.pii.entities.ENTITIES`` unless a plugin named another.
        score: one of the bands above; a plugin's own score otherwise.
        rule: the rule that found it, such as ``cn_bank_card:luhn``.
    """

    start: int
    end: int
    type: str
    score: float
    rule: str


def _rank(span: Span) -> tuple[float, int, int, int]:
    return -span.score, span.start - span.end, _PRECEDENCE.get(span.type, 9), span.start


def _uncovered(span: Span, kept: list[Span]) -> Iterator[tuple[int, int]]:
    """The pieces of ``span`` that the disjoint, sorted ``kept`` leave free."""
    at = span.start
    first = bisect_left(kept, span.start, key=lambda k: k.end)
    for other in kept[first:]:
        if other.start >= span.end:
            break
        if other.start > at:
            yield at, other.start
        at = max(at, other.end)
    if at < span.end:
        yield at, span.end


def arbitrate(spans: Iterable[Span], text: str) -> tuple[Span, ...]:
    """Disjoint spans in text order that cover all that ``spans`` cover, punctuation left over excepted."""
    kept: list[Span] = []
    for span in sorted(spans, key=_rank):
        for start, end in tuple(_uncovered(span, kept)):
            if any(map(str.isalnum, text[start:end])):
                piece = (
                    span if (start, end) == (span.start, span.end) else replace(span, start=start, end=end)
                )
                kept.insert(bisect_left(kept, start, key=lambda k: k.start), piece)
    return tuple(kept)
