"""Vehicle plates (GA 36): province character, authority letter, five or six characters; armed police (WJ)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import PATTERN, Span
from privacy.pii.recognisers.rule import Needs, Rule

_PROVINCE: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE: Final = re.compile(
    rf"[{_PROVINCE}使领][A-HJ-NP-Za-hj-np-z][ ·•.\-]?"
    r"(?=[A-Za-z]{0,5}[0-9])"  # one digit at least
    r"(?:[A-HJ-NP-Za-hj-np-z0-9]{5,6}|[A-HJ-NP-Za-hj-np-z0-9]{4}[挂学警港澳领使])(?![0-9A-Za-z])"
    rf"|(?<![A-Za-z])(?i:wj)[ ·•]?[{_PROVINCE}][ ·•]?[0-9]{{4}}[0-9A-Za-z](?![0-9A-Za-z])"
)


def _find(text: str) -> Iterator[Span]:
    for match in _PLATE.finditer(text):
        yield Span(*match.span(), "CN_PLATE", PATTERN, "cn_plate")


RULE: Final = Rule("cn_plate", ("CN_PLATE",), Needs.HAN, _find, (_PLATE,))
