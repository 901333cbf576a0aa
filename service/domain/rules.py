r"""Read the cleaning rules of a contract, and refuse those that leave nothing or that cost too much.

About a column's values, in the standard's own words, ``logicalTypeOptions``:

=========================  ====================================================
integer                    ``minimum``, ``maximum``
date, timestamp            ``minimum``, ``maximum``: quoted dates, both included
string                     ``minLength``, ``maxLength`` in characters, ``pattern``
=========================  ====================================================

A pattern is a regular expression of the Rust crate ``regex``, found anywhere unless it has anchors. There is
no look-around and no back reference, so its time is linear in the text; its program is small, so the factor
is too.

Between tables, in the standard's words too, ``relationships``: ``to: districts.code`` on a column says that a
value is one of that column, which is the key, of a reference table.

About the table, as ``customProperties``: ``uniqueBy``, stored columns whose values a subject has in one row
at most; ``order``, pairs of columns of which the first is not above the second; ``minimumQuality``, in per
mille; ``textProfile``, the detection profile that reads its free text.

>>> parse_limits(Node.mapping({"minimum": 2, "maximum": 1}, ""), Kind.INTEGER, cap=100)
Traceback (most recent call last):
service.errors.ContractError: the limits leave no value (at=/maximum)
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import polars as pl

from service.domain.contracts import Column, Kind, Limits, Role, TextProfile
from service.domain.documents import Node, text_items
from service.errors import ContractError

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
MAX_PATTERN: Final = 200
MAX_QUALITY: Final = 1000
#: A pattern is small when so many copies of it stay within the engine's limit of 10 MiB for one program.
_COPIES: Final = 8
_INT64: Final = 2**63
_NOT_KEPT: Final = frozenset({Role.SUBJECT_ID, Role.DIRECT_IDENTIFIER, Role.FREE_TEXT})
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TARGET: Final = re.compile(r"[a-z][a-z0-9_]{0,31}\.[a-z][a-z0-9_]{0,31}")
_WORDS: Final = {
    Kind.INTEGER: ("minimum", "maximum"),
    Kind.DATE: ("minimum", "maximum"),
    Kind.TIMESTAMP: ("minimum", "maximum"),
    Kind.STRING: ("minLength", "maxLength", "pattern"),
}


def parse_limits(options: Node, kind: Kind, *, cap: int) -> Limits:
    """Read ``logicalTypeOptions``.

    Args:
        options: not empty.
        kind: of the column.
        cap: characters that no text may exceed anyway.

    Raises:
        ContractError: a rule of another kind, one that says nothing, or limits that leave no value.
    """
    options.only(required=(), optional=_WORDS[kind])
    if not options.values:
        raise ContractError("a rule is needed here, or no options", at=options.at)
    if kind is Kind.STRING:
        short, long = _length(options, "minLength", cap), _length(options, "maxLength", cap)
        _check_order(short, long, options.place("maxLength"))
        pattern = _pattern(options) if options.has("pattern") else ""
        return Limits(pattern=pattern, min_length=short, max_length=long)
    read = _integer if kind is Kind.INTEGER else _day
    least, most = (read(options, word) if options.has(word) else None for word in _WORDS[kind])
    _check_order(least, most, options.place("maximum"))
    return Limits(minimum=least, maximum=most)


def refers_to(property_: Node, role: Role, kind: Kind) -> str:
    """``relationships`` of a column: ``table.key``, empty when there is none. Raises ContractError."""
    if not property_.has("relationships"):
        return ""
    link, *more = property_.items("relationships")
    if more or role in _NOT_KEPT or kind is not Kind.STRING:
        raise ContractError("one reference of a stored text is possible here", at=link.at)
    link.only(required=("to",), optional=("type",))
    link.choice("type", {"foreignKey"}, "foreignKey")
    return link.text("to", _TARGET, "table.key")


def unique_by(facts: Node, columns: tuple[Column, ...]) -> tuple[str, ...]:
    """``uniqueBy``, empty when there is no such rule. Raises ContractError."""
    names = text_items(facts, "uniqueBy", pattern=NAME) if facts.has("uniqueBy") else ()
    fit = {c.name for c in columns if c.role not in _NOT_KEPT}
    if not fit.issuperset(names) or (names and facts.flag("rowPerSubject")):
        raise ContractError(
            "name columns that are stored as they are, of a table with several rows per subject",
            at=facts.place("uniqueBy"),
        )
    return names


def order(facts: Node, columns: tuple[Column, ...]) -> tuple[tuple[str, str], ...]:
    """``order``, empty when there is no such rule. Raises ContractError."""
    kinds = {c.name: c.kind for c in columns if c.kind is not Kind.STRING}
    pairs: list[tuple[str, str]] = []
    for index, pair in enumerate(facts.sequence("order") if facts.has("order") else ()):
        at = f"{facts.place('order')}/{index}"
        names = text_items(Node({"order": pair}, facts.at, {"order": at}), "order", pattern=NAME)
        if len(names) != 2 or not kinds.get(names[0]) is kinds.get(names[1]) is not None:  # noqa: PLR2004
            raise ContractError("two columns with integers, dates or timestamps are needed here", at=at)
        pairs.append((names[0], names[1]))
    return tuple(pairs)


def minimum_quality(facts: Node) -> int:
    """``minimumQuality``, 0 when there is no such rule. Raises ContractError."""
    least = facts.integer("minimumQuality") if facts.has("minimumQuality") else 0
    if not 0 <= least <= MAX_QUALITY:
        raise ContractError("a score is per mille", at=facts.place("minimumQuality"), limit=MAX_QUALITY)
    return least


def profile(facts: Node, columns: tuple[Column, ...]) -> TextProfile:
    """``textProfile``, ``fast`` without it. Raises ContractError."""
    if facts.has("textProfile") and not any(c.role is Role.FREE_TEXT for c in columns):
        raise ContractError("there is no free text: remove the fact", at=facts.place("textProfile"))
    return TextProfile(facts.choice("textProfile", frozenset(TextProfile), TextProfile.FAST))


def _integer(options: Node, word: str) -> int:
    value = options.integer(word)
    if not -_INT64 <= value < _INT64:
        raise ContractError("a limit lies within 64 bits", at=options.place(word))
    return value


def _day(options: Node, word: str) -> date:
    try:
        return date.fromisoformat(options.text(word, _DAY, "YYYY-MM-DD"))
    except ValueError:
        raise ContractError("there is no such day", at=options.place(word)) from None


def _length(options: Node, word: str, cap: int) -> int | None:
    if options.has(word) and not 1 <= options.integer(word) <= cap:
        raise ContractError("no text has this length", at=options.place(word), limit=cap)
    return options.integer(word) if options.has(word) else None


def _check_order(least: int | date | None, most: int | date | None, at: str) -> None:
    if least is not None and most is not None and least > most:  # type: ignore[operator]  # both of one kind
        raise ContractError("the limits leave no value", at=at)


def _pattern(options: Node) -> str:
    pattern = options.text("pattern")
    if len(pattern) > MAX_PATTERN:
        raise ContractError("the pattern is too long", at=options.place("pattern"), limit=MAX_PATTERN)
    for program in (pattern, f"(?:{pattern}){{{_COPIES}}}"):
        try:
            pl.Series([""]).str.contains(program)
        except pl.exceptions.ComputeError:  # its text quotes the pattern
            raise ContractError(
                "no regular expression, one with look-around, or a large one", at=options.place("pattern")
            ) from None
    return pattern
