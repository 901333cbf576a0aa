"""Documents of a person or firm: identity and travel papers, licences, codes, plates, and the date of birth.

* Resident identity numbers (GB 11643): 18 characters, and the 15 digits issued before 1999. Eighteen
  characters count when the province is one of GB/T 2260, the birth date real and the MOD 11-2 check right,
  glued to anything but digits and split by single blanks, dots, dashes or line breaks anywhere. County digits
  are not checked. With a wrong check character or as 15 digits (which have none) they count only after a word
  that announces them.
* Unified social credit codes (GB 32100-2015): 18 characters with a MOD 31 check, in either case.
* Passports, travel permits of Hong Kong, Macao and Taiwan residents, and the identity cards of both regions.
  Passport and permit numbers have no check digit, so each needs a word that announces it. Hong Kong and
  Taiwan identity cards have one and stand alone.
* Driving licences: words announce them. A Chinese licence has the number of the resident id, which its own
  rule finds, and a file number of twelve digits that opens with a province. Others are letters and digits of
  the state's own making (AAMVA), so a length is all that can be asked for.
* Vehicle plates (GA 36): province character, authority letter, five or six characters; armed police (WJ).
* US social security numbers, in the ranges that are issued: area not 000, 666 or 9xx, no group of zeros.
  There is no check digit. Grouped by dashes the shape counts; without them, a word must announce the number.
* Dates of birth: a whole date right after a word that announces a birth. Other dates name nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.checksums import PROVINCES, is_credit_code, is_date, is_hk_id, is_resident_id, is_tw_id
from privacy.pii.findings import IN_CONTEXT, PATTERN, VALIDATED, Span
from privacy.pii.recognisers.rule import SEPARATORS, Needs, Rule, Shape, last, scan, shaped, starting, words

_GAP: Final = r"(?:[ \t.\-]|\r?\n)?"
#: The multiplication sign is what some keyboards offer for the check character X.
_EIGHTEEN: Final = starting("1-9", rf"(?<![0-9])[1-9]{_GAP}[0-9](?:{_GAP}[0-9]){{15}}{_GAP}[0-9Xx×](?![0-9])")
_FIFTEEN: Final = starting("1-9", r"(?<![0-9A-Za-z])[1-9][0-9]{14}(?![0-9A-Za-z])")
_ID_WORDS: Final = words("resident_id")


def _is_old_id(value: str) -> bool:
    return value[:2] in PROVINCES and is_date("19" + value[6:12])


_OLD: Final = Shape(
    "CN_ID_CARD", "cn_resident_id:15", IN_CONTEXT, _FIFTEEN, is_valid=_is_old_id, context=_ID_WORDS
)


def _find_resident_ids(text: str) -> Iterator[Span]:
    for start, end in scan(_EIGHTEEN, text):
        value = text[start:end].translate(SEPARATORS).replace("×", "X")
        if value[:2] not in PROVINCES or not is_date(value[6:14]):
            continue
        if is_resident_id(value):
            yield Span(start, end, "CN_ID_CARD", VALIDATED, "cn_resident_id:mod11-2")
        elif last(_ID_WORDS, text, start) >= 0:
            yield Span(start, end, "CN_ID_CARD", IN_CONTEXT, "cn_resident_id:context")
    yield from _OLD.find(text)


RESIDENT_ID: Final = Rule(
    "cn_resident_id", ("CN_ID_CARD",), Needs.NUMBER, _find_resident_ids, (_EIGHTEEN, _FIFTEEN)
)

_CODE: Final = starting(
    "1-9ANYany",
    r"(?<![0-9])[1-9ANYany][1-9A-Na-n][0-9]{6}[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{10}(?![0-9A-Za-z])",
)
_CODE_WORDS: Final = words("credit_code")


def _find_credit_codes(text: str) -> Iterator[Span]:
    for start, end in scan(_CODE, text):
        glued = start > 0 and text[start - 1].isascii() and text[start - 1].isalpha()
        # One string in 31 passes the check, so a code of digits alone or glued to letters must be announced.
        weak = glued or text[start:end].isdigit()
        if is_credit_code(text[start:end]) and (not weak or last(_CODE_WORDS, text, start) >= 0):
            yield Span(start, end, "CN_USCC", VALIDATED, "cn_credit_code:mod31")


CREDIT_CODE: Final = Rule("cn_credit_code", ("CN_USCC",), Needs.NUMBER, _find_credit_codes, (_CODE,))

_LEFT: Final = r"(?<![0-9A-Za-z])(?:"
_RIGHT: Final = r")(?![0-9A-Za-z])"
_PASSPORT: Final = starting(
    "A-Za-z", _LEFT + r"[DEGHPSdeghps][0-9]{8}|[Ee][A-Za-z][0-9]{7}|[A-Z]{1,2}[0-9]{6,8}" + _RIGHT
)
_PASSPORT_CONTEXT: Final = words("passport")
_PERMIT: Final = starting(
    "0-9A-Za-z",
    _LEFT + r"[HMhm][0-9]{8}(?:[0-9]{2})?|[CWLTcwlt][A-Za-z]?[0-9]{7,8}|[0-9]{8}" + _RIGHT,
)
_PERMIT_CONTEXT: Final = words("permit")
_NEAR: Final = 14
_NUMBER_ANNOUNCED: Final = (
    rf"(?i:{_PASSPORT_CONTEXT.pattern}|{_PERMIT_CONTEXT.pattern})(?s:.{{0,{_NEAR}}})[A-Za-z]{{0,2}}[0-9]{{6}}"
)
#: Gates: cheap searches that spare most texts the rest.
_ANNOUNCED: Final = re.compile(r"[证證照Pp](?:(?<=[证證照])|(?i:assport|ermit))")
_LETTER_NUMBER: Final = re.compile(r"[A-Za-z][0-9]{6}")

_PASSPORTS: Final = Shape(
    "CN_PASSPORT", "cn_passport", IN_CONTEXT, _PASSPORT, context=_PASSPORT_CONTEXT, reach=_NEAR
)
_PERMITS: Final = Shape(
    "CN_HK_MO_TW_PERMIT", "cn_permit", IN_CONTEXT, _PERMIT, context=_PERMIT_CONTEXT, reach=_NEAR
)
_HK: Final = starting(
    "A-Za-z", r"(?<![0-9A-Za-z])[A-Za-z]{1,2}[0-9]{6}(?:\([0-9Aa]\)|[0-9Aa](?![0-9A-Za-z]))"
)
_HK_CONTEXT: Final = words("hk_id")
_TW: Final = starting("A-Za-z", _LEFT + r"[A-Za-z][1289][0-9]{8}" + _RIGHT)
_TW_IDS: Final = Shape("TW_ID_CARD", "tw_id:mod10", VALIDATED, _TW, is_valid=is_tw_id)


def _find_travel_documents(text: str) -> Iterator[Span]:
    if _ANNOUNCED.search(text):
        yield from _PASSPORTS.find(text)
        yield from _PERMITS.find(text)
    if not _LETTER_NUMBER.search(text):
        return
    for start, end in scan(_HK, text):
        value = text[start:end].replace("(", "").replace(")", "")
        # Without its brackets one order number in eleven would pass; then it needs a word.
        if is_hk_id(value) and (text[end - 1] == ")" or last(_HK_CONTEXT, text, start) >= 0):
            yield Span(start, end, "HK_ID_CARD", VALIDATED, "hk_id:mod11")
    yield from _TW_IDS.find(text)


TRAVEL_DOCUMENTS: Final = Rule(
    "travel_documents",
    ("CN_PASSPORT", "CN_HK_MO_TW_PERMIT", "HK_ID_CARD", "TW_ID_CARD"),
    Needs.NUMBER,
    _find_travel_documents,
    (_NUMBER_ANNOUNCED, _HK, _TW),
)

DRIVER_LICENSE: Final = shaped("driver_license", Needs.NUMBER)
PLATE: Final = shaped("cn_plate", Needs.HAN)

_SSN: Final = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.\-])(?!000|666)[0-8][0-9]{2}(?P<gap>[ \-]?)(?!00)[0-9]{2}(?P=gap)(?!0000)"
    r"[0-9]{4}(?![0-9A-Za-z]|[.\-][0-9])"
)
_SSN_REACH: Final = 32  # "social security number is" is long
_SSN_WORDS: Final = words("us_ssn")


def _find_us_ssns(text: str) -> Iterator[Span]:
    for match in _SSN.finditer(text):
        if last(_SSN_WORDS, text, match.start(), _SSN_REACH) >= 0:
            yield Span(*match.span(), "US_SSN", IN_CONTEXT, "us_ssn:context")
        elif match["gap"] == "-":
            yield Span(*match.span(), "US_SSN", PATTERN, "us_ssn")


_SSN_TRIGGERS: Final = (
    r"(?<![0-9A-Za-z])[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}(?![0-9A-Za-z])",
    rf"(?i:{_SSN_WORDS.pattern})(?s:.*)[0-9]{{3}}[ \-]?[0-9]{{2}}[ \-]?[0-9]{{4}}",
)
US_SSN: Final = Rule("us_ssn", ("US_SSN",), Needs.NUMBER, _find_us_ssns, _SSN_TRIGGERS)

DATE_OF_BIRTH: Final = shaped("date_of_birth", Needs.DIGIT)
