"""Text that was UTF-8, was read as something else and written again: found by its typical sequences.

A regular expression that matches where a value holds one of

- U+FFFD, or the characters that its UTF-8 bytes become in GBK: something was already lost;
- UTF-8 read as Latin-1 or Windows-1252: a lead letter (``Â Ã`` for two bytes, ``â`` to ``é`` and ``ï`` for
  three) with as many characters as the continuation bytes 80 to BF become;
- UTF-8 read as GBK: a whole run beyond ASCII whose GBK bytes are UTF-8 of three bytes each. Two or more
  Chinese characters are found; a single one loses its last byte and is seen only by what is left of that.

The way in repairs nothing: a row that matches is set aside. ``repair`` undoes what can be undone for
certain, for whoever decides to send the repaired file. Real text hardly ever matches; an accented letter
before two quotation marks (``é…»``) is the known exception.

>>> import re
>>> re.search(MOJIBAKE, "王芳".encode().decode("gbk")) is not None, re.search(MOJIBAKE, "王芳") is None
(True, True)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

_CONTINUATION: Final = range(0x80, 0xC0)
_THREE_BYTE_LEADS: Final = (*range(0xE3, 0xEA), 0xEF)  # Han, Chinese punctuation, full-width forms


def _any_of(characters: Iterable[str]) -> str:
    return "[" + "".join(re.escape(c) for c in sorted(set(characters))) + "]"


def _single() -> str:
    """What a continuation byte becomes in Latin-1 or Windows-1252."""
    data = bytes(_CONTINUATION)
    return _any_of(data.decode("latin-1") + data.decode("cp1252", errors="ignore"))


def _double(leads: Iterable[int], trails: Iterable[int]) -> str:
    """What pairs of bytes become in GBK; GB18030 is its superset and leaves no gap."""
    trails = list(trails)
    pairs = (bytes([a, b]).decode("gb18030", errors="ignore") for a in leads for b in trails if a > 0x80)  # noqa: PLR2004  first lead byte is 81
    return _any_of(pair for pair in pairs if pair)


_ONE: Final = _single()
_FIRST: Final = _double(_THREE_BYTE_LEADS, _CONTINUATION)
_SECOND: Final = _double(_CONTINUATION, _THREE_BYTE_LEADS)
_THIRD: Final = _double(_CONTINUATION, _CONTINUATION)
_AS_GBK: Final = (
    rf"(?:^|[\x00-\x7f])(?:{_FIRST}{_SECOND}{_THIRD})+(?:{_FIRST}[^\x00-\x7f]?)?(?:$|[\x00-\x7f])"
)
MOJIBAKE: Final = f"\ufffd|锟斤拷|[ÂÃ]{_ONE}|[â-éï]{_ONE}{_ONE}|{_AS_GBK}"


_RUN: Final = re.compile("[^\x00-\x7f]+")


def is_spoilt(text: str) -> bool:
    """Whether the text holds a sequence that is spoilt."""
    return _pattern().search(text) is not None


@cache
def _pattern() -> re.Pattern[str]:
    """Compiled for the first text that is repaired, not at start-up."""
    return re.compile(MOJIBAKE)


def repair(text: str) -> tuple[str, int]:
    """The text with every run of spoilt characters as it was before, and how many runs that were.

    A run is put back only when exactly one reading of it as UTF-8 exists that is not spoilt itself.

    >>> repair("name: " + "王芳".encode().decode("latin-1"))
    ('name: 王芳', 1)
    """
    repaired = 0

    def mended(run: re.Match[str]) -> str:
        nonlocal repaired
        readings = {fixed for codec in ("cp1252", "gb18030") if (fixed := _reread(run[0], codec))}
        if len(readings) != 1 or not is_spoilt(run[0]):
            return run[0]
        repaired += 1
        return readings.pop()

    return _RUN.sub(mended, text), repaired


def _reread(run: str, codec: str) -> str:
    """The characters' bytes read as UTF-8, or nothing. Windows keeps bytes that stand for no letter."""
    try:
        data = b"".join(c.encode(codec if c > "\x9f" else "latin-1") for c in run)
        text = data.decode("utf-8")
    except UnicodeError:
        return ""
    return "" if is_spoilt(text) else text
