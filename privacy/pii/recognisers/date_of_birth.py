"""Dates of birth: a whole date right after a word that announces a birth. Other dates name nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import IN_CONTEXT, Span
from privacy.pii.recognisers.rule import Needs, Rule, last

_TYPE: Final = "DATE_TIME"
_MONTH: Final = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DATE: Final = re.compile(
    r"(?<![0-9])(?:(?:18|19|20)[0-9]{2}(?P<gap>[\-./年])[0-9]{1,2}(?:(?P=gap)|月)[0-9]{1,2}日?"
    r"|[0-9]{1,2}(?P<mark>[\-./ ])[0-9]{1,2}(?P=mark)(?:(?:18|19|20)[0-9]{2}|[0-9]{2})"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th)?(?: of)?[ \-]{_MONTH},?[ \-](?:18|19|20)[0-9]{{2}}"
    r"|(?:19|20)[0-9]{6})(?![0-9])"
    rf"|(?<![A-Za-z]){_MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?,? (?:18|19|20)[0-9]{{2}}(?![0-9])"
)
_CONTEXT: Final = re.compile(r"birth|born|d\.?o\.?b(?![a-z])|出生|生日|生于")


def _find(text: str) -> Iterator[Span]:
    for match in _DATE.finditer(text):
        if last(_CONTEXT, text, match.start()) >= 0:
            yield Span(*match.span(), _TYPE, IN_CONTEXT, "date_of_birth")


RULE: Final = Rule("date_of_birth", (_TYPE,), Needs.DIGIT, _find, (_DATE,))
