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

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import attrgetter
from typing import Final

VALIDATED: Final = 1.0  # checksum, or a form that nothing else has (e-mail)
IN_CONTEXT: Final = 0.85  # shape, and a word on the left that says what it is
PATTERN: Final = 0.7  # shape alone
CUE: Final = 0.6  # a cue word announces it; the value itself has no strict shape
NER: Final = 0.5  # a language model says so

_GAP: Final = re.compile(r"|\s{0,2},?\s{1,3}")
_HAN_NAME: Final = 4  # characters of the longest usual Chinese name
#: On equal score and length the earlier type wins: a resident id can pass Luhn, too.
_PRECEDENCE: Final = {"CN_ID_CARD": 0, "CN_USCC": 1, "CREDIT_CARD": 2, "CN_BANK_CARD": 3, "EMAIL_ADDRESS": 4}


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


def joined(spans: Iterable[Span], text: str) -> list[Span]:
    """Spans with the guesses of language models merged into what the rules announced.

    Readings of one address that overlap are one finding. Of two readings of one name the union counts while
    it can be a name, else the announced one. A guessed organisation gives way to anything else.
    """
    return _addresses([span for group in _overlapping(spans) for span in _merged(group, text)], text)


def _overlapping(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Groups that share no character, in text order; they keep a text of many findings linear."""
    group: list[Span] = []
    end = 0
    for span in sorted(spans, key=lambda s: s.start):
        if group and span.start >= end:
            yield group
            group = []
        group.append(span)
        end = max(end, span.end)
    yield group


def _merged(spans: list[Span], text: str) -> list[Span]:
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (-s.score, s.start)):
        over = [k for k in kept if k.start < span.end and span.start < k.end] if span.score <= CUE else []
        same = next((k for k in over if k.type == span.type and k.score <= CUE), None)
        if same:
            start, end = min(same.start, span.start), max(same.end, span.end)
            if _can_be_one(span.type, text[start:end]):
                kept[kept.index(same)] = replace(same, start=start, end=end)
        elif span.score != NER or span.type != "ORGANIZATION" or not over:
            kept.append(span)
    return kept


def _addresses(spans: list[Span], text: str) -> list[Span]:
    """Parts of an address that only a blank, a new line or a comma and a blank keep apart, as one."""
    whole: list[Span] = []
    place: int | None = None
    for span in sorted(spans, key=lambda s: s.start):
        if span.type == "LOCATION" and span.score <= CUE:
            if place is not None and _GAP.fullmatch(text, whole[place].end, span.start):
                whole[place] = replace(whole[place], end=span.end)
                continue
            place = len(whole)
        whole.append(span)
    return whole


def _can_be_one(kind: str, value: str) -> bool:
    return kind == "LOCATION" or (kind == "PERSON" and (value[0].isascii() or len(value) <= _HAN_NAME))


def arbitrate(spans: Iterable[Span], text: str) -> tuple[Span, ...]:
    """Disjoint spans in text order that cover all that ``spans`` cover, punctuation left over excepted."""
    kept = sorted(spans, key=attrgetter("start"))
    if all(a.end <= b.start for a, b in pairwise(kept)):  # the usual case: nothing to decide
        return tuple(span for span in kept if any(map(str.isalnum, text[span.start : span.end])))
    ranked, kept = sorted(kept, key=_rank), []
    for span in ranked:
        for start, end in tuple(_uncovered(span, kept)):
            if any(map(str.isalnum, text[start:end])):
                piece = (
                    span if (start, end) == (span.start, span.end) else replace(span, start=start, end=end)
                )
                kept.insert(bisect_left(kept, start, key=lambda k: k.start), piece)
    return tuple(kept)
