"""Authentication data (JR/T 0171 C3) that nobody may write down: passwords and codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import CUE, Span
from privacy.pii.recognisers.rule import Needs, Rule, starting

_SECRET: Final = starting(
    "密口验校安动PpOoCc",
    r"(?:密码|口令|验证码|校验码|安全码|动态码|"
    r"(?<![A-Za-z])(?i:password|passcode|pin code|pin|otp|cvv2?|cvn2?|cvc2?))"
    r"[ :=是为\"']{0,4}(?P<value>(?=[A-Za-z!@#$%_]{0,15}[0-9])[0-9A-Za-z!@#$%_]{3,16})(?![0-9A-Za-z])",
)


def _find(text: str) -> Iterator[Span]:
    for match in _SECRET.finditer(text):
        yield Span(*match.span("value"), "AUTH_SECRET", CUE, "auth_secret:cue")


RULE: Final = Rule("auth_secret", ("AUTH_SECRET",), Needs.DIGIT, _find, (_SECRET,))
