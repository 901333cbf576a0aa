r"""The gate of a batch: which rules can find anything in which text, told by one pass of Rust over all texts.

Each rule says by its triggers what must stand in a text for it to find anything. Here they are relaxed into
patterns that Polars runs, in linear time, over a whole column: look-arounds inside, anchors and group names
go, so a relaxed pattern matches wherever the rule's own does, and now and then where that does not:

>>> relax(r"[0-9](?<=(?=((?<![0-9])1[3-9][0-9]{9}(?![0-9]))).)")
'(?:^|[^0-9])1[3-9][0-9]{9}(?:[^0-9]|$)'

Python's and Rust's classes ``\s`` and ``\w`` and their cases differ on rare characters, so a text that holds
one outside ``ORDINARY`` goes to every rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Final

import polars as pl

from privacy.pii.normalise_text import ORDINARY, Folded, encodable, fold
from privacy.pii.recognisers.rule import Rule

EVERY: Final = ""  # the pattern that stands in every text
_STARTING: Final = re.compile(r"\[(?:[^\]\\]|\\.)*\]\(\?<=\(\?=\((.*)\)\)\.\)", re.DOTALL)
_TOKEN: Final = re.compile(
    r"\\.|\[(?:[^\]\\]|\\.)*\]|\(\?<?[=!]|\(\?P<\w+>|\(\?P=\w+\)|\(\?[a-z]*:|.", re.DOTALL
)
_LOOKING: Final = frozenset({"(?=", "(?!", "(?<=", "(?<!"})
_REFERENCE: Final = re.compile(r"\\[1-9]|\(\?P=\w+\)")
_NOT_BEFORE: Final = re.compile(r"\(\?<!\[([^\\\]^]+)\]\)")
_NOT_AFTER: Final = re.compile(r"\(\?!\[([^\\\]^]+)\]\)$")
_SET_SYNTAX: Final = re.compile(r"(?<!\\)[\[&~]")  # means something in a class of Rust's grammar only
_FOREIGN: Final = f"[^{ORDINARY}]"
#: The full-width forms that become one ASCII character each, and the dash of Chinese texts.
_WIDE: Final = {chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)} | {"\u3000": " ", "—": "-"}
_FOLDABLE: Final = f"[^{ORDINARY}{''.join(_WIDE)}]"


def relax(pattern: str) -> str:
    """A pattern in Rust's grammar that matches at least where ``pattern`` does in ordinary texts."""
    whole = _STARTING.fullmatch(pattern)
    body = whole[1] if whole else pattern
    relaxed = "".join(_relaxed(body))
    if "|" in _outermost(body):
        return relaxed
    before, after = _NOT_BEFORE.match(body), _NOT_AFTER.search(body)
    return (f"(?:^|[^{before[1]}])" if before else "") + relaxed + (f"(?:[^{after[1]}]|$)" if after else "")


def _outermost(pattern: str) -> Iterator[str]:
    depth = 0
    for part in _TOKEN.findall(pattern):
        depth += part[0] == "(" and part[-1] != ")"
        depth -= part == ")"
        if not depth:
            yield part


def _relaxed(pattern: str) -> Iterator[str]:
    depth, hidden = 0, 0  # open groups; the place among them of a look-around
    for part in _TOKEN.findall(pattern):
        depth += part[0] == "(" and part[-1] != ")"
        hidden = hidden or depth * (part in _LOOKING)
        if not hidden and part != "$":
            yield _in_rust(part)
        if part == ")":
            hidden *= hidden != depth
            depth -= 1


def _in_rust(token: str) -> str:
    if _REFERENCE.fullmatch(token):
        return "(?s:.*)"
    if token[0] == "[":
        return "[" + _SET_SYNTAX.sub(r"\\\g<0>", token[1:])
    return "(?:" if token.startswith("(?P<") else token


def as_column(texts: Sequence[str]) -> pl.Series:
    """Texts as a column; half a surrogate pair, which no column holds, becomes the replacement character."""
    try:
        return pl.Series(texts, dtype=pl.String)
    except UnicodeEncodeError:
        return pl.Series([encodable(text) for text in texts], dtype=pl.String)


def fold_batch(texts: Sequence[str]) -> tuple[pl.Series, dict[int, Folded]]:
    """The folded texts, and by place those that needed more than full-width characters made narrow."""
    raw = as_column(texts)
    odd = raw.str.contains(_FOLDABLE).arg_true()
    plain = raw.str.replace_many(list(_WIDE), list(_WIDE.values()))
    folded = {place: fold(texts[place]) for place in odd.to_list()}
    if folded:
        plain = plain.scatter(odd, as_column([f.text for f in folded.values()]))
    return plain, folded


def trigger(rule: Rule) -> str:
    """What must stand in a folded text for a rule to find anything, in Rust's grammar."""
    return "|".join(f"(?:{relax(t if isinstance(t, str) else t.pattern)})" for t in rule.triggers) or EVERY


class Gate:
    """Patterns in Rust's grammar, one for each reader of texts."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns: Final = tuple(patterns)

    def admits(self, texts: pl.Series) -> list[int]:
        """For each text the readers that may find something in it: bit n for the pattern at place n."""
        text = pl.col("text")
        bits = (
            pl.when(text.str.contains(pattern) | pl.col("foreign")).then(1 << place).otherwise(0)
            if pattern != EVERY
            else pl.lit(1 << place)
            for place, pattern in enumerate(self._patterns)
        )
        frame = texts.to_frame("text").with_columns(text.str.contains(_FOREIGN).alias("foreign"))
        return frame.select(reduce(pl.Expr.or_, bits, pl.lit(0) * text.is_null())).to_series().to_list()
