"""E-mail addresses, by shape alone: no look-up of top-level domains, so no network and no list to go stale.

A Han local part (RFC 6531) is taken when no ASCII one stands there, without the words that introduce it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import VALIDATED, Span
from privacy.pii.recognisers.rule import Needs, Rule

_AT: Final = re.compile(
    r"@(?:[0-9A-Za-z\-]{1,63}\.){1,8}"
    r"(?:xn--[0-9A-Za-z\-]{2,59}|[A-Za-z]{2,24}|[\u4e00-\u9fff]{2,3}(?![\u4e00-\u9fff]))"
)
_LOCAL: Final = re.compile(r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~.\-]{1,64}$")
_HAN_LOCAL: Final = re.compile(
    r"(?:邮箱|邮件|电邮|地址|账号|[是为到至给])?(?P<local>[\u4e00-\u9fff]{1,6}[0-9A-Za-z._\-]{0,20})$"
)
_LEAD: Final = ".'`=?/|&-"  # what may stand before an address, in a link or in brackets, and is no part of it


def _find(text: str) -> Iterator[Span]:
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


RULE: Final = Rule("email", ("EMAIL_ADDRESS",), Needs.AT_SIGN, _find, (_AT,))
