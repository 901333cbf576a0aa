"""Web addresses (RFC 3986): a page of one's own says who one is, and a query string often says more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import PATTERN, Span
from privacy.pii.recognisers.rule import Needs, Rule

_URL: Final = re.compile(
    r"(?<![A-Za-z0-9@])(?i:https?://|www\.)[A-Za-z0-9](?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*[A-Za-z0-9/])?"
)


def _find(text: str) -> Iterator[Span]:
    for match in _URL.finditer(text):
        yield Span(*match.span(), "URL", PATTERN, "url")


RULE: Final = Rule("url", ("URL",), Needs.CUE, _find, (_URL,))
