"""What a reason code means, in words for the customer, in Chinese and English.

The wording names the behaviour that cost points and never blames a group.  # PIPL 24(3)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from service.errors import UnknownError

Language = Literal["zh", "en"]

REASONS: Final[Mapping[str, Mapping[Language, str]]] = {
    "R1": {"zh": "近几个月出现逾期的月份较多", "en": "Several recent months were paid late"},
    "R2": {"zh": "最近一期账单的还款状态", "en": "Repayment status of the latest statement"},
    "R3": {"zh": "曾出现较长时间的逾期", "en": "A payment was overdue for a long time"},
    "R4": {"zh": "信用额度平均使用率", "en": "Average share of the credit limit in use"},
    "R5": {"zh": "信用额度使用率的变化趋势", "en": "Change in the share of the credit limit in use"},
    "R6": {"zh": "每月平均还款金额偏低", "en": "Low average monthly payment"},
    "R7": {"zh": "现有信用额度偏低", "en": "Low existing credit limit"},
    "R8": {"zh": "还款金额占应还账单的比例", "en": "Share of the billed amount that was paid"},
}


def reason_text(code: str, language: Language) -> str:
    """The wording of a code. Raises UnknownError: an unexplained score may not be shown."""
    if code not in REASONS:
        raise UnknownError("unknown reason code", code=code)
    return REASONS[code][language]
