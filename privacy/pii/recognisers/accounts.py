"""Bank cards and accounts, and what opens them.

Bank card numbers have 12 to 19 digits in one run or in groups. Luhn alone passes every tenth flow number, so
it counts only together with a known issuer prefix or a word such as 卡号 on the left, and never when a word
such as 流水号 or 订单号 stands nearer. A number that fails Luhn still counts with both length and word: a
mistyped card is personal data, too. In text without Han characters the same is found by Presidio's name.

International bank account numbers (ISO 13616): country, check digits, up to 30 characters; MOD 97.

Authentication data (JR/T 0171 C3) that nobody may write down: passwords and codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from privacy.pii.checksums import is_iban, is_luhn
from privacy.pii.findings import IN_CONTEXT, VALIDATED, Span
from privacy.pii.recognisers.rule import HAN, SEPARATORS, Needs, Rule, nearest, scan, shaped, starting, words

_S: Final = r"[ \t\-]{1,2}"
_START: Final = starting("1-9", r"(?<![0-9])(?<![0-9][.])[1-9](?:[ \t\-]{0,2}[0-9]){11}")
_LENGTHS: Final = range(12, 20)
#: Tried in this order at every start; the first that passes Luhn wins.
_SHAPES: Final = tuple(
    re.compile(body + r"(?![0-9])")
    for body in (
        r"[1-9][0-9]{11,18}",
        rf"[1-9][0-9]{{3}}(?:{_S}[0-9]{{4}}){{3}}{_S}[0-9]{{1,3}}",
        rf"[1-9][0-9]{{3}}(?:{_S}[0-9]{{4}}){{2}}{_S}[0-9]{{1,4}}",
        rf"[1-9][0-9]{{5}}{_S}[0-9]{{8,13}}",
        rf"[1-9][0-9]{{3}}{_S}[0-9]{{6}}{_S}[0-9]{{4,5}}",
    )
)
_PREFIX: Final = words("issuer")
_FOR: Final = words("card")
_AGAINST: Final = words("no_card")
_IDENTITY: Final = words("id_document")
_AS_LONG: Final = (15, 18)
_BEHIND: Final = re.compile(r"[ ]?(?:[这那此]张|的)(?:银行|信用|储蓄|借记)?卡")
_TYPED_WRONG: Final = range(15, 20)  # lengths at which a number after 卡号 counts without its check digit


def _card(digits: str, text: str, start: int, end: int) -> tuple[float, str] | None:
    known, luhn = _PREFIX.fullmatch(digits) is not None, is_luhn(digits)
    if not (known or luhn or len(digits) in _TYPED_WRONG):
        return None
    context = _BEHIND.match(text, end) is not None or nearest(text, start, _FOR, _AGAINST)
    if context is False or (len(digits) in _AS_LONG and nearest(text, start, _FOR, _IDENTITY) is False):
        return None
    if luhn and (known or context):
        return VALIDATED, "cn_bank_card:luhn"
    if context and (known or len(digits) in _TYPED_WRONG):
        return IN_CONTEXT, "cn_bank_card:context"
    return None


def _cards_at(text: str, start: int) -> Iterator[Span]:
    """The cards that may begin at ``start``, in the order of the shapes."""
    for shape in _SHAPES:
        match = shape.match(text, start)
        digits = match[0].translate(SEPARATORS) if match else ""
        if match and len(digits) in _LENGTHS:
            found = _card(digits, text, start, match.end())
            if found:
                yield Span(start, match.end(), "CN_BANK_CARD", *found)


def _find_bank_cards(text: str) -> Iterator[Span]:
    done = -1
    for start, _ in scan(_START, text):
        if start >= done:
            card = max(_cards_at(text, start), key=lambda s: s.score, default=None)
            if card:
                yield card
                done = card.end


#: A number counts with an issuer's prefix, or a word on its left or behind it.
_TRIGGERS: Final = (
    r"(?<![0-9])(?:[46][0-9]|5[0-8]|2[2-7]|3[04-9]|81|95)[0-9]{2}(?:[ \t\-]{0,2}[0-9]){8}",
    rf"(?i:{_FOR.pattern})(?s:.*)[1-9](?:[ \t\-]{{0,2}}[0-9]){{11}}",
    rf"[0-9](?:{_BEHIND.pattern})",
)
BANK_CARD: Final = Rule("cn_bank_card", ("CN_BANK_CARD",), Needs.NUMBER, _find_bank_cards, _TRIGGERS)


def _find_credit_cards(text: str) -> Iterator[Span]:
    if not HAN.search(text):
        for span in _find_bank_cards(text):
            yield replace(span, type="CREDIT_CARD", rule=span.rule.replace("cn_bank_card", "credit_card"))


CREDIT_CARD: Final = Rule("credit_card", ("CREDIT_CARD",), Needs.NUMBER, _find_credit_cards, _TRIGGERS)

_IBAN: Final = starting(
    "A-Za-z",
    r"(?<![0-9A-Za-z])[A-Za-z]{2}[0-9]{2}"
    r"(?:[0-9A-Za-z]{11,30}|(?: [0-9A-Za-z]{4}){2,7}(?: [0-9A-Za-z]{1,3})?)(?![0-9A-Za-z])",
)


def _find_ibans(text: str) -> Iterator[Span]:
    for start, longest in scan(_IBAN, text):
        end = longest
        while end > start:  # the last groups may be the next words
            if is_iban(text[start:end].replace(" ", "")):
                yield Span(start, end, "IBAN_CODE", VALIDATED, "iban:mod97")
                break
            end = text.rfind(" ", start, end)


IBAN: Final = Rule("iban", ("IBAN_CODE",), Needs.DIGIT, _find_ibans, (_IBAN,))

AUTH_SECRET: Final = shaped("auth_secret", Needs.DIGIT)
