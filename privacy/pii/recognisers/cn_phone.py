"""Telephone numbers: mainland mobiles, landlines with area code, and foreign numbers written internationally.

Mobiles are eleven digits from 13 to 19, with +86, 86 or 0086 or none, in one run or split 3-4-4,
4-4-3 and 4-3-4. A local number without area code counts only straight after a word for telephone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import IN_CONTEXT, PATTERN, Span
from privacy.pii.recognisers.rule import Needs, Rule, last, scan, starting

_TYPE: Final = "PHONE_NUMBER"
_GAP: Final = r"[ \t.\-]{0,2}"
_MOBILE: Final = starting(
    "0-9+(",
    r"(?<![0-9])(?<![0-9][.])(?:(?:\((?:\+|00)?86\)|(?:\+|00)?86)[ \-]{0,2})?"
    rf"1[3-9][0-9](?:{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}"
    r"|[0-9][ \-][0-9]{4}[ \-][0-9]{3}|[0-9][ \-][0-9]{3}[ \-][0-9]{4})"
    r"(?![0-9])",
)
_LANDLINE: Final = starting(
    "0+(",
    r"(?<![0-9])(?:(?:\+|00)86[ \-]?)?"
    r"(?:\(0?(?:10|2[0-9]|[3-9][0-9]{2})\) ?|0?(?:10|2[0-9]|[3-9][0-9]{2})[ \-])"
    r"[1-9](?:[0-9]{6,7}|[0-9]{2,3}[ \-][0-9]{4})(?:(?:-|转|ext\.?) ?[0-9]{1,6})?(?![0-9])",
)
_GLUED: Final = starting("0", r"(?<![0-9])0(?:10|2[0-9]|[3-9][0-9]{2})[2-8][0-9]{6,7}(?![0-9])")
_FOREIGN: Final = starting(
    "1-9+(",
    r"(?<![0-9])(?:\+(?!86)[1-9][0-9]{0,2}(?:[ .\-()]{0,2}[0-9]){7,12}"
    r"|(?:\+?1[ .\-])?(?:\([2-9][0-9]{2}\) ?|"
    r"(?!400)[2-9][0-9]{2}[ .\-])[2-9][0-9]{2}[ .\-][0-9]{4})(?![0-9%]|[.,][0-9])",
)
_CONTEXT: Final = re.compile(
    r"手机|电话|座机|联系|致电|回拨|拨打|来电|号码|短信|mobile|phone|tel|call|cell|contact"
)
_LOCAL: Final = starting(
    "电座固TtPp",
    r"(?:电话|座机|固话|(?<![A-Za-z])(?i:tel|phone))(?:号码?|no\.?)?[ :是为]{0,3}"
    r"(?P<number>[2-8][0-9]{6,7}|[2-8][0-9]{2,3}[ \-][0-9]{4})(?![0-9.])",
)


def _find(text: str) -> Iterator[Span]:
    for start, end in scan(_MOBILE, text):
        score = IN_CONTEXT if last(_CONTEXT, text, start) >= 0 else PATTERN
        yield Span(start, end, _TYPE, score, "cn_mobile")
    for start, end in scan(_LANDLINE, text):
        yield Span(start, end, _TYPE, PATTERN, "cn_landline")
    for start, end in scan(_GLUED, text):
        if last(_CONTEXT, text, start) >= 0:
            yield Span(start, end, _TYPE, IN_CONTEXT, "cn_landline:context")
    for start, end in scan(_FOREIGN, text):
        yield Span(start, end, _TYPE, PATTERN, "foreign_phone")
    for match in _LOCAL.finditer(text):
        yield Span(*match.span("number"), _TYPE, IN_CONTEXT, "local_phone")


RULE: Final = Rule("cn_phone", (_TYPE,), Needs.NUMBER, _find, (_MOBILE, _LANDLINE, _GLUED, _FOREIGN, _LOCAL))
