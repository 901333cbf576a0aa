"""A scorecard: integer points per declared bin, a base, grades, and a reason code per feature.

Score = base + points of each feature's bin. All numbers are integers, so a score is exact and can be redone
by hand. A value falls into the bin whose number is the count of edges that are not above it.

The reasons of a score are the four features that lost most points against their best bin; moving the first
one to its best bin raises the score by exactly the points it lost.  # PIPL 24(3), 12 CFR 1002.9(b)(2)

>>> import polars as pl
>>> from service.scoring.batch import score_frame
>>> card = Scorecard(
...     name="demo",
...     base=500,
...     features=(Feature("months_late", "R3", edges=(1, 2), points=(60, 10, -40)),),
...     grades=(Grade("A", 550), Grade("B", None)),
...     scaling=Scaling(points_to_double=40, at_even_odds=500),
... )
>>> score_frame(card, pl.DataFrame({"months_late": [1]})).row(0)
(510, 'B', 'R3', 50)
>>> parse_scorecard(format_scorecard(card)) == card
True
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Final

from service.errors import UsageError

TYPE: Final = "fiduciary/scorecard@1"
REASONS: Final = 4
#: Never in a scorecard: they are in the data for reporting only.  # PIPL 24(1), 28
PROTECTED: Final = frozenset({"sex", "age_band", "marriage", "age", "gender", "ethnicity", "religion"})
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Feature:
    """One characteristic: ``len(edges) + 1`` bins with points.

    Raises UsageError for a protected attribute, unordered edges or a wrong number of points.
    """

    name: str
    reason: str
    edges: tuple[int | float, ...]
    points: tuple[int, ...]
    best: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be scored."""
        if self.name in PROTECTED:
            raise UsageError("a protected attribute may not be scored", feature=self.name)
        if not _NAME.fullmatch(self.name) or not re.fullmatch(r"R\d{1,3}", self.reason):
            raise UsageError("feature name or reason code is malformed")
        rising = all(a < b for a, b in pairwise(self.edges))
        if not self.edges or not rising or not all(map(math.isfinite, self.edges)):
            raise UsageError("bin edges must be finite and rise", feature=self.name)
        if len(self.points) != len(self.edges) + 1:
            raise UsageError("a scorecard needs one number of points per bin", feature=self.name)
        object.__setattr__(self, "best", max(self.points))


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade and the least score that earns it; None for the lowest grade."""

    name: str
    least: int | None


@dataclass(frozen=True, slots=True)
class Scaling:
    """How points translate to a probability of default: the odds double every so many points."""

    points_to_double: int
    at_even_odds: int


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A complete, frozen model. Raises UsageError when its parts do not fit together.

    Attributes:
        name: such as ``credit``.
        base: points before any feature.
        features: in the order in which equal losses are named.
        grades: best first.
        scaling: points to probability.
        training: codes and integers about how it was trained.
        quality: measures on customers held out; AUC, KS and Brier in millionths.
    """

    name: str
    base: int
    features: tuple[Feature, ...]
    grades: tuple[Grade, ...]
    scaling: Scaling
    training: tuple[tuple[str, str | int], ...] = ()
    quality: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        """Refuse doubled features, grades that do not fall and an open lowest grade that is not last."""
        names = [f.name for f in self.features]
        codes = [f.reason for f in self.features]
        if not names or len(set(names)) != len(names) or len(set(codes)) != len(codes):
            raise UsageError("features and reason codes must be distinct")
        least = [g.least for g in self.grades]
        floors = [x for x in least if x is not None]
        if not least or least[-1] is not None or len(floors) != len(least) - 1:
            raise UsageError("only the last grade is open below")
        if not all(a > b for a, b in pairwise(floors)) or self.scaling.points_to_double <= 0:
            raise UsageError("grades must fall and points double odds")


def default_probability(card: Scorecard, score: float) -> float:
    """Probability of default that the score stands for."""
    steps = (score - card.scaling.at_even_odds) / card.scaling.points_to_double
    return 1.0 / (1.0 + math.exp2(max(min(steps, 500.0), -500.0)))


def format_scorecard(card: Scorecard) -> str:
    """Canonical JSON: compact, keys in one fixed order."""
    body: dict[str, Any] = {"type": TYPE} | asdict(card)
    for feature in body["features"]:
        del feature["best"]  # follows from the points
    body |= {"training": dict(card.training), "quality": dict(card.quality)}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def parse_scorecard(document: str) -> Scorecard:
    """The exact inverse of ``format_scorecard``; any other spelling is refused. Raises UsageError."""
    try:
        body = json.loads(document)
        if body["type"] != TYPE:
            raise UsageError("not a scorecard")
        card = Scorecard(
            name=body["name"],
            base=body["base"],
            features=tuple(
                Feature(f["name"], f["reason"], tuple(f["edges"]), tuple(f["points"]))
                for f in body["features"]
            ),
            grades=tuple(Grade(**g) for g in body["grades"]),
            scaling=Scaling(**body["scaling"]),
            training=tuple(body["training"].items()),
            quality=tuple(body["quality"].items()),
        )
        exact = format_scorecard(card) == document and _integers(card)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError("not a scorecard") from error
    if not exact:
        raise UsageError("a scorecard must be spelt canonically")
    return card


def _integers(card: Scorecard) -> bool:
    whole = [card.base, *(p for f in card.features for p in f.points), *(g.least or 0 for g in card.grades)]
    whole += [card.scaling.points_to_double, card.scaling.at_even_odds]
    return all(type(x) is int for x in whole)
