"""Replace findings by surrogates that keep the note readable: ``[PERSON_1]``, ``[PHONE_NUMBER_2]``.

The same value has the same number within a note, whatever its spelling; numbers do not carry over to the next
note, so surrogates link nothing.

>>> spans = [Span(2, 13, "PHONE_NUMBER", 1, ""), Span(16, 29, "PHONE_NUMBER", 1, "")]
>>> redact("a 13812345678 b 138-1234-5678", spans)
'a [PHONE_NUMBER_1] b [PHONE_NUMBER_1]'
"""

from __future__ import annotations

from collections.abc import Sequence

from privacy.pii.findings import Span, arbitrate
from privacy.pii.normalise_text import fold


def _key(value: str) -> str:
    """The value without what spellings differ in."""
    return "".join(c for c in fold(value).text if c.isalnum()).casefold() or value


def redact(text: str, spans: Sequence[Span]) -> str:
    """The text with each span replaced.

    Args:
        text: the text the spans were found in.
        spans: any order; overlapping ones are arbitrated, so nothing any of them covers stays readable.

    Returns:
        The text with surrogates ``[TYPE_n]``, n from 1 per type in order of appearance.
    """
    numbers: dict[str, dict[str, int]] = {}
    pieces: list[str] = []
    at = 0
    for span in arbitrate(spans, text):
        known = numbers.setdefault(span.type, {})
        number = known.setdefault(_key(text[span.start : span.end]), len(known) + 1)
        pieces += (text[at : span.start], f"[{span.type}_{number}]")
        at = span.end
    return "".join(pieces) + text[at:]
