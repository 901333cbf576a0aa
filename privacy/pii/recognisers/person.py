"""Names of people, announced by a word beside them: 客户, 姓名, 联系人, 先生, Mr, customer, name is.

Without a language model a bare name in running text is not found; a cue, a title, or an identifier right
after it is needed. A Chinese name is a surname of the list and one or two characters; where two readings
are possible the longer one is taken, since masking a character too many is the smaller harm. A name
found once is found wherever the same text repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import CUE, Span
from privacy.pii.recognisers.rule import Needs, Rule, initials, starting
from privacy.pii.recognisers.surnames import COMPOUND, NOT_GIVEN, NOT_NAMES, SURNAMES
from privacy.pii.tables import table

_TYPE: Final = "PERSON"
_HAN: Final = r"[\u3400-\u4dbf\u4e00-\u9fff]"

#: What announces a name, and what ends one.
_TABLE: Final = table("recognisers/person")
_FOLLOWS, _NO_PART, _ZH_CUES, _SOFT_CUES, _EN_CUES = (
    "".join(_TABLE[key]) for key in ("follows", "no_word", "zh_cues", "soft_cues", "en_cues")
)
_NOT: Final = "(?!" + "|".join(sorted(set(NOT_NAMES))) + ")"
_FIRST: Final = rf"(?![{NOT_GIVEN}]){_HAN}"
_GIVEN: Final = rf"(?!{_FOLLOWS}){_FIRST}"
_ZH: Final = (
    rf"(?:(?:{'|'.join(COMPOUND)}){_FIRST}(?:{_GIVEN})?"
    rf"|{_NOT}[{SURNAMES}]{_FIRST}(?:{_GIVEN})?)"
)
#: Parts of sounds joined by a dot; some characters of sounds are in no Chinese given name.
_SOUND: Final = rf"(?:[买提热不次]|(?!人){_FIRST})"
_ETHNIC: Final = (
    rf"(?={_HAN}{{2,6}}[·•]){_SOUND}{{2,6}}"
    rf"(?:[·•](?!{_FOLLOWS}){_SOUND}(?:(?!{_FOLLOWS}){_SOUND}){{0,6}}){{1,3}}"
)

_WORD: Final = r"[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÖØ-öø-ÿĀ-ž'’\-\u0300-\u036f]{1,24}"
_NO_WORD: Final = rf"(?!(?i:{_NO_PART})(?![A-Za-z]))"
_EN: Final = (
    rf"{_NO_WORD}{_WORD}"
    rf"(?:[ ]{{1,2}}(?:(?:van|von|de|der|den|da|di|del|bin|binti|al|la|"
    rf"le)[ ]){{0,2}}(?:[A-Z]\.[ ]?)?{_NO_WORD}{_WORD}){{0,3}}"
)
_NAME: Final = rf"(?P<name>{_ETHNIC}|{_ZH}|{_EN})"

_JOINT: Final = r"(?:[\s:;=,\"'“”‘’<(（【「《|_\-*#/.]|是|为|叫|姓名|名字|名称|名){0,6}"


def _by_letter(cues: str) -> str:
    """The alternatives by first letter, in either case: most words then fail at once."""
    groups: dict[str, list[str]] = {}
    for cue in re.split(r"\|(?![^(]*\))", cues):
        groups.setdefault(cue[0], []).append(cue[1:])
    return "|".join(f"[{c.upper()}{c}](?i:{'|'.join(rest)})" for c, rest in groups.items())


_BEFORE: Final = starting(initials(_ZH_CUES), rf"(?:{_ZH_CUES}){_JOINT}{_NAME}")
_AFTER_SOFT: Final = starting(
    initials(_SOFT_CUES),
    rf"(?:{_SOFT_CUES})[:= “\"是为]{{0,2}}(?![于向曾经任时应]){_NAME}"
    rf"(?:(?!{_HAN})|(?={_FOLLOWS}))",
)
_BEFORE_EN: Final = starting(
    "A-Za-z", rf"(?<![A-Za-z])(?:{_by_letter(_EN_CUES)})(?![A-Za-z])(?: (?i:is)(?![A-Za-z]))?{_JOINT}{_NAME}"
)
_LATIN: Final = re.compile(r"[A-Za-z][A-Za-z]")
_NAMED: Final = (
    rf"(?P<name>{_ETHNIC}|(?:{'|'.join(COMPOUND)})(?:{_FIRST}){{1,2}}|"
    rf"{_NOT}[{SURNAMES}](?:{_FIRST}){{1,2}}|{_EN}) ?$"
)
_ENDING: Final = re.compile(_NAMED)
_APART: Final = re.compile(rf"(?:(?<!{_HAN})|(?<=联系)|(?<=[请找由给的]))" + _NAMED)
_SURNAME: Final = re.compile(rf"(?P<name>{'|'.join(COMPOUND)}|[{SURNAMES}])$")
#: Words behind a name, and how the name may be written.
_BEHIND: Final[dict[str, tuple[re.Pattern[str], ...]]] = {
    **dict.fromkeys(_TABLE["courtesy"], (_ENDING, _SURNAME)),
    **dict.fromkeys(_TABLE["acts"], (_ENDING,)),
    **dict.fromkeys(_TABLE["ranks"], (_APART,)),
}
_TITLES: Final = "|".join(_BEHIND)
_TITLE: Final = re.compile(_TITLES)
_LONGEST: Final = 40  # characters of the longest name looked for on the left
_USUAL: Final = 5  # of a Chinese name and a blank
_NOT_USUAL: Final = re.compile(r"[A-Za-zÀ-ž·•]")
#: A name that stands alone and is followed by an identifier or its label.
_LABELS: Final = r"手机|电话|联系(?:方式|电话|手机)|预留|身份证|证件|微信|邮箱|住址|银行卡|卡号"
_NUMBER: Final = (
    r"\(?\+?86\)?[ \-]?1[3-9][0-9]{9}|1[3-9][0-9][ .\-]?[0-9]{4}[ .\-]?[0-9]{4}|"
    r"[1-9][0-9]{5}[ \-]?[0-9]{8}[ \-]?[0-9]{3}[0-9Xx]"
)
_LABEL: Final = starting("手电联预身证微邮住银卡(+1-9", rf"{_LABELS}|{_NUMBER}")
_WHOLE: Final = re.compile(_ZH)
_DOTTED: Final = re.compile(rf"{_ETHNIC}$")
_DOT: Final = re.compile("[·•]")
_BETWEEN: Final = " 的,:;(|/\t"
_SURNAME_SET: Final = frozenset(SURNAMES) | {c[0] for c in COMPOUND}
#: A field of its own in a delimited line whose header or key says 姓名.
_FIELD: Final = re.compile(rf"[|\t][ ]?(?P<name>{_ZH})(?=[ ]?(?:[|\t]|$))")
_HEADER: Final = re.compile(r"姓名|户名|(?i:name)")
#: A filled-in form says that this is a name, whatever word it looks like.
_FILLED: Final = starting(
    "姓户名", rf"(?:姓名|户名|名字)[:='\"“ ]{{1,4}}(?P<name>[{SURNAMES}]{_HAN}{{1,2}})(?!{_HAN})"
)
#: Whatever the label is: a word for a person, a colon, and a name that fills the field.
_LABELLED: Final = starting(
    "人者员方主", rf"[人者员方主](?:姓名|名称)?[:=][ ]?(?P<name>{_ETHNIC}|{_ZH})(?!{_HAN})"
)
#: A second name that stands with the first: 张三与李四于.
_PAIRED: Final = re.compile(rf"[与和及跟、](?P<name>{_ETHNIC}|{_ZH})(?:(?!{_HAN})|(?={_FOLLOWS}))")
_REPEATABLE: Final = 2
_FEW: Final = 8


def is_chinese_name(value: str) -> bool:
    """Whether a whole value reads as a Chinese name: surname of the list and one or two characters."""
    return _WHOLE.fullmatch(value) is not None


def _titled(text: str) -> Iterator[re.Match[str]]:
    """Names right before a title; the first of its patterns that fits."""
    reach = _LONGEST if _NOT_USUAL.search(text) else _USUAL
    for word in _TITLE.finditer(text):
        start = word.start()
        fitting = (name.search(text, max(0, start - reach), start) for name in _BEHIND[word[0]])
        found = next(filter(None, fitting), None)
        if found:
            yield found


def _beside(text: str) -> Iterator[tuple[int, int]]:
    """Chinese names that stand alone, with an identifier or its label next on the right."""
    is_dotted = _DOT.search(text)
    for label in _LABEL.finditer(text):
        end = label.start()
        while end > max(0, label.start() - 3) and text[end - 1] in _BETWEEN:
            end -= 1
        for start in range(max(0, end - 4), end - 1):
            if text[start] not in _SURNAME_SET:
                continue
            alone = start == 0 or not (text[start - 1].isalpha() or text[start - 1] == "_")
            if alone and _WHOLE.fullmatch(text, start, end):
                yield start, end
                break
        else:
            dotted = is_dotted and _DOTTED.search(text, max(0, end - _LONGEST), end)
            if dotted:
                yield dotted.span()


def _announced(text: str) -> Iterator[re.Match[str]]:
    if not text.isascii():
        yield from _BEFORE.finditer(text)
        yield from _AFTER_SOFT.finditer(text)
        yield from _FILLED.finditer(text)
        yield from _LABELLED.finditer(text)
        yield from _titled(text)
        if ("|" in text or "\t" in text) and _HEADER.search(text):
            yield from _FIELD.finditer(text)
    if _LATIN.search(text):
        yield from _BEFORE_EN.finditer(text)


def _repeats(text: str, names: set[str]) -> Iterator[tuple[int, int]]:
    """Every place of names of two characters and more."""
    again = {n for n in names if len(n) >= _REPEATABLE}
    if len(again) <= _FEW:
        for name in again:
            yield from places(name, text)
        return
    opening = {n[:_REPEATABLE] for n in again}  # one pass for all names keeps a long text linear
    lengths = sorted({len(n) for n in again}, reverse=True)
    for at in range(len(text) - 1):
        if text[at : at + _REPEATABLE] in opening:
            yield from ((at, at + n) for n in lengths if text[at : at + n] in again)


def places(name: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a text repeats a name."""
    at = text.find(name)
    while at >= 0:
        yield at, at + len(name)
        at = text.find(name, at + len(name))


