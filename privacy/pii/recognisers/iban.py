"""International bank account numbers (ISO 13616): country, check digits, up to 30 characters; MOD 97."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from privacy.pii.checksums import is_iban
from privacy.pii.findings import VALIDATED, Span
from privacy.pii.recognisers.rule import Needs, Rule, scan, starting

_IBAN: Final = starting(
    "A-Za-z",
    r"(?<![0-9A-Za-z])[A-Za-z]{2}[0-9]{2}"
    r"(?:[0-9A-Za-z]{11,30}|(?: [0-9A-Za-z]{4}){2,7}(?: [0-9A-Za-z]{1,3})?)(?![0-9A-Za-z])",
)


def _find(text: str) -> Iterator[Span]:
    for start, longest in scan(_IBAN, text):
        end = longest
        while end > start:  # the last groups may be the next words
            if is_iban(text[start:end].replace(" ", "")):
                yield Span(start, end, "IBAN_CODE", VALIDATED, "iban:mod97")
                break
            end = text.rfind(" ", start, end)


RULE: Final = Rule("iban", ("IBAN_CODE",), Needs.DIGIT, _find, (_IBAN,))
