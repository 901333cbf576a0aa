"""Check digits. Each function takes folded text without separators and says whether it is right.

>>> is_resident_id("11010519491231002X"), is_resident_id("110105194912310021")
(True, False)
>>> is_luhn("4111111111111111"), is_credit_code("91350100M000100Y43")
(True, True)
"""

from __future__ import annotations

from datetime import date
from typing import Final

from privacy.pii.tables import table

#: Province codes (GB/T 2260). The digits behind them are not checked: counties are abolished and renumbered
#: all the time, and test data uses unassigned ones.
PROVINCES: Final = frozenset("".join(table("recognisers/shapes")["words"]["province_code"]).split("|"))
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK: Final = "10X98765432"
_CODE_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CODE_VALUE: Final = {c: i for i, c in enumerate(_CODE_ALPHABET)}
_CODE_WEIGHTS: Final = tuple(pow(3, i, 31) for i in range(17))
_LUHN_DOUBLE: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
#: ROC id: the letter's two-digit code, already weighted (tens * 1 + units * 9).
_TW_LETTER: Final = {
    letter: code // 10 + code % 10 * 9 for code, letter in enumerate("ABCDEFGHJKLMNPQRSTUVXYWZIO", start=10)
}


def is_date(digits: str) -> bool:
    """Whether ``YYYYMMDD`` is a day of the calendar from 1880 on."""
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).year >= 1880  # noqa: PLR2004
    except ValueError:
        return False


def is_resident_id(value: str) -> bool:
    """GB 11643: 17 digits and MOD 11-2 check character, province prefix and birth date real."""
    if value[:2] not in PROVINCES or not is_date(value[6:14]):
        return False
    total = sum(int(c) * w for c, w in zip(value[:17], _ID_WEIGHTS, strict=True))
    return _ID_CHECK[total % 11] == value[17].upper()


def is_luhn(digits: str) -> bool:
    """ISO/IEC 7812 check digit; a run of one repeated digit is nobody's card."""
    if len(set(digits)) == 1:
        return False
    odd = sum(map(int, digits[-1::-2]))
    even = sum(map(_LUHN_DOUBLE.__getitem__, map(int, digits[-2::-2])))
    return (odd + even) % 10 == 0


def is_credit_code(value: str) -> bool:
    """GB 32100-2015: unified social credit code, MOD 31; letters I, O, S, V, Z do not occur."""
    numbers = [_CODE_VALUE.get(c, -1) for c in value.upper()]
    if len(numbers) != 18 or min(numbers) < 0:  # noqa: PLR2004
        return False
    total = sum(n * w for n, w in zip(numbers[:17], _CODE_WEIGHTS, strict=True))
    return (31 - total % 31) % 31 == numbers[17]


#: Registry of ISO 13616.
_IBAN_COUNTRIES: Final = (
    "AD AE AL AT AZ BA BE BG BH BI BR BY CH CR CY CZ DE DJ DK DO EE EG ES FI FK FO FR GB GE GI GL GR GT "
    "HN HR HU IE IL IQ IS IT JO KW KZ LB LC LI LT LU LV LY MC MD ME MK MN MR MT MU NI NL NO OM PK PL PS "
    "PT QA RO RS RU SA SC SD SE SI SK SM SO ST SV TL TN TR UA VA VG XK YE"
)


def is_iban(value: str) -> bool:
    """ISO 13616 without blanks: a registered country, MOD 97-10 (ISO 7064) over the rotated value is 1."""
    if len(value) <= 14 or value[:2].upper() not in _IBAN_COUNTRIES:  # noqa: PLR2004
        return False
    rotated = value[4:] + value[:4]
    return int("".join(str(int(c, 36)) for c in rotated)) % 97 == 1


def is_hk_id(value: str) -> bool:
    """Hong Kong identity card, one or two letters, six digits, check character; MOD 11."""
    value = value.upper().rjust(9)
    numbers = [36 if c == " " else int(c, 36) for c in value]
    return sum(n * w for n, w in zip(numbers, range(9, 0, -1), strict=True)) % 11 == 0


def is_tw_id(value: str) -> bool:
    """Taiwan identity card, letter and nine digits; MOD 10."""
    total = _TW_LETTER[value[0].upper()] + int(value[9])
    return (total + sum(int(c) * w for c, w in zip(value[1:9], range(8, 0, -1), strict=True))) % 10 == 0
