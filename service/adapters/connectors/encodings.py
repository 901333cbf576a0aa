"""Which encoding a text file is in: decided by rules that can be told, never by a guess.

1. A byte order mark decides: UTF-8 or UTF-16 (either order).
2. Without one, a file that is valid UTF-8 is UTF-8.
3. Else it is GB18030 or Big5 if exactly one of the two *qualifies*: it decodes without error, the text holds
   at least ``MIN_DISTINCT`` different frequent Han characters, and these make up at least ``MIN_SHARE`` of
   all characters beyond ASCII (Chinese punctuation and full-width forms not counted). Frequent means level 1
   of the character set: GB 2312 rows 16 to 55 (3,755 characters), Big5 A440 to C67E (5,401 characters).
4. If both or neither qualify the file is refused with the encodings that decode at all; the caller names one.

A named encoding is held to the file too: it must decode without error and not contradict the mark. GB18030
contains GBK and GB 2312. Big5 is read as Windows writes it (code page 950).

>>> decode_text("姓名".encode("utf-16")).encoding
'utf-16'
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

from service.errors import ContractError

MIN_DISTINCT: Final = 8
MIN_SHARE: Final = 0.85

_CODECS: Final = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "gb18030": "gb18030", "big5": "cp950"}
_MARKS: Final = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_UNCOUNTED: Final = re.compile("[\x00-\x7f\u00b7\u2010-\u2027\u3000-\u303f\uff00-\uffef]+")


class Decoded(NamedTuple):
    """Text without byte order mark, and the encoding it was in."""

    text: str
    encoding: str


def decode_text(data: bytes, named: str = "") -> Decoded:
    """The text of a file.

    Args:
        data: all bytes.
        named: ``utf-8``, ``utf-16``, ``gb18030`` or ``big5``; empty to let the rules decide.

    Raises:
        ContractError: no encoding, or not that one, or NUL characters; ``byte`` counts from 0 and is the
            first that is wrong.
    """
    if named and named not in _CODECS:
        raise ContractError("no such encoding is read", use=", ".join(_CODECS))
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "")
    if named and marked and named != marked:
        raise ContractError("the byte order mark says another encoding", found=marked)
    if named == "utf-16" and not marked:
        raise ContractError("UTF-16 needs a byte order mark")
    encoding = named or marked
    nul = -1 if encoding == "utf-16" else data.find(b"\x00")
    if nul >= 0:
        raise ContractError(
            "the file holds NUL bytes: it is UTF-16 without a byte order mark, or no text; save it as UTF-8",
            byte=nul,
        )
    text = _decode(data, encoding) if encoding else ""
    found = Decoded(text, encoding) if encoding else _unmarked(data)
    if "\x00" in found.text:
        raise ContractError("the file holds NUL characters: it is no text")
    return found


def _decode(data: bytes, encoding: str) -> str:
    try:
        return data.decode(_CODECS[encoding])
    except UnicodeDecodeError as error:
        raise ContractError(
            f"the file is not {encoding.upper()}", byte=_offset(data, error, encoding)
        ) from None


def _offset(data: bytes, error: UnicodeDecodeError, encoding: str) -> int:
    """Where the file goes wrong; the codecs that take the mark off count from behind it."""
    return error.start + len(data) - len(error.object) if encoding == "utf-8" else error.start


def _unmarked(data: bytes) -> Decoded:
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        first_wrong = error.start
    decoded = ((name, _decode_or_none(data, name)) for name in _level_1())
    texts = {name: text for name, text in decoded if text is not None}
    qualified = [name for name, text in texts.items() if _is_plausible(text, _level_1()[name])]
    if len(qualified) != 1:
        raise ContractError(
            "the file is not UTF-8 and nothing proves another encoding: name it with --encoding",
            possible=", ".join(texts) or "none",
            byte=first_wrong,
        )
    return Decoded(texts[qualified[0]], qualified[0])


def _decode_or_none(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(_CODECS[encoding])
    except UnicodeDecodeError:
        return None


def _is_plausible(text: str, frequent: frozenset[str]) -> bool:
    counts = Counter(_UNCOUNTED.sub("", text))
    level_1 = {c: n for c, n in counts.items() if c in frequent}
    return len(level_1) >= MIN_DISTINCT and sum(level_1.values()) >= MIN_SHARE * counts.total()


def _block(codec: str, leads: Iterable[int], trails: Iterable[int], last: bytes) -> frozenset[str]:
    """The characters of a block of double bytes, up to ``last``."""
    trails = list(trails)
    pairs = (bytes([lead, trail]) for lead in leads for trail in trails)
    return frozenset(pair.decode(codec) for pair in pairs if pair <= last)


@cache
def _level_1() -> dict[str, frozenset[str]]:
    """Frequent characters by encoding; made for the first file that is not UTF-8, not at start-up."""
    both = [*range(0x40, 0x7F), *range(0xA1, 0xFF)]
    return {
        "gb18030": _block("gb18030", range(0xB0, 0xD8), range(0xA1, 0xFF), b"\xd7\xf9"),
        "big5": _block("cp950", range(0xA4, 0xC7), both, b"\xc6\x7e"),
    }
