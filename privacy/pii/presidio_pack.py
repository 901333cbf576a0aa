"""The rules as Presidio recognisers. Imported on demand only: Presidio takes seconds and 100 MB to import.

Each recogniser scores by its own left context on raw characters, so the engine's lemma-based context is not
used: without a language model it has no lemmas, and on Chinese it would see single characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts, NoOpNlpEngine

from privacy.pii.findings import Span, arbitrate
from privacy.pii.normalise_text import fold
from privacy.pii.recognisers import ENGLISH_RULES, RULES
from privacy.pii.recognisers.rule import Rule
from privacy.pii.tables import table

#: What Presidio's results call the recogniser of each rule.
NAMES: Final = table("presidio")


class RuleRecognizer(EntityRecognizer):
    """A rule behind Presidio's interface; folds the text itself and reports offsets into the original."""

    name: str

    def __init__(self, rule: Rule, language: str = "zh") -> None:
        name = NAMES[rule.name]
        super().__init__(
            supported_entities=list(rule.types),
            name=name,
            supported_language=language,
            country_code="cn" if name.startswith("Cn") else None,
        )
        self._rule: Final = rule

    def load(self) -> None:
        """Nothing to load: rules are compiled at import."""

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,  # noqa: ARG002 - Presidio's signature
    ) -> list[RecognizerResult]:
        """Results of the wanted entity types; an empty list of types wants all."""
        folded = fold(text)
        spans = (
            Span(*folded.original(s.start, s.end), s.type, s.score, s.rule)
            for s in self._rule.find(folded.text)
        )
        metadata: dict[str, Any] = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return [
            RecognizerResult(s.type, s.start, s.end, s.score, recognition_metadata=metadata)
            for s in arbitrate(spans, text)
            if not entities or s.type in entities
        ]


def build_engine(languages: Sequence[str]) -> AnalyzerEngine:
    """A stock engine: no-op NLP, our recognisers for each language, nothing predefined."""
    registry = RecognizerRegistry(
        recognizers=[
            RuleRecognizer(rule, language)
            for language in languages
            for rule in (RULES + ENGLISH_RULES if language == "en" else RULES)
        ],
        supported_languages=list(languages),
    )
    nlp = NoOpNlpEngine(models=[{"lang_code": language, "model_name": "no_op"} for language in languages])
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=list(languages))
