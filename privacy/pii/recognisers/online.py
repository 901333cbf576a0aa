"""Addresses and accounts on the network: e-mail, WeChat, QQ, IP and web addresses.

* E-mail addresses, by shape alone: no look-up of top-level domains, so no network and no list to go stale.
  A Han local part (RFC 6531) is taken when no ASCII one stands there, without the words that introduce it.
* WeChat and QQ accounts: words announce them, their own shape says little.
* IP addresses, version 4 and 6, but not version numbers, times of day, headings and tables of scores. Four
  numbers below 100 that do not begin with 10 (private networks, RFC 1918) are seldom an address: such a
  number needs a word that says so.
* Web addresses (RFC 3986): a page of one's own says who one is, and a query string often says more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from privacy.pii.findings import CUE, IN_CONTEXT, PATTERN, VALIDATED, Span
from privacy.pii.recognisers.rule import Needs, Rule, Shape, last, shaped, starting, words

_AT: Final = re.compile(
    r"@(?:[0-9A-Za-z\-]{1,63}\.){1,8}"
    r"(?:xn--[0-9A-Za-z\-]{2,59}|[A-Za-z]{2,24}|[\u4e00-\u9fff]{2,3}(?![\u4e00-\u9fff]))"
)
_LOCAL: Final = re.compile(r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~.\-]{1,64}$")
_HAN_LOCAL: Final = re.compile(
    r"(?:邮箱|邮件|电邮|地址|账号|[是为到至给])?(?P<local>[\u4e00-\u9fff]{1,6}[0-9A-Za-z._\-]{0,20})$"
)
_LEAD: Final = ".'`=?/|&-"  # what may stand before an address, in a link or in brackets, and is no part of it


def _find_emails(text: str) -> Iterator[Span]:
    for domain in _AT.finditer(text):
        at = domain.start()
        local = _LOCAL.search(text, max(0, at - 64), at)
        start = local.start() if local else at
        while start < at and text[start] in _LEAD:
            start += 1
        if start < at:
            yield Span(start, domain.end(), "EMAIL_ADDRESS", VALIDATED, "email")
        else:
            han = _HAN_LOCAL.search(text, max(0, at - 30), at)
            if han:
                yield Span(han.start("local"), domain.end(), "EMAIL_ADDRESS", VALIDATED, "email:han")


EMAIL: Final = Rule("email", ("EMAIL_ADDRESS",), Needs.AT_SIGN, _find_emails, (_AT,))

_WECHAT: Final = starting(
    "微威薇VvWw",
    r"(?:微信|[Vv]信|威信|薇信|(?<![A-Za-z])(?i:we-?chat|wx|vx))"
    r"(?P<says>(?:账号|帐号|号码|号|(?i:id|account|no\.?))?[ :=是为(\"']{0,4})"
    r"(?P<value>[A-Za-z][0-9A-Za-z_\-]{5,19})(?![0-9A-Za-z_\-])",
)
_WXID: Final = starting("w", r"(?<![0-9A-Za-z_])wxid_[0-9a-z]{6,24}(?![0-9A-Za-z_])")
_MARK: Final = re.compile(r"[0-9_:=是为号]")
_WXIDS: Final = Shape("CN_WECHAT", "wechat:wxid", IN_CONTEXT, _WXID)


def _find_wechat(text: str) -> Iterator[Span]:
    for match in _WECHAT.finditer(text):
        # "wechat payment" is no account: an account has a digit or underscore, or the text says that it
        # is one.
        if _MARK.search(match["says"] + match["value"]):
            yield Span(*match.span("value"), "CN_WECHAT", CUE, "wechat:cue")
    yield from _WXIDS.find(text)


WECHAT: Final = Rule("wechat", ("CN_WECHAT",), Needs.CUE, _find_wechat, (_WECHAT, _WXID))
QQ: Final = shaped("qq", Needs.DIGIT)

_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4: Final = re.compile(rf"(?<![0-9.])(?<![vV]){_OCTET}(?:\.{_OCTET}){{3}}(?![0-9]|\.[0-9])")
_V6: Final = re.compile(r"(?<![0-9A-Za-z:])(?=[0-9A-Fa-f]*:)[0-9A-Fa-f:]{3,39}(?![0-9A-Za-z:])")
_VERSION: Final = words("version")
_SMALL: Final = re.compile(r"(?!10\.)[0-9]{1,2}(?:\.[0-9]{1,2}){3}")
_IP_WORDS: Final = words("ip_address")
_DOTS: Final = 3
_COLONS: Final = 2


def _is_v6(value: str) -> bool:
    """Whether it is an address with a digit in it: ``a::b`` is a name in some language."""
    try:
        return IPv6Address(value) is not None and any(map(str.isdigit, value))
    except AddressValueError:
        return False


def _find_ip_addresses(text: str) -> Iterator[Span]:
    if text.count(".") >= _DOTS:
        for match in _V4.finditer(text):
            unlike = _SMALL.fullmatch(match[0]) and last(_IP_WORDS, text, match.start()) < 0
            if not unlike and last(_VERSION, text, match.start(), 10) < 0:
                yield Span(*match.span(), "IP_ADDRESS", PATTERN, "ipv4")
    if text.count(":") >= _COLONS:
        for match in _V6.finditer(text):
            if match[0].count(":") >= _COLONS and _is_v6(match[0]):
                yield Span(*match.span(), "IP_ADDRESS", PATTERN, "ipv6")


IP_ADDRESS: Final = Rule(
    "ip_address", ("IP_ADDRESS",), Needs.DIGIT, _find_ip_addresses, (_V4, r":[0-9A-Fa-f]*:")
)

URL: Final = shaped("url", Needs.CUE)
