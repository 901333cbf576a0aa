"""US social security numbers, in the ranges that are issued: area not 000, 666 or 9xx, no group of zeros.

There is no check digit. Grouped by dashes the shape counts; without them, a word must announce the number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import IN_CONTEXT, PATTERN, Span
from privacy.pii.recognisers.rule import Needs, Rule, last

_TYPE: Final = "US_SSN"
_SSN: Final = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.\-])(?!000|666)[0-8][0-9]{2}(?P<gap>[ \-]?)(?!00)[0-9]{2}(?P=gap)(?!0000)"
    r"[0-9]{4}(?![0-9A-Za-z]|[.\-][0-9])"
)
_REACH: Final = 32  # "social security number is" is long
_CONTEXT: Final = re.compile(r"ssn|social security|taxpayer|itin")


def _find(text: str) -> Iterator[Span]:
    for match in _SSN.finditer(text):
        if last(_CONTEXT, text, match.start(), _REACH) >= 0:
            yield Span(*match.span(), _TYPE, IN_CONTEXT, "us_ssn:context")
        elif match["gap"] == "-":
            yield Span(*match.span(), _TYPE, PATTERN, "us_ssn")


RULE: Final = Rule("us_ssn", (_TYPE,), Needs.NUMBER, _find, (_SSN,))
