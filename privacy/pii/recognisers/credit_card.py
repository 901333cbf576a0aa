"""Payment cards in text without Han characters: found as ``cn_bank_card`` finds them, by Presidio's name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from privacy.pii.findings import Span
from privacy.pii.recognisers import cn_bank_card
from privacy.pii.recognisers.rule import HAN, Needs, Rule

_TYPE: Final = "CREDIT_CARD"


def _find(text: str) -> Iterator[Span]:
    if not HAN.search(text):
        for span in cn_bank_card.RULE.find(text):
            yield replace(span, type=_TYPE, rule=span.rule.replace("cn_bank_card", "credit_card"))


RULE: Final = Rule("credit_card", (_TYPE,), Needs.NUMBER, _find, (*cn_bank_card.RULE.triggers,))
