"""Unified social credit codes (GB 32100-2015): 18 characters with a MOD 31 check, in either case."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.checksums import is_credit_code
from privacy.pii.findings import VALIDATED, Span
from privacy.pii.recognisers.rule import Needs, Rule, last, scan, starting

_TYPE: Final = "CN_USCC"
_CODE: Final = starting(
    "1-9ANYany",
    r"(?<![0-9])[1-9ANYany][1-9A-Na-n][0-9]{6}[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{10}(?![0-9A-Za-z])",
)
_CONTEXT: Final = re.compile(r"信用代码|机构代码|机关代码|税号|纳税人|识别号|uscc|credit code")


def _find(text: str) -> Iterator[Span]:
    for start, end in scan(_CODE, text):
        glued = start > 0 and text[start - 1].isascii() and text[start - 1].isalpha()
        # One string in 31 passes the check, so a code of digits alone or glued to letters must be announced.
        weak = glued or text[start:end].isdigit()
        if is_credit_code(text[start:end]) and (not weak or last(_CONTEXT, text, start) >= 0):
            yield Span(start, end, _TYPE, VALIDATED, "cn_credit_code:mod31")


RULE: Final = Rule("cn_credit_code", (_TYPE,), Needs.NUMBER, _find, (_CODE,))
