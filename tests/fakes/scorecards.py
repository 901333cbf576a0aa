"""A scorecard by hand, one customer at a time: what ``service.scoring.batch`` must agree with."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from service.errors import UsageError
from service.scoring.scorecard import REASONS, Scorecard


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a score is not higher: the feature and the points it lost against its best bin."""

    code: str
    feature: str
    lost: int


@dataclass(frozen=True, slots=True)
class Scored:
    """A score, its grade and up to four reasons, the heaviest first."""

    score: int
    grade: str
    reasons: tuple[Reason, ...]


def assess(card: Scorecard, values: Mapping[str, float]) -> Scored:
    """Score one customer. Raises UsageError when a feature is missing or not a finite number."""
    score = card.base
    lost: list[tuple[int, int]] = []
    for place, feature in enumerate(card.features):
        value = values.get(feature.name)
        if value is None or not math.isfinite(value):
            raise UsageError("a feature is missing", feature=feature.name)
        points = feature.points[bisect_right(feature.edges, value)]
        score += points
        lost.append((points - feature.best, place))
    lost.sort()
    reasons = tuple(
        Reason(card.features[place].reason, card.features[place].name, -loss)
        for loss, place in lost[:REASONS]
    )
    return Scored(score, grade_of(card, score), reasons)


def grade_of(card: Scorecard, score: int) -> str:
    """The first grade whose least score is reached."""
    return next(g.name for g in card.grades if g.least is None or score >= g.least)
