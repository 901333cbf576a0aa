"""IP addresses, version 4 and 6, but not version numbers, times of day, headings and tables of scores.

Four numbers below 100 that do not begin with 10 (private networks, RFC 1918) are seldom an address: such
a number needs a word that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from privacy.pii.findings import PATTERN, Span
from privacy.pii.recognisers.rule import Needs, Rule, last

_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4: Final = re.compile(rf"(?<![0-9.])(?<![vV]){_OCTET}(?:\.{_OCTET}){{3}}(?![0-9]|\.[0-9])")
_V6: Final = re.compile(r"(?<![0-9A-Za-z:])(?=[0-9A-Fa-f]*:)[0-9A-Fa-f:]{3,39}(?![0-9A-Za-z:])")
_VERSION: Final = re.compile(r"版本|version|release|固件|firmware")
_SMALL: Final = re.compile(r"(?!10\.)[0-9]{1,2}(?:\.[0-9]{1,2}){3}")
_CONTEXT: Final = re.compile(
    r"ip(?![a-z])|ipv4|address|host|server|dns|gateway|ping|from|log(?:ged|in)|地址|登[录陆]|访问|来自|主机|服务器|网关|解析"
)
_DOTS: Final = 3
_COLONS: Final = 2


def _is_v6(value: str) -> bool:
    """Whether it is an address with a digit in it: ``a::b`` is a name in some language."""
    try:
        return IPv6Address(value) is not None and any(map(str.isdigit, value))
    except AddressValueError:
        return False


def _find(text: str) -> Iterator[Span]:
    if text.count(".") >= _DOTS:
        for match in _V4.finditer(text):
            unlike = _SMALL.fullmatch(match[0]) and last(_CONTEXT, text, match.start()) < 0
            if not unlike and last(_VERSION, text, match.start(), 10) < 0:
                yield Span(*match.span(), "IP_ADDRESS", PATTERN, "ipv4")
    if text.count(":") >= _COLONS:
        for match in _V6.finditer(text):
            if match[0].count(":") >= _COLONS and _is_v6(match[0]):
                yield Span(*match.span(), "IP_ADDRESS", PATTERN, "ipv6")


RULE: Final = Rule("ip_address", ("IP_ADDRESS",), Needs.DIGIT, _find, (_V4, r":[0-9A-Fa-f]*:"))
