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
from privacy.pii.recognisers.rule import SEPARATORS, Needs, Rule, Shape, last, rule_of, scan, starting

_GAP: Final = r"(?:[ \t.\-]|\r?\n)?"
#: The multiplication sign is what some keyboards offer for the check character X.
_EIGHTEEN: Final = starting("1-9", rf"(?<![0-9])[1-9]{_GAP}[0-9](?:{_GAP}[0-9]){{15}}{_GAP}[0-9Xx×](?![0-9])")
_FIFTEEN: Final = starting("1-9", r"(?<![0-9A-Za-z])[1-9][0-9]{14}(?![0-9A-Za-z])")
_ID_WORDS: Final = re.compile(
    r"身份证|身份證|身份號|身分[证證]|证件|居民证|驾驶证|驾照|社保[号卡]|社会保障号|"
    r"sfz|identity|resident id|id[ _]?(?:card|no|number)|national id"
)


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
_CODE_WORDS: Final = re.compile(r"信用代码|机构代码|机关代码|税号|纳税人|识别号|uscc|credit code")


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
_PASSPORT_CONTEXT: Final = re.compile(r"护照|證照|证件号码?|passport")
_PERMIT: Final = starting(
    "0-9A-Za-z",
    _LEFT + r"[HMhm][0-9]{8}(?:[0-9]{2})?|[CWLTcwlt][A-Za-z]?[0-9]{7,8}|[0-9]{8}" + _RIGHT,
)
_PERMIT_CONTEXT: Final = re.compile(
    r"通行证|回乡证|台胞证|港澳证|入台证|大通证|(?:travel|exit-entry|home return) permit"
)
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
_HK_CONTEXT: Final = re.compile(r"身份证|身份證|香港|hkid|hong kong")
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

_FILE: Final = starting("档", r"档案(?:编号|号码?)[:=为是 ]{0,3}(?P<value>[1-9][0-9]{11})(?![0-9A-Za-z])")
_LICENSE: Final = starting(
    "Dd",
    r"(?<![A-Za-z])(?i:driv(?:er'?s?|ers'|ing)[ \-]licen[sc]e|dl)(?:[ ](?i:number|no\.?|num\.?|id))?"
    r"(?:[ ]is)?[ :#=]{1,3}"
    r"(?P<value>(?=[A-Za-z]{0,5}[0-9])[0-9A-Za-z](?:-?[0-9A-Za-z]){4,19})(?![0-9A-Za-z])",
)
DRIVER_LICENSE: Final = rule_of(
    "driver_license",
    Needs.NUMBER,
    Shape(
        "CN_DRIVER_LICENSE",
        "cn_driver_license:file",
        IN_CONTEXT,
        _FILE,
        group="value",
        is_valid=lambda value: value[:2] in PROVINCES,
    ),
    Shape("US_DRIVER_LICENSE", "driver_license", IN_CONTEXT, _LICENSE, group="value"),
)

_PROVINCE: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE: Final = re.compile(
    rf"[{_PROVINCE}使领][A-HJ-NP-Za-hj-np-z][ ·•.\-]?"
    r"(?=[A-Za-z]{0,5}[0-9])"  # one digit at least
    r"(?:[A-HJ-NP-Za-hj-np-z0-9]{5,6}|[A-HJ-NP-Za-hj-np-z0-9]{4}[挂学警港澳领使])(?![0-9A-Za-z])"
    rf"|(?<![A-Za-z])(?i:wj)[ ·•]?[{_PROVINCE}][ ·•]?[0-9]{{4}}[0-9A-Za-z](?![0-9A-Za-z])"
)
PLATE: Final = rule_of("cn_plate", Needs.HAN, Shape("CN_PLATE", "cn_plate", PATTERN, _PLATE, group=0))

_SSN: Final = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.\-])(?!000|666)[0-8][0-9]{2}(?P<gap>[ \-]?)(?!00)[0-9]{2}(?P=gap)(?!0000)"
    r"[0-9]{4}(?![0-9A-Za-z]|[.\-][0-9])"
)
_SSN_REACH: Final = 32  # "social security number is" is long
_SSN_WORDS: Final = re.compile(r"ssn|social security|taxpayer|itin")


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

_MONTH: Final = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DATE: Final = re.compile(
    r"(?<![0-9])(?:(?:18|19|20)[0-9]{2}(?P<gap>[\-./年])[0-9]{1,2}(?:(?P=gap)|月)[0-9]{1,2}日?"
    r"|[0-9]{1,2}(?P<mark>[\-./ ])[0-9]{1,2}(?P=mark)(?:(?:18|19|20)[0-9]{2}|[0-9]{2})"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th)?(?: of)?[ \-]{_MONTH},?[ \-](?:18|19|20)[0-9]{{2}}"
    r"|(?:19|20)[0-9]{6})(?![0-9])"
    rf"|(?<![A-Za-z]){_MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?,? (?:18|19|20)[0-9]{{2}}(?![0-9])"
)
_BIRTH: Final = re.compile(r"birth|born|d\.?o\.?b(?![a-z])|出生|生日|生于")
DATE_OF_BIRTH: Final = rule_of(
    "date_of_birth",
    Needs.DIGIT,
    Shape("DATE_TIME", "date_of_birth", IN_CONTEXT, _DATE, group=0, context=_BIRTH),
)
