"""Find personal data in free text: fold, run the rules that can apply, map back, arbitrate.

Profile ``fast`` is rules alone, profile ``accurate`` adds rules for English identifiers and a language model
by script (Han, Latin), profile ``presidio`` is an operator's own Presidio, accelerated. No network, and no
Presidio import until someone asks for its engine. Presidio stays
the plug-in API: an operator's ``EntityRecognizer`` can join the detector
(``build_detector(plugins=...)``), and all rules are recognisers of a stock ``AnalyzerEngine``, too
(``presidio_engine()``). A plugin that fails fails the batch: text that was not scanned must not pass for
clean.

>>> build_detector().detect("手机号１３９１２３４５６７８")
(Span(start=3, end=14, type='PHONE_NUMBER', score=0.85, rule='cn_mobile'),)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, get_args

from privacy.errors import ModelMissingError, UnknownProfileError
from privacy.pii.findings import VALIDATED, Span, arbitrate, joined
from privacy.pii.gate import Gate, fold_batch, trigger
from privacy.pii.normalise_text import Folded, fold
from privacy.pii.recognisers import ENGLISH_RULES, RULES
from privacy.pii.recognisers.rule import Needs, Rule

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

    from privacy.pii.models import ModelFiles

Profile = Literal["fast", "accurate", "presidio"]
PROFILES: Final[tuple[Profile, ...]] = get_args(Profile)
#: Languages the rules are registered for; each rule reads both.
LANGUAGES: Final = ("zh", "en")
Finder = Callable[[str], Iterator[Span]]
#: Characters. Every rule takes time in proportion to the length, so this also bounds the time of a text.
MAX_TEXT: Final = 100_000
_MANY: Final = 100  # texts; for fewer, making the gate's patterns ready costs more than it spares
_DIGIT: Final = re.compile(r"[0-9]")
_NUMBER: Final = re.compile(r"[0-9](?:[ \t.\-()]{0,2}[0-9]){5}")


def _offers(text: str) -> int:
    """Bit set of the ``Needs`` that a folded text meets."""
    offers = 1 << Needs.CUE
    if _DIGIT.search(text):
        offers |= 1 << Needs.DIGIT
        if _NUMBER.search(text):
            offers |= 1 << Needs.NUMBER
    if "@" in text:
        offers |= 1 << Needs.AT_SIGN
    if not text.isascii():
        offers |= 1 << Needs.HAN
    return offers


def _unread(text: str) -> tuple[Span, ...]:
    """The one finding of a text that is too long to be read."""
    return (Span(0, len(text), "UNSCANNED", VALIDATED, "too_long"),)


class Plugin(Protocol):
    """The part of Presidio's ``EntityRecognizer`` that the detector uses."""

    supported_entities: list[str]

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> Sequence[Any]:
        """Results with ``entity_type``, ``start``, ``end`` and ``score``; offsets into ``text`` as it is."""
        ...


class Ner(Protocol):
    """A language model that reads some scripts."""

    def find(self, text: str) -> Iterator[Span]:
        """Spans of a folded text, disjoint; none where the text is in no script that the model reads."""
        ...


