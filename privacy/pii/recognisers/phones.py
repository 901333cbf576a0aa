"""Telephone numbers: mainland and foreign ones, and those of any country in text without Han characters.

Mobiles are eleven digits from 13 to 19, with +86, 86 or 0086 or none, in one run or split 3-4-4, 4-4-3 and
4-3-4. Landlines need their area code; a local number without one counts only straight after a word for
telephone. Foreign numbers are written internationally.

In text without Han characters the number plans of regulators decide. Seven to fifteen digits (E.164). With a
country code the plan decides. Without one a word such as phone, fax or call must stand beside the number, or
the number has separators and is one that a large plan really issues. A word such as order or account that
stands nearer speaks against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import IN_CONTEXT, PATTERN, Span
from privacy.pii.recognisers.rule import HAN, REACH, Needs, Rule, nearest, shaped, words

_TYPE: Final = "PHONE_NUMBER"
CN_PHONE: Final = shaped("cn_phone", Needs.NUMBER)

NUMBER: Final = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.,])[+(]{0,2}[0-9](?:[ .()/\-]{0,3}[0-9]){6,14}(?![0-9]|[.,][0-9])"
    r"(?:[ ]?(?:x|ext\.?)[ ]?[0-9]{1,6}(?![0-9]))?"
)
_FOR: Final = words("phone")
_AFTER: Final = re.compile(r"[ \-(]{0,2}(?i:office|fax|mobile|cell|home|work|desk)(?![a-z])")
_AGAINST: Final = words("no_phone")
_WITH_AREA: Final = 9  # digits; a local number alone could be anything
_REGIONS: Final = ("US", "GB", "AU", "DE", "FR", "IN", "SG", "HK")
_DATE: Final = re.compile(
    r"(?:19|20)[0-9]{2}[\-./][0-9]{1,2}[\-./][0-9]{1,2}|[0-9]{1,2}([\-./])[0-9]{1,2}\1(?:19|20)[0-9]{2}"
)
_MORE: Final = re.compile(r"[ ./\-]?[0-9]")


def _is_issued(value: str, regions: tuple[str | None, ...]) -> bool:
    import phonenumbers  # noqa: PLC0415 - its tables take time to load, and few texts need them

    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(value, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def is_plausible(text: str, start: int, end: int) -> bool:
    """Whether nothing speaks against a telephone number: a date, more digits, a word such as order."""
    if _DATE.match(text, start, end) or _MORE.match(text, end):
        return False
    return nearest(text, start, _FOR, _AGAINST) is not False


def _score(text: str, start: int, end: int) -> float | None:
    value = text[start:end]
    if not is_plausible(text, start, end):
        return None
    if nearest(text, start, _FOR, _AGAINST) or _AFTER.match(text, end):
        return IN_CONTEXT
    if value.lstrip("(").startswith("+"):
        return IN_CONTEXT if _is_issued(value, (None,)) else None
    is_written_as_one = not value.isdigit() and sum(map(str.isdigit, value)) >= _WITH_AREA
    return PATTERN if is_written_as_one and _is_issued(value, _REGIONS) else None


def _find_any(text: str) -> Iterator[Span]:
    for match in NUMBER.finditer(text):
        if not HAN.search(text, max(0, match.start() - REACH), match.start()):
            score = _score(text, *match.span())
            if score is not None:
                yield Span(*match.span(), _TYPE, score, "phone")


PHONE: Final = Rule("phone", (_TYPE,), Needs.NUMBER, _find_any, (NUMBER,))
