"""WeChat and QQ accounts: words announce them, their own shape says little."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import CUE, IN_CONTEXT, Span
from privacy.pii.recognisers.rule import Needs, Rule, starting

_WECHAT: Final = starting(
    "微威薇VvWw",
    r"(?:微信|[Vv]信|威信|薇信|(?<![A-Za-z])(?i:we-?chat|wx|vx))"
    r"(?P<says>(?:账号|帐号|号码|号|(?i:id|account|no\.?))?[ :=是为(\"']{0,4})"
    r"(?P<value>[A-Za-z][0-9A-Za-z_\-]{5,19})(?![0-9A-Za-z_\-])",
)
_WXID: Final = starting("w", r"(?<![0-9A-Za-z_])wxid_[0-9a-z]{6,24}(?![0-9A-Za-z_])")
_QQ: Final = starting(
    "Qq扣企",
    r"(?:(?<![A-Za-z])[Qq]{2}|扣扣|企鹅)(?:账号|帐号|号码|号|(?i:number|id|no\.?))?[ :=是为(\"']{0,4}"
    r"(?P<value>[1-9][0-9]{4,10})(?![0-9])",
)
_MARK: Final = re.compile(r"[0-9_:=是为号]")


def _find_wechat(text: str) -> Iterator[Span]:
    for match in _WECHAT.finditer(text):
        # "wechat payment" is no account: an account has a digit or underscore, or the text says that it
        # is one.
        if _MARK.search(match["says"] + match["value"]):
            yield Span(*match.span("value"), "CN_WECHAT", CUE, "wechat:cue")
    for match in _WXID.finditer(text):
        yield Span(*match.span(1), "CN_WECHAT", IN_CONTEXT, "wechat:wxid")


def _find_qq(text: str) -> Iterator[Span]:
    for match in _QQ.finditer(text):
        yield Span(*match.span("value"), "CN_QQ", CUE, "qq:cue")


WECHAT: Final = Rule("wechat", ("CN_WECHAT",), Needs.CUE, _find_wechat, (_WECHAT, _WXID))
QQ: Final = Rule("qq", ("CN_QQ",), Needs.DIGIT, _find_qq, (_QQ,))
