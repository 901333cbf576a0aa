"""Passports, travel permits of Hong Kong, Macao and Taiwan residents, and the identity cards of both regions.

Passport and permit numbers have no check digit, so each needs a word that announces it. Hong Kong and Taiwan
identity cards have one and stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.checksums import is_hk_id, is_tw_id
from privacy.pii.findings import IN_CONTEXT, VALIDATED, Span
from privacy.pii.recognisers.rule import Needs, Rule, last, scan, starting

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
_HK: Final = starting(
    "A-Za-z", r"(?<![0-9A-Za-z])[A-Za-z]{1,2}[0-9]{6}(?:\([0-9Aa]\)|[0-9Aa](?![0-9A-Za-z]))"
)
_HK_CONTEXT: Final = re.compile(r"身份证|身份證|香港|hkid|hong kong")
_TW: Final = starting("A-Za-z", _LEFT + r"[A-Za-z][1289][0-9]{8}" + _RIGHT)


def _passports_and_permits(text: str) -> Iterator[Span]:
    for start, end in scan(_PASSPORT, text):
        if last(_PASSPORT_CONTEXT, text, start, _NEAR) >= 0:
            yield Span(start, end, "CN_PASSPORT", IN_CONTEXT, "cn_passport")
    for start, end in scan(_PERMIT, text):
        if last(_PERMIT_CONTEXT, text, start, _NEAR) >= 0:
            yield Span(start, end, "CN_HK_MO_TW_PERMIT", IN_CONTEXT, "cn_permit")


def _find(text: str) -> Iterator[Span]:
    if _ANNOUNCED.search(text):
        yield from _passports_and_permits(text)
    if not _LETTER_NUMBER.search(text):
        return
    for start, end in scan(_HK, text):
        value = text[start:end].replace("(", "").replace(")", "")
        # Without its brackets one order number in eleven would pass; then it needs a word.
        if is_hk_id(value) and (text[end - 1] == ")" or last(_HK_CONTEXT, text, start) >= 0):
            yield Span(start, end, "HK_ID_CARD", VALIDATED, "hk_id:mod11")
    for start, end in scan(_TW, text):
        if is_tw_id(text[start:end]):
            yield Span(start, end, "TW_ID_CARD", VALIDATED, "tw_id:mod10")


RULE: Final = Rule(
    "travel_documents",
    ("CN_PASSPORT", "CN_HK_MO_TW_PERMIT", "HK_ID_CARD", "TW_ID_CARD"),
    Needs.NUMBER,
    _find,
    (_NUMBER_ANNOUNCED, _HK, _TW),
)
