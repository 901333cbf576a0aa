"""Matching: which enrolments are the same person? Weights after Fellegi and Sunter (1969), learnt by EM.

Pairs that share an e-mail address (or one a typo apart), a mobile number, or a name with birth date or
address are compared field by field. What an agreement is worth is log2(m / u): m is how often two enrolments
of one person agree so, u how often two people do. u is counted over all pairs of the data, m is learnt from
the compared ones, without labels. A name that many have is worth less, by its own frequency.

No weight overrules these:

* Two different valid resident ids are two people; such a pair is never compared.
* A phone and an address are one kind of evidence, ``household``. One kind never makes a merge, by whomever.
* A merge without a person's judgement needs a name that agrees with one more kind, or a name one typo apart
  with the same e-mail address; a birth date must not differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from privacy.pseudonym.features import BLOCK, LEVELS, TYPED

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]

FIELDS: Final = tuple(LEVELS)
MISSING, DIFFERS = 0, 1  # above: 2 + place of the level in LEVELS
_CROWD: Final = 50  # what more subjects share says nothing about two of them
_FOUND_BY: Final = (
    ("email", "exact"), ("email", "close"), ("email", "digits"), ("email", "local"), ("household", "mobile"),
    (BLOCK, "birth"), (BLOCK, "address"),
)  # fmt: skip
_PRESENT: Final = {"household": ("mobile", "address")}  # field to the levels that say it is known
_ROUNDS: Final = 50
#: How two enrolments of one person agree where nothing is known yet, by code, worth ``_BELIEF`` known pairs.
_TYPICAL: Final = {
    "name": (1.0, 0.05, 0.05, 0.15, 0.75),
    "email": (1.0, 0.25, 0.05, 0.05, 0.05, 0.6),
    "household": (1.0, 0.3, 0.1, 0.4, 0.2),
    "birth": (1.0, 0.02, 0.98),
}
_BELIEF: Final = 20.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two enrolments that may be one person.

    Attributes:
        a: subject number.
        b: subject number, above ``a``.
        probability: that they are one person, 0 to 1.
        evidence: kinds that agree, such as ``email:close``; sorted, no values.
        clear: whether the rules let this pair be merged without a person's judgement.
    """

    a: int
    b: int
    probability: float
    evidence: tuple[str, ...]
    clear: bool


def independent(evidence: Sequence[str]) -> bool:
    """Whether there are two independent kinds of evidence; without them nobody may merge."""
    return len({e.partition(":")[0] for e in evidence if e != "email:local"}) > 1


def candidates(tokens: pl.DataFrame, identified: frozenset[int]) -> pl.DataFrame:
    """Pairs worth comparing.

    Args:
        tokens: from ``features``.
        identified: subjects that have a resident id.

    Returns:
        ``a``, ``b`` Int64, a below b; distinct.
    """
    wanted = pl.any_horizontal((pl.col("field") == f) & (pl.col("level") == v) for f, v in _FOUND_BY)
    shared = tokens.filter(wanted).select("token", s="_subject")
    shared = shared.filter(pl.len().over("token").is_between(2, _CROWD))
    pairs = shared.join(shared, on="token", suffix="_b").filter(pl.col("s") < pl.col("s_b"))
    known = pl.Series(sorted(identified), dtype=pl.Int64).implode()
    both = pl.col("a").is_in(known) & pl.col("b").is_in(known)
    return pairs.select(a="s", b="s_b").unique().filter(~both).sort("a", "b")


def match(tokens: pl.DataFrame, identified: frozenset[int]) -> list[Pair]:
    """All pairs that are more likely one person than two, the likeliest first."""
    pairs = candidates(tokens, identified)
    if pairs.is_empty():
        return []
    codes, crowd = compare(pairs, tokens)
    score = _scores(codes, crowd, tokens)
    probability = 1 / (1 + np.exp2(-score.clip(-60, 60)))
    order = np.argsort(-score, kind="stable")
    found = order[probability[order] > 0.5]  # noqa: PLR2004 - likelier than not
    a, b, clear = pairs["a"].to_list(), pairs["b"].to_list(), _clear(codes)
    return [Pair(a[i], b[i], float(probability[i]), evidence(codes[i]), bool(clear[i])) for i in found]


def evidence(codes: Codes) -> tuple[str, ...]:
    """What agrees in one row of codes, in words."""
    return tuple(
        f"{field}:{LEVELS[field][code - 2]}"
        for field, code in zip(FIELDS, codes, strict=True)
        if code > DIFFERS
    )


def compare(pairs: pl.DataFrame, tokens: pl.DataFrame) -> tuple[Codes, NDArray[np.int64]]:
    """How pairs agree.

    Args:
        pairs: ``a`` and ``b``.
        tokens: from ``features``.

    Returns:
        Codes, shape (pairs, fields); and of the same shape how many subjects share the value that agrees,
        0 where none does.
    """
    codes = np.zeros((pairs.height, len(FIELDS)), np.int8)
    crowd = np.zeros(codes.shape, np.int64)
    counted = tokens.with_columns(_n=pl.len().over("token"))
    rows = pairs.with_row_index("_pair")
    for column, field in enumerate(FIELDS):
        for level in _PRESENT.get(field, ("exact",)):
            have = _of(tokens, field, level)["_subject"].unique().implode()
            known = pairs.select(pl.col("a").is_in(have) & pl.col("b").is_in(have)).to_series().to_numpy()
            codes[known, column] = DIFFERS
        for code, level in enumerate(LEVELS[field], start=2):
            one = _of(counted, field, level).select("_subject", "token", "_n")
            ours = rows.join(one.drop("_n"), left_on="a", right_on="_subject")
            shared = (
                ours.join(one, left_on=["b", "token"], right_on=["_subject", "token"])
                .group_by("_pair")
                .agg(pl.col("_n").min())
            )
            places = shared["_pair"].to_numpy()
            codes[places, column] = code
            crowd[places, column] = shared["_n"].to_numpy()
    return codes, crowd


