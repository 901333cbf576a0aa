"""What each column of a table is: an identifier, a date, a number, a category, a key or free text.

Decided on a seeded sample of distinct, folded values. A validator must fit a whole value. A type holds when
four values in five fit, or three in ten when the column's name says so as well; types with a check digit are
tried first, since little else passes them by chance. What fits nothing is free text, which is stored only
after redaction: unknown means no. Evidence is rates and names of rules, never a value.

>>> table = pl.DataFrame({"证件": ["11010519491231002X", "119900199003078537"], "x": ["ok", None]})
>>> [(c.name, c.type, c.role, c.data_class) for c in classify(table)]
[('证件', 'CN_ID_CARD', 'subject_id', 'C2'), ('x', 'UNKNOWN', 'free_text', 'C2')]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from privacy.pii import checksums
from privacy.pii.entities import entity
from privacy.pii.findings import Span
from privacy.pii.normalise_text import fold
from privacy.pii.recognisers import documents, online, person, phones, places
from privacy.pii.recognisers.rule import SEPARATORS, Rule
from privacy.pii.tables import table

SAMPLE: Final = 200
_PASS: Final = 0.8
_PASS_HINTED: Final = 0.3
_SEED: Final = 7
_FEW: Final = 30  # values of a category
_REPEATED: Final = 5  # times that each of them occurs, on average
_UNIQUE: Final = 0.95
_LONG: Final = 16  # characters, on average, from which varied text is prose

#: What a column's name says, first match wins.
_HINTS: Final = {kind: re.compile(pattern) for kind, pattern in table("columns")["hints"].items()}
_NUMBER: Final = re.compile(r"[+\-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})(?:\.[0-9]{1,8})?")
_DATE: Final = re.compile(
    r"(?:18|19|20)[0-9]{2}(?:([\-./])[0-9]{1,2}\1[0-9]{1,2}|年[0-9]{1,2}月[0-9]{1,2}日)"
    r"(?:[ T][0-9:.+Z\-]{4,20})?"
    r"|[0-9]{1,2}([\-./])[0-9]{1,2}\2(?:18|19|20)[0-9]{2}"
)
_PASSPORT: Final = re.compile(r"[DEGHPSdeghps][0-9]{8}|[Ee][A-Za-z][0-9]{7}|[A-Za-z]{1,2}[0-9]{6,8}")
_TW_ID: Final = re.compile(r"[A-Za-z][1289][0-9]{8}")
_TOKEN: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_\-./]{2,63}")
_CARD_LENGTHS: Final = range(12, 20)
_LATIN_NAME: Final = re.compile(r"(?:[^\W\d_]+[.'’\-]?[ ]?){2,5}")
_CODE_LENGTH: Final = 18
_DATE_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class ColumnClass:
    """What a column was found to be.

    Attributes:
        name: the column's own.
        type: entity type, or BIRTH_DATE, DATE, NUMBER, CATEGORY, KEY, TEXT, UNKNOWN.
        role: role in a data contract.
        data_class: C1, C2 or C3 (JR/T 0171-2020); C2 where only people can tell.
        confidence: share of the sample that fits; 0 where nothing did.
        evidence: names of rules and hints, with rates.
        id_type: identifier type in a data contract, where it has one.
    """

    name: str
    type: str
    role: str
    data_class: str
    confidence: float
    evidence: tuple[str, ...]
    id_type: str | None = None


def _by(rule: Rule, *, prefix: str = "") -> Callable[[str], bool]:
    """Whether a rule finds the whole value; ``prefix`` is context that the column's name gives."""

    def fits(value: str) -> bool:
        spans: list[Span] = list(rule.find(prefix + value))
        return any(s.start <= len(prefix) and s.end == len(prefix) + len(value) for s in spans)

    return fits


def _is_id_card(value: str) -> bool:
    plain = value.translate(SEPARATORS).upper()
    return bool(re.fullmatch(r"[0-9]{17}[0-9X]", plain)) and checksums.is_resident_id(plain)


def _is_credit_code(value: str) -> bool:
    return len(value) == _CODE_LENGTH and not value.isdigit() and checksums.is_credit_code(value)


def _is_card(value: str) -> bool:
    plain = value.translate(SEPARATORS)
    return plain.isdecimal() and plain.isascii() and len(plain) in _CARD_LENGTHS and checksums.is_luhn(plain)


def _is_iban(value: str) -> bool:
    plain = value.replace(" ", "")
    return bool(re.fullmatch(r"[A-Za-z]{2}[0-9]{2}[0-9A-Za-z]{11,30}", plain)) and checksums.is_iban(plain)


def _is_date(value: str) -> bool:
    if len(value) == _DATE_DIGITS and value.isdecimal():
        return checksums.is_date(value)
    return _DATE.fullmatch(value) is not None


