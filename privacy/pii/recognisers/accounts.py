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
from privacy.pii.findings import CUE, IN_CONTEXT, VALIDATED, Span
from privacy.pii.recognisers.rule import (
    HAN,
    SEPARATORS,
    Needs,
    Rule,
    Shape,
    nearest,
    rule_of,
    scan,
    starting,
)

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
#: Issuer prefixes (ISO/IEC 7812) with the lengths their schemes issue.
_PREFIX: Final = re.compile(
    r"(?:62|81)[0-9]{12,17}"  # UnionPay
    r"|4[0-9]{12}(?:[0-9]{3}){0,2}"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    r"|3[0689][0-9]{12}"  # Diners Club
    r"|6(?:0|4|5|8|9)[0-9]{14,17}"  # Discover and older domestic debit cards
    r"|(?:9558|5[0678][0-9]{2})[0-9]{12,15}"  # older domestic cards, Maestro
)
_FOR: Final = re.compile(
    r"卡号|银行卡|信用卡|借记卡|储蓄卡|还款卡|工资卡|贷记卡|行卡|的卡|张卡|换成|账号|帐号|账户|帐户|尾号|转账|汇款|"
    r"bank card|card|account|acct|visa|mastercard|unionpay|银联|pan(?![a-z])"
)
_AGAINST: Final = re.compile(
    r"流水|订单|单号|编号|合同|保单|申请|凭证|时间戳|批次|发票|运单|快递|序列|条码|设备|版本|余额|金额|"
    r"imei|imsi|iccid|order|invoice|transaction|txn|tracking|serial|trace|reference|ref[.:# ]|contract|"
    r"policy|timestamp|batch"
)
#: Against numbers as long as a resident id, which may pass Luhn.
_IDENTITY: Final = re.compile(r"身份证|证件")
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

_SECRET: Final = starting(
    "密口验校安动PpOoCc",
    r"(?:密码|口令|验证码|校验码|安全码|动态码|"
    r"(?<![A-Za-z])(?i:password|passcode|pin code|pin|otp|cvv2?|cvn2?|cvc2?))"
    r"[ :=是为\"']{0,4}(?P<value>(?=[A-Za-z!@#$%_]{0,15}[0-9])[0-9A-Za-z!@#$%_]{3,16})(?![0-9A-Za-z])",
)
AUTH_SECRET: Final = rule_of(
    "auth_secret", Needs.DIGIT, Shape("AUTH_SECRET", "auth_secret:cue", CUE, _SECRET, group="value")
)
