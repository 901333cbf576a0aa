"""Chinese names out of the words of a tagger, by the structure that names have.

A tagger cuts some names into words (何 + 长工), swallows the title behind others (周总理) and misses one name
of a list. Structure mends this, without a dictionary of people:

* parts joined by a middle dot are one name (诺罗敦·西哈努克);
* a surname of the list with one or two characters is a name right behind a trade or rank (局长解振华), and
  between the ideographic commas of a list that holds a name;
* a title is no part of a name, and digits, or a single character that is no surname, are none;
* what is a name once is a name wherever the same text repeats it.

>>> words = [Word(0, 2, "n"), Word(2, 3, "PER"), Word(3, 5, "n"), Word(5, 6, "v")]
>>> [(start, end) for start, end in people("局长何长工说", words)]
[(2, 5)]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from privacy.pii.recognisers.person import is_chinese_name, places
from privacy.pii.recognisers.surnames import COMPOUND, SURNAMES
from privacy.pii.tables import table

PERSON: Final = "PER"
_HAN: Final = r"[\u3400-\u4dbf\u4e00-\u9fff]"
_DOT: Final = re.compile(rf"(?<={_HAN})[·•・](?={_HAN})")
_PART: Final = 4  # characters of a part that is taken whole though the tagger does not know it
_BEFORE_DOT: Final = re.compile(rf"(?<!{_HAN}){_HAN}{{1,{_PART}}}$")
_AFTER_DOT: Final = re.compile(rf"{_HAN}{{1,{_PART}}}(?!{_HAN})")
_TABLE: Final = table("recognisers/person")
_TITLE, _ROLE = (re.compile(f"(?:{''.join(_TABLE[key])})$") for key in ("titles", "roles"))
#: Behind a name at the end of a line or bracket: who wrote, drew or took it.
_BYLINE: Final = frozenset("摄文图报讯译编画绘供词曲饰整")
_LIST: Final = re.compile(rf"(?<=、){_HAN}{{2,4}}(?=[、(]|等)|(?<![^\s:,;。(]){_HAN}{{2,4}}(?=、)")
_DIGIT: Final = re.compile(r"[0-9]")
_FUNCTION: Final = frozenset(("p", "c", "d", "f", "u", "r", "m", "q", "w", "TIME", "LOC", "ORG"))
_SHORTEST, _LONGEST = 2, 4  # characters of a Chinese name


class Word(NamedTuple):
    """A word of the tagger: half-open place and tag."""

    start: int
    end: int
    tag: str


def _starts_with_surname(value: str) -> bool:
    return value[0] in SURNAMES or value[:2] in COMPOUND


def _is_surname(value: str) -> bool:
    return value in COMPOUND or (len(value) == 1 and value in SURNAMES)


def _dotted(text: str, words: Sequence[Word], named: set[int]) -> Iterator[tuple[int, int]]:
    """Names with a middle dot, one of whose parts the tagger calls a name."""
    of = {i: word for word in words for i in range(word.start, word.end)}
    start = end = -1
    for dot in _DOT.finditer(text):
        at = dot.start()
        if at != end:
            left = _BEFORE_DOT.search(text, max(0, at - _PART - 1), at)
            start = left.start() if left and of[at - 1].tag != PERSON else of[at - 1].start
        right = _AFTER_DOT.match(text, at + 1)
        end = right.end() if right and of[at + 1].tag != PERSON else of[at + 1].end
        is_over = end == len(text) or not _DOT.match(text, end)
        if is_over and not named.isdisjoint(range(start, end)):
            yield start, end


def _behind_roles(text: str, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """One to three words that make a name together, right behind a trade or rank."""
    for index, word in enumerate(words[:-1]):
        first = words[index + 1]
        is_role = _ROLE.search(text, word.start, word.end)
        if is_role and first.tag not in _FUNCTION:
            yield from _name_from(text, words, index + 1)


def _name_from(text: str, words: Sequence[Word], index: int) -> Iterator[tuple[int, int]]:
    start = words[index].start
    best = None
    for word in words[index : index + 3]:
        if word.end - start > _LONGEST or (
            word.tag in ("w", "p", "u", "c", "LOC", "ORG", "TIME") and word.start > start
        ):
            break
        if is_chinese_name(text[start : word.end]):
            best = word.end
    if best and best - start > _SHORTEST:
        yield start, best


def _listed(text: str, named: set[int]) -> Iterator[tuple[int, int]]:
    """Items of a list that read as names, beside an item that is one."""
    for item in _LIST.finditer(text):
        start, end = item.span()
        beside = {start - 2, end + 1} & named
        if beside and is_chinese_name(item[0]):
            yield start, end


def _continues(text: str, words: Sequence[Word], index: int, start: int) -> bool:
    """Whether word ``index`` belongs to the name that began at ``start`` and ends before it."""
    word = words[index]
    value = text[word.start : word.end]
    if word.tag == PERSON:
        return not _starts_with_surname(value) and not _DIGIT.search(value)
    if word.tag in _FUNCTION or value in _BYLINE or _TITLE.search(value):
        return False
    cut = text[start : word.start]
    is_last = index + 1 == len(words) or words[index + 1].tag in _FUNCTION
    is_cut = _is_surname(cut) or (len(value) == 1 and is_last and len(cut) == _SHORTEST)
    return is_cut and is_chinese_name(cut + value)


def _tagged(text: str, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """The tagger's own names, mended."""
    start = -1
    for index, word in enumerate(words):
        if start >= 0 and not _continues(text, words, index, start):
            yield start, word.start
            start = -1
        if start < 0 and word.tag == PERSON and not _DIGIT.search(text, word.start, word.end):
            title = _TITLE.search(text, word.start, word.end)
            if title and title.start() > word.start:
                yield word.start, title.start()
            else:
                start = word.start
    if start >= 0:
        yield start, len(text)


def people(text: str, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Places of names in a folded text, disjoint, the longest first.

    Args:
        text: the text.
        words: all of it, in order; names are tagged ``PER``.
    """
    found = {(s, e) for s, e in _tagged(text, words) if e - s > 1 or text[s] in SURNAMES}
    found.update(_behind_roles(text, words))
    named = {i for start, end in found for i in range(start, end)}
    found.update(_listed(text, named))
    dotted = list(_dotted(text, words, named))
    inside = {i for start, end in dotted for i in range(start, end)}
    found = {place for place in found if inside.isdisjoint(range(*place))} | set(dotted)
    for name in {text[s:e] for s, e in found if e - s > _SHORTEST}:
        found.update(places(name, text))
    taken: set[int] = set()
    for start, end in sorted(found, key=lambda place: (place[0] - place[1], place)):
        if taken.isdisjoint(range(start, end)):
            taken.update(range(start, end))
            yield start, end
