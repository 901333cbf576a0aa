"""Sensitive personal information that a sentence tells and no identifier shows (PIPL 28).

Health, religion, biometrics, whereabouts, children under fourteen, financial accounts, specific identity: one
table, ``sensitive.toml``, of words that open a statement, what must follow, and whether somebody must be
spoken of before it. A word alone is not enough: 医疗保险 and "bank account" are products, 人脸识别失败 is an
event of a system, "women's health" is a topic. A disease counts where it is diagnosed or had, a medicine
where it is taken, a religion where somebody holds it, an account where its number follows. Symptoms are left
out: complaints about service are full of headaches.

Redaction replaces these spans as it does all others: the fact goes (确诊[SENSITIVE_HEALTH_1]), the sentence
stays, so a note can still be worked on. Who has the separate consent of PIPL 29 reads the fact in the case
file, never in the store of notes. Precision is held high, because what is replaced is lost: on labelled sets
that do not know these types they cover nothing. The score is that of a cue word, so an identifier inside a
statement wins its characters.

>>> text = "客户称母亲确诊糖尿病"
>>> [(text[s.start : s.end], s.type) for s in RULE.find(text)]
[('糖尿病', 'SENSITIVE_HEALTH')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from privacy.pii.findings import CUE, Span
from privacy.pii.recognisers.rule import Needs, Rule, initials, last, starting
from privacy.pii.tables import spelt, table

_TABLE: Final = table("recognisers/sensitive")
_FAR: Final = 40  # characters before a statement in which somebody is spoken of
_BESIDE: Final = 12  # characters between an age and the word for a child
_GROUP: Final = re.compile(r"(?<!\\)\((?!\?)")


def _pattern(parts: str | Sequence[str]) -> str:
    """A pattern of the table, with the shared words put in."""
    return spelt(parts, _TABLE["words"])


def _compiled(statements: Sequence[Mapping[str, Any]], left: str) -> re.Pattern[str]:
    """All in one pattern for ``starting``: group n + 2 is the span of statement n."""
    bodies = []
    for statement in statements:
        opens, tells = _pattern(statement["opens"]), _pattern(statement.get("tells", ""))
        bodies.append(f"(?:{opens}){tells}" if _GROUP.search(tells) else f"((?:{opens}){tells})")
    first = initials("|".join(_pattern(statement["opens"]) for statement in statements))
    return starting(first, f"{left}(?i:{'|'.join(bodies)})")


_ZH: Final = _compiled(_TABLE["zh"], "")
_EN: Final = _compiled(_TABLE["en"], "(?<![A-Za-z])")
_SOMEONE, _CHILD, _YOUNG = (re.compile(_pattern(_TABLE["words"][n])) for n in ("someone", "child", "young"))


def _span(place: tuple[int, int], category: str) -> Span:
    return Span(*place, f"SENSITIVE_{category}", CUE, f"sensitive:{category.lower()}")


def _stated(text: str, pattern: re.Pattern[str], statements: Sequence[Mapping[str, Any]]) -> Iterator[Span]:
    for match in pattern.finditer(text):
        told, place = next((s, p) for s, p in zip(statements, match.regs[2:], strict=True) if p[0] >= 0)
        # A note drops its subject at the very beginning: it is the customer.
        if told.get("anyone") or match.start() == 0 or last(_SOMEONE, text, place[0], _FAR) >= 0:
            yield _span(place, told["type"])


def _young(text: str) -> Iterator[Span]:
    for age in _YOUNG.finditer(text):
        if _CHILD.search(text[max(0, age.start() - _BESIDE) : age.end() + _BESIDE].lower()):
            yield _span(age.span(), "MINOR")


def _find(text: str) -> Iterator[Span]:
    if not text.isascii():
        yield from _stated(text, _ZH, _TABLE["zh"])
    yield from _stated(text, _EN, _TABLE["en"])
    if "岁" in text or "个月大" in text or " age" in text or "year" in text:
        yield from _young(text)


_CATEGORIES: Final = ("HEALTH", "RELIGION", "BIOMETRIC", "WHEREABOUTS", "MINOR", "ACCOUNT", "IDENTITY")
RULE: Final = Rule(
    "sensitive", tuple(f"SENSITIVE_{c}" for c in _CATEGORIES), Needs.CUE, _find, (_ZH, _EN, _YOUNG)
)
