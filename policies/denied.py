"""Features that no dataset may hold, by the words that its columns use. PIPL 6, 24(1), 28.

A word list cannot see what a column hides; it stops what is declared, and makes an exception a decision that
is written down. The list is data: ``denied_features.yaml``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True, kw_only=True)
class DeniedFeature:
    """A kind of data that is refused.

    Attributes:
        code: such as ``location``.
        title: language code to text.
        law: citation.
        en: terms matched as whole words.
        zh: terms matched anywhere.
    """

    code: str
    title: Mapping[str, str]
    law: str
    en: tuple[str, ...]
    zh: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """An exception: this column of this dataset may hold this feature, by this law, for this reason."""

    dataset: str
    column: str
    feature: str
    law: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeniedFeatures:
    """``denied_features.yaml``: features by code, exceptions, and examples (text, code or ``none``)."""

    features: Mapping[str, DeniedFeature]
    bases: tuple[Basis, ...]
    examples: tuple[tuple[str, str], ...]

    def said_in(self, text: str) -> Iterator[DeniedFeature]:
        """The features that a text speaks of."""
        plain = unicodedata.normalize("NFKC", text).casefold()
        return (f for f in self.features.values() if _pattern(f.en, f.zh).search(plain))

    def refused(self, dataset: str, column: str, text: str) -> DeniedFeature | None:
        """The feature for which a column is refused, None when there is none or an exception is listed."""
        excepted = {b.feature for b in self.bases if (b.dataset, b.column) == (dataset, column)}
        return next((f for f in self.said_in(text) if f.code not in excepted), None)


@cache
def _pattern(en: tuple[str, ...], zh: tuple[str, ...]) -> re.Pattern[str]:
    """``_`` and ``-`` part words as spaces do: ``gps_track`` says GPS, ``friendly`` says no friend."""
    words = (r"[\W_]*".join(map(re.escape, term.casefold().split())) for term in en)
    return re.compile(
        rf"(?<![a-z])(?:{'|'.join(words)})s?(?![a-z])|{'|'.join(re.escape(t.casefold()) for t in zh)}"
    )
