"""Driving licences: words announce them.

A Chinese licence has the number of the resident id, which its own rule finds, and a file number of twelve
digits that opens with a province. Others are letters and digits of the state's own making (AAMVA), so a
length is all that can be asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from privacy.pii.checksums import PROVINCES
from privacy.pii.findings import IN_CONTEXT, Span
from privacy.pii.recognisers.rule import Needs, Rule, starting

_FILE: Final = starting("档", r"档案(?:编号|号码?)[:=为是 ]{0,3}(?P<value>[1-9][0-9]{11})(?![0-9A-Za-z])")
_LICENSE: Final = starting(
    "Dd",
    r"(?<![A-Za-z])(?i:driv(?:er'?s?|ers'|ing)[ \-]licen[sc]e|dl)(?:[ ](?i:number|no\.?|num\.?|id))?"
    r"(?:[ ]is)?[ :#=]{1,3}"
    r"(?P<value>(?=[A-Za-z]{0,5}[0-9])[0-9A-Za-z](?:-?[0-9A-Za-z]){4,19})(?![0-9A-Za-z])",
)


def _find(text: str) -> Iterator[Span]:
    for match in _FILE.finditer(text):
        if match["value"][:2] in PROVINCES:
            yield Span(*match.span("value"), "CN_DRIVER_LICENSE", IN_CONTEXT, "cn_driver_license:file")
    for match in _LICENSE.finditer(text):
        yield Span(*match.span("value"), "US_DRIVER_LICENSE", IN_CONTEXT, "driver_license")


RULE: Final = Rule(
    "driver_license", ("CN_DRIVER_LICENSE", "US_DRIVER_LICENSE"), Needs.NUMBER, _find, (_FILE, _LICENSE)
)