def _of(tokens: pl.DataFrame, field: str, level: str) -> pl.DataFrame:
    return tokens.filter((pl.col("field") == field) & (pl.col("level") == level))


def _clear(codes: Codes) -> NDArray[np.bool_]:
    """Pairs that may be merged without a person's judgement; see the module."""
    name, email, household, birth = (codes[:, i] for i in range(len(FIELDS)))
    near, born, mail = household > DIFFERS, birth > DIFFERS, email >= _code("email", "digits")
    named = (name >= _code("name", "sound")) & (mail | near | born)
    typed = (name == _code("name", "close")) & (email == _code("email", "exact"))
    clear: NDArray[np.bool_] = (named | typed) & (birth != DIFFERS)
    return clear


def _code(field: str, level: str) -> int:
    return 2 + LEVELS[field].index(level)


def _scores(codes: Codes, crowd: NDArray[np.int64], tokens: pl.DataFrame) -> Floats:
    """Log2 odds that each pair is one person."""
    people = tokens["_subject"].n_unique()
    patterns, times = np.unique(codes, axis=0, return_counts=True)
    weights, odds = _learn(patterns, times, _agreements(tokens), people * (people - 1) / 2)
    score = np.full(len(codes), odds)
    for column, (m, u) in enumerate(weights):
        code = codes[:, column]
        named = (column == FIELDS.index("name")) & (code >= _code("name", "sound"))
        others = (crowd[:, column] - np.where(named, 1, 2)) / max(people - 1, 1)
        chance = np.where(named, others, np.maximum(u[code], others))
        score += np.where(code == MISSING, 0.0, np.log2(m[code] / np.where(code == DIFFERS, u[code], chance)))
    return score


def _learn(
    patterns: Codes, times: NDArray[np.int64], agreements: Sequence[Floats], pairs: float
) -> tuple[list[tuple[Floats, Floats]], float]:
    """EM over the patterns of agreement.

    Args:
        patterns: distinct rows of codes.
        times: how many pairs have each.
        agreements: from ``_agreements``.
        pairs: number of pairs of people.

    Returns:
        (m, u) per field by code, and the log2 odds that any two enrolments are one person.
    """
    clear = _clear(patterns)
    weights = [
        (np.asarray(_TYPICAL[f]), a / a[DIFFERS:].sum()) for f, a in zip(FIELDS, agreements, strict=True)
    ]
    same = 1.0
    for _ in range(_ROUNDS):
        bits = np.full(len(patterns), np.log2(same / pairs))
        for column, (m, u) in enumerate(weights):
            bits += np.where(patterns[:, column] == MISSING, 0.0, np.log2(m / u)[patterns[:, column]])
        expected = times * clear / (1 + np.exp2(-bits.clip(-60, 60)))
        same = 1.0 + expected.sum()
        weights = [_field(patterns[:, c], expected, agreements[c], FIELDS[c]) for c in range(len(FIELDS))]
    return weights, float(np.log2(same / pairs))


def _field(code: NDArray[np.int8], expected: Floats, agreements: Floats, field: str) -> tuple[Floats, Floats]:
    typical = np.asarray(_TYPICAL[field])
    found = np.bincount(code, expected, len(typical))
    m = (found + _BELIEF * typical) / (found[DIFFERS:].sum() + _BELIEF)
    u = np.maximum(agreements - found, 0.5)
    return m, u / u[DIFFERS:].sum()


def _agreements(tokens: pl.DataFrame) -> list[Floats]:
    """Per field, in how many pairs of all people each code is the closest that holds; index is the code."""
    counts = []
    for field, levels in LEVELS.items():
        shared = {level: _pairs(_of(tokens, field, level)) for level in levels}
        for level in levels[:-1]:
            equal = TYPED.get((field, level))
            shared[level] -= _neighbours(tokens, field, level, equal) if equal else shared[levels[-1]]
        have = tokens.filter(
            (pl.col("field") == field) & pl.col("level").is_in(_PRESENT.get(field, ("exact",)))
        )
        people = have["_subject"].n_unique()
        rest = people * (people - 1) / 2 - sum(shared.values())
        counts.append(np.maximum(np.array([1, rest, *shared.values()]), 0.5))
    return counts


def _neighbours(tokens: pl.DataFrame, field: str, level: str, equal: str) -> float:
    """How often equal values share a neighbour: all of theirs, while values one typo apart share one."""
    size = _of(tokens, field, level).group_by("_subject").len("neighbours")
    alike = _of(tokens, field, equal).join(size, on="_subject")
    return float(alike.select(((pl.len().over("token") - 1) * pl.col("neighbours")).sum()).item()) / 2


def _pairs(tokens: pl.DataFrame) -> float:
    sizes = tokens.group_by("token").len()["len"].cast(pl.Float64)
    return float((sizes * (sizes - 1)).sum()) / 2
