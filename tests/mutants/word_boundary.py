r"""A recogniser of resident ids that trusts ``\b``: blind to a number glued to Han characters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from privacy.pii.checksums import is_resident_id
from privacy.pii.findings import VALIDATED, Span
from privacy.pii.recognisers.rule import Needs, Rule

_ID = re.compile(r"\b[1-9][0-9]{16}[0-9Xx]\b")


def _find(text: str) -> Iterator[Span]:
    for match in _ID.finditer(text):
        if is_resident_id(match[0]):
            yield Span(*match.span(), "CN_ID_CARD", VALIDATED, "word_boundary")


RULE = Rule("word_boundary", ("CN_ID_CARD",), Needs.NUMBER, _find)