class Detector:
    """All rules over texts. Immutable, safe to share between threads."""

    def __init__(
        self, rules: Sequence[Rule] = RULES, plugins: Sequence[Plugin] = (), ner: Sequence[Ner] = ()
    ) -> None:
        self._finders: Final = tuple(
            tuple(rule.find for rule in rules if needs >> rule.needs & 1) for needs in range(2 ** len(Needs))
        )
        self._rules: Final = tuple(rules)
        self._gate: Final = Gate([trigger(rule) for rule in rules])
        self._plugins: Final = tuple(plugins)
        self._ner: Final = tuple(ner)

    def detect_batch(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        """Spans of each text, disjoint and in order; equal texts are scanned once.

        Args:
            texts: any Unicode text. One that is longer than ``MAX_TEXT`` is not read: all of it is one span
                of the type ``UNSCANNED``, so that redaction leaves nothing of it.

        Returns:
            As many tuples as texts. Offsets are half-open and count code points of the original text.
        """
        distinct = [text for text in dict.fromkeys(texts) if len(text) <= MAX_TEXT]
        found = dict(zip(distinct, self._gated(distinct), strict=True))
        return [found[text] if text in found else _unread(text) for text in texts]

    def detect(self, text: str) -> tuple[Span, ...]:
        """Spans of one text, disjoint and in order."""
        if len(text) > MAX_TEXT:
            return _unread(text)
        folded = fold(text)
        return self._find(text, folded, self._finders[_offers(folded.text)])

    def _gated(self, texts: list[str]) -> Iterator[tuple[Span, ...]]:
        """Spans of each text, none too long; a text in which no rule can find anything is passed over."""
        if len(texts) < _MANY:
            yield from map(self.detect, texts)
            return
        read_all = bool(self._ner or self._plugins)
        plain, odd = fold_batch(texts)
        finders: dict[int, tuple[Finder, ...]] = {}
        for place, (text, folded, admitted) in enumerate(
            zip(texts, plain, self._gate.admits(plain), strict=True)
        ):
            if not admitted and not read_all:
                yield ()
                continue
            if admitted not in finders:
                finders[admitted] = tuple(r.find for n, r in enumerate(self._rules) if admitted >> n & 1)
            yield self._find(text, odd.get(place) or Folded(folded), finders[admitted])

    def _find(self, text: str, folded: Folded, finders: Sequence[Finder]) -> tuple[Span, ...]:
        plain = folded.text
        spans = [span for find in finders for span in find(plain)]
        if self._ner:
            spans = joined([*spans, *(span for model in self._ner for span in model.find(plain))], plain)
        if folded.origin is not None:
            spans = [Span(*folded.original(s.start, s.end), s.type, s.score, s.rule) for s in spans]
        if self._plugins:
            spans.extend(self._plugged(text))
        return arbitrate(spans, text) if spans else ()

    def _plugged(self, text: str) -> Iterator[Span]:
        for plugin in self._plugins:
            for result in plugin.analyze(text, plugin.supported_entities) or ():
                yield Span(
                    result.start, result.end, result.entity_type, float(result.score), type(plugin).__name__
                )


def build_detector(
    *,
    profile: Profile = "fast",
    plugins: Sequence[Plugin] = (),
    ner: Sequence[Ner] | None = None,
    model: ModelFiles | None = None,
) -> Detector:
    """The detector of a profile and, if wanted, an operator's Presidio recognisers.

    Args:
        profile: ``fast``, ``accurate``, or ``presidio``: a stock Presidio engine without any of our rules.
        plugins: run on every text beside the rules.
        ner: models of the profile ``accurate`` in the place of the pinned ones, such as
            ``LatinNer(ModelFiles(directory, sha256))``.
        model: the operator's spaCy model for the profile ``presidio``.

    Raises:
        UnknownProfileError: there is no such profile.
        ModelMissingError, ModelAlteredError: the model files are not installed, or are not the pinned ones.
    """
    if profile == "fast":
        return Detector(RULES, plugins)
    if profile == "presidio":
        if model is None:
            raise ModelMissingError("spaCy")
        from privacy.pii.accelerated import PresidioDetector, stock_engine  # noqa: PLC0415 - takes seconds

        return PresidioDetector(stock_engine(model))
    if profile != "accurate":
        raise UnknownProfileError(profile)
    if ner is None:
        from privacy.pii.ner_en import LatinNer  # noqa: PLC0415 - numpy and an optional extra
        from privacy.pii.ner_zh import ChineseNer  # noqa: PLC0415

        ner = (ChineseNer(), LatinNer())
    return Detector(RULES + ENGLISH_RULES, plugins, ner)


def presidio_engine() -> AnalyzerEngine:
    """A stock Presidio engine with our recognisers and no language model; its registry takes more."""
    from privacy.pii.presidio_pack import build_engine  # noqa: PLC0415 - Presidio takes seconds to import

    return build_engine(LANGUAGES)