#: In this order: check digits, then shapes, then what a name must announce (``True``).
_VALIDATORS: Final[tuple[tuple[str, Callable[[str], bool], bool], ...]] = (
    ("CN_ID_CARD", _is_id_card, False),
    ("CN_USCC", _is_credit_code, False),
    ("IBAN_CODE", _is_iban, False),
    ("CN_BANK_CARD", lambda value: value[0] in "689" and _is_card(value), False),
    ("CREDIT_CARD", _is_card, False),
    ("TW_ID_CARD", lambda value: bool(_TW_ID.fullmatch(value)) and checksums.is_tw_id(value), False),
    ("EMAIL_ADDRESS", _by(online.EMAIL), False),
    ("PHONE_NUMBER", _by(phones.CN_PHONE), False),
    ("US_SSN", _by(documents.US_SSN), False),
    ("IP_ADDRESS", _by(online.IP_ADDRESS), False),
    ("CN_PLATE", _by(documents.PLATE), False),
    ("LOCATION", _by(places.ADDRESS, prefix="地址:"), False),
    ("BIRTH_DATE", _is_date, True),
    ("DATE", _is_date, False),
    ("PERSON", person.is_chinese_name, False),
    ("PHONE_NUMBER", _by(phones.PHONE, prefix="phone "), True),
    ("US_SSN", _by(documents.US_SSN, prefix="ssn "), True),
    ("CN_PASSPORT", lambda value: _PASSPORT.fullmatch(value) is not None, True),
    ("PERSON", lambda value: _LATIN_NAME.fullmatch(value) is not None, True),
    ("LOCATION", lambda value: bool(re.search(r"[0-9]", value) and re.search(r"[^\W\d_]", value)), True),
)


def classify(frame: pl.DataFrame) -> tuple[ColumnClass, ...]:
    """The class of every column, in the frame's order; at most one of them becomes the subject id.

    Args:
        frame: any columns; values are read as text.
    """
    return _with_subject(tuple(_column(frame[name]) for name in frame.columns))


def _column(column: pl.Series) -> ColumnClass:
    texts = column.cast(pl.String).str.strip_chars().replace("", None).drop_nulls()
    distinct = texts.unique(maintain_order=True)
    values = distinct.sample(min(SAMPLE, distinct.len()), seed=_SEED).to_list()
    sample = [fold(value).text for value in values]
    hint = _hint(column.name)
    said = (f"name:{hint}",) if hint else ()
    if not sample:
        return ColumnClass(column.name, "UNKNOWN", "free_text", "C2", 0.0, ("empty", *said))
    kind, rate = _identified(sample, hint) or _shape(sample, hint, texts.len(), distinct.len())
    role, data_class, id_type = _privacy(kind, hint)
    evidence = (f"{kind.lower()}:{rate:.2f}", f"distinct:{distinct.len() / texts.len():.2f}", *said)
    return ColumnClass(column.name, kind, role, data_class, round(rate, 2), evidence, id_type)


def _hint(name: str) -> str | None:
    lowered = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s\-]+", "_", name).lower()
    return next((kind for kind, pattern in _HINTS.items() if pattern.search(lowered)), None)


def _identified(sample: Sequence[str], hint: str | None) -> tuple[str, float] | None:
    for kind, fits, needs_hint in _VALIDATORS:
        is_hinted = hint == kind or (hint == "CN_BANK_CARD" and kind == "CREDIT_CARD")
        if needs_hint and not is_hinted:
            continue
        rate = sum(map(fits, sample)) / len(sample)
        if rate >= (_PASS_HINTED if is_hinted else _PASS):
            return kind, rate
    return None


def _shape(sample: Sequence[str], hint: str | None, rows: int, distinct: int) -> tuple[str, float]:
    """What a column is that holds no identifier of a known type."""
    numbers = sum(_NUMBER.fullmatch(v) is not None for v in sample) / len(sample)
    tokens = sum(_TOKEN.fullmatch(v) is not None for v in sample) / len(sample)
    if distinct <= _FEW and rows >= _REPEATED * distinct and hint not in {"NUMBER", "TEXT"}:
        return "CATEGORY", 1.0
    if hint == "KEY" and tokens >= _PASS:
        return "KEY", tokens
    if numbers >= _PASS:
        return "NUMBER", numbers
    if tokens >= _PASS and distinct >= _UNIQUE * rows:
        return "KEY", tokens
    prose = sum(map(len, sample)) / len(sample) >= _LONG or hint == "TEXT"
    return ("TEXT", 1.0) if prose else ("UNKNOWN", 0.0)


def _privacy(kind: str, hint: str | None) -> tuple[str, str, str | None]:
    """Role, class and identifier type."""
    if kind in {"CATEGORY", "NUMBER", "DATE", "KEY", "BIRTH_DATE"}:
        role = {"CATEGORY": "category", "NUMBER": "measure", "DATE": "event_time"}.get(
            kind, "quasi_identifier"
        )
        return ("protected_attribute" if hint == "PROTECTED" else role), "C2", None
    if kind in {"TEXT", "UNKNOWN"}:
        return "free_text", "C2", None
    known = entity(kind)
    # Contracts know no vault type for the rest, so it is kept only redacted.
    return ("direct_identifier" if known.id_type else "free_text"), known.data_class, known.id_type


def _with_subject(columns: tuple[ColumnClass, ...]) -> tuple[ColumnClass, ...]:
    """The most certain identifier names the subject; a second date is no event time."""
    for id_type in ("cn_resident_id", "bank_card", "mobile", "email"):
        first = next((c for c in columns if c.id_type == id_type), None)
        if first:
            columns = tuple(replace(c, role="subject_id") if c is first else c for c in columns)
            break
    times = [c for c in columns if c.role == "event_time"]
    return tuple(replace(c, role="quasi_identifier") if c in times[1:] else c for c in columns)
