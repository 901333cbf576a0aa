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

A file is looked at in blocks, so its size is no matter; memory is that of a block.

>>> decide_encoding(lambda: ["姓名".encode("utf-16")])
'utf-16'
"""

from __future__ import annotations

import codecs
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import chain
from typing import Final

from service.errors import ContractError

MIN_DISTINCT: Final = 8
MIN_SHARE: Final = 0.85

ENCODINGS: Final = {"utf-8": "utf-8", "utf-16": "utf-16", "gb18030": "gb18030", "big5": "cp950"}
_MARKS: Final = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NUL: Final = "the file holds NUL bytes: it is UTF-16 without a byte order mark, or no text; save it as UTF-8"
_UNCOUNTED: Final = re.compile("[\x00-\x7f\u00b7\u2010-\u2027\u3000-\u303f\uff00-\uffef]+")

Blocks = Callable[[], Iterable[bytes]]  # reads the file again from its start


def decide_encoding(blocks: Blocks, named: str = "") -> str:
    """The encoding of a file, after all of it was decoded.

    Args:
        blocks: gives the bytes from the start, each time it is called; blocks of three bytes or more but for
            the last.
        named: ``utf-8``, ``utf-16``, ``gb18030`` or ``big5``; empty to let the rules decide.

    Raises:
        ContractError: no encoding, or not that one, or NUL characters; ``byte`` counts from 0 and is the
            first that is wrong.
    """
    if named and named not in ENCODINGS:
        raise ContractError("no such encoding is read", use=", ".join(ENCODINGS))
    head = next(iter(blocks()), b"")
    marked = next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), "")
    if named and marked and named != marked:
        raise ContractError("the byte order mark says another encoding", found=marked)
    if named == "utf-16" and not marked:
        raise ContractError("UTF-16 needs a byte order mark")
    encoding = named or marked
    if not encoding:
        return _unmarked(blocks)
    deque(text_of(blocks(), encoding), maxlen=0)
    return encoding


def text_of(blocks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The text of a file, block by block, without its byte order mark.

    Raises:
        ContractError: it is not in this encoding, or holds NUL characters.
    """
    decoder = codecs.getincrementaldecoder(ENCODINGS[encoding])()
    mark = "\ufeff" if encoding == "utf-8" else ""  # the decoder of UTF-16 takes away its own
    read = 0
    try:
        for block in chain(blocks, [b""]):
            read += len(block)
            text = decoder.decode(block, final=not block)
            if "\x00" in text:
                byte = {} if encoding == "utf-16" else {"byte": read - len(block) + block.find(b"\x00")}
                raise ContractError(_NUL, **byte)
            yield text.removeprefix(mark)
            mark = ""
    except UnicodeDecodeError as error:  # it holds the end of what was read
        start = read - len(error.object)
        raise ContractError(f"the file is not {encoding.upper()}", byte=start + error.start) from None


def _unmarked(blocks: Blocks) -> str:
    try:
        deque(text_of(blocks(), "utf-8"), maxlen=0)
    except ContractError as error:
        if error.reason == _NUL:
            raise
        first_wrong = error.fields["byte"]
    else:
        return "utf-8"
    counts = {name: _counts(blocks, name) for name in _level_1()}
    qualified = [name for name, found in counts.items() if found and _is_plausible(found, _level_1()[name])]
    if len(qualified) != 1:
        raise ContractError(
            "the file is not UTF-8 and nothing proves another encoding: name it with --encoding",
            possible=", ".join(name for name, found in counts.items() if found is not None) or "none",
            byte=first_wrong,
        )
    return qualified[0]


def _counts(blocks: Blocks, encoding: str) -> Counter[str] | None:
    """How often each character beyond ASCII comes; None when the file is not in this encoding."""
    counts: Counter[str] = Counter()
    try:
        for text in text_of(blocks(), encoding):
            counts.update(_UNCOUNTED.sub("", text))
    except ContractError:
        return None
    return counts


def _is_plausible(counts: Counter[str], frequent: frozenset[str]) -> bool:
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