def _find(text: str) -> Iterator[Span]:
    found = {match.span("name") for match in _announced(text)}
    if not text.isascii():
        found.update(_beside(text))
        pairs = [_PAIRED.match(text, end) for _, end in found]
        found.update(pair.span("name") for pair in pairs if pair)
    for start, end in found:
        yield Span(start, end, _TYPE, CUE, "person:cue")
    for start, end in _repeats(text, {text[start:end] for start, end in found}):
        if (start, end) not in found:
            yield Span(start, end, _TYPE, CUE, "person:repeat")


_FAMILY: Final = "".join(sorted(_SURNAME_SET))
#: Coarser than the patterns on purpose: with every Han character a start, Rust would be slow, too.
_TRIGGERS: Final[tuple[re.Pattern[str] | str, ...]] = (
    _DOT,  # without which there is no ethnic name
    rf"(?:{_ZH_CUES}|{_SOFT_CUES}|姓名|户名|名字){_JOINT}[{_FAMILY}A-Z]",
    rf"[人者员方主](?:姓名|名称)?[:=] ?[{_FAMILY}]",
    rf"[|\t] ?[{_FAMILY}]",
    _BEFORE_EN,
    rf"(?:[{_FAMILY}]{_HAN}{{0,3}}|[A-Za-z'’\-]) ?(?:{_TITLES})",
    rf"[{_FAMILY}]{_HAN}{{1,3}}[{_BETWEEN}]{{0,3}}(?:{_LABELS}|{_NUMBER})",
)
RULE: Final = Rule("person", (_TYPE,), Needs.CUE, _find, _TRIGGERS)
