"""Replace findings by surrogates that keep the note readable: ``[PERSON_1]``, ``[PHONE_NUMBER_2]``.

The same value has the same number within a note, whatever its spelling; numbers do not carry over to the next
note, so surrogates link nothing:

>>> spans = [Span(2, 13, "PHONE_NUMBER", 1, ""), Span(16, 29, "PHONE_NUMBER", 1, "")]
>>> redact("a 13812345678 b 138-1234-5678", spans)
'a [PHONE_NUMBER_1] b [PHONE_NUMBER_1]'

With a key the surrogate is a keyed MAC of the value, so that a case can be followed through a dataset:
``[PERSON_7QK2M4XA3B]``, the same wherever the value stands. Whoever holds the key and a guess can check the
guess, so keyed surrogates are pseudonyms (GDPR 4(5)), not redaction. Ten base32 characters are 50 bits: among
a million distinct values of a type, two share a surrogate with a chance of 1 in 2,250.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from privacy.pii.findings import Span, arbitrate
from privacy.pii.normalise_text import fold

_BYTES: Final = 7  # of which base32 shows 50 bits
_CHARACTERS: Final = 10
_CHINA: Final = re.compile(r"(?:00)?86(?=1[3-9][0-9]{9}$)")


def _value(text: str, span: Span) -> str:
    """The value without what spellings differ in."""
    raw = text[span.start : span.end]
    value = "".join(filter(str.isalnum, fold(raw).text)).casefold() or raw
    return _CHINA.sub("", value) if span.type == "PHONE_NUMBER" else value


def redact(text: str, spans: Sequence[Span], key: bytes | None = None) -> str:
    """The text with each span replaced.

    Args:
        text: the text the spans were found in.
        spans: any order; overlapping ones are arbitrated, so nothing any of them covers stays readable.
        key: for keyed surrogates, a key of the dataset alone.

    Returns:
        The text with surrogates ``[TYPE_n]``, n from 1 per type in order of appearance, or with a key
        ``[TYPE_xxxxxxxxxx]``.
    """
    if any(a.end > b.start for a, b in pairwise(spans)):
        spans = arbitrate(spans, text)
    names = [_keyed(text, span, key) for span in spans] if key is not None else _numbered(text, spans)
    pieces: list[str] = []
    at = 0
    for span, name in zip(spans, names, strict=True):
        pieces += (text[at : span.start], f"[{span.type}_{name}]")
        at = span.end
    return "".join(pieces) + text[at:]


def _numbered(text: str, spans: Sequence[Span]) -> list[str]:
    types = Counter(span.type for span in spans)
    known: dict[str, dict[str, str]] = {}
    names = []
    for span in spans:
        values = known.setdefault(span.type, {})
        value = _value(text, span) if types[span.type] > 1 else ""
        names.append(values.setdefault(value, str(len(values) + 1)))
    return names


def _keyed(text: str, span: Span, key: bytes) -> str:
    message = f"{span.type}\0{_value(text, span)}".encode("utf-8", "surrogatepass")
    return b32encode(hmac.digest(key, message, "sha256")[:_BYTES]).decode()[:_CHARACTERS]
