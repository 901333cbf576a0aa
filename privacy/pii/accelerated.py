"""The profile ``presidio``: an operator's stock Presidio set-up, several times faster, with the same spans.

Presidio's ``BatchAnalyzerEngine`` runs the whole spaCy pipeline and every recogniser on every text, by
default one text at a time. Here

* named entities come from spaCy's ``ner`` alone, in batches, inside a memory zone (without one spaCy's
  string store grows with every new word and is never freed);
* a pattern recogniser reads a text only if the gate of a batch admits it (``privacy.pii.gate``), the telephone
  recogniser only if there are digits enough;
* lemmas, which Presidio needs for the context of a pattern alone, are made for texts with a pattern's hit.

What is left is done by Presidio's own engine with fewer recognisers, so scores, thresholds and context are
its own. Without the parser spaCy may see a name otherwise where a sentence ends: about one text in 500.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import polars as pl
import tldextract
from presidio_analyzer import AnalyzerEngine, PatternRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import IbanRecognizer, PhoneRecognizer, SpacyRecognizer

from privacy.pii.detect import Detector
from privacy.pii.findings import Span, arbitrate
from privacy.pii.gate import Gate, joined_patterns
from privacy.pii.models import ModelFiles

_BATCH: Final = 128  # texts a call of spaCy
_ZONE: Final = 2048  # texts after which spaCy's strings are freed
_FLAGS: Final = "(?ism)"  # of Presidio's patterns
#: Without four digits near each other no region has a telephone number.
_DIGITS: Final = r"[0-9](?:[^0-9]{0,4}[0-9]){3}"
_NO_LEMMA: Final = ("ner", "parser", "senter")


class AcceleratedAnalyzer:
    """An ``AnalyzerEngine`` over many texts; recognisers that it does not know read every text."""

    def __init__(self, engine: AnalyzerEngine, language: str = "en") -> None:
        """Look through the engine's recognisers; later changes of its registry are not seen."""
        self._engine: Final = engine
        self._language: Final = language
        self._nlp: Final = engine.nlp_engine.get_nlp(language)
        everyone = engine.registry.get_recognizers(language=language, all_fields=True)
        self._always: Final = [r for r in everyone if isinstance(r, SpacyRecognizer)]
        self._gated: Final = [r for r in everyone if r not in self._always]
        self._reads_all: Final = any(_trigger(r) == "" for r in self._gated)
        self._gate: Final = Gate([_trigger(r) for r in self._gated])
        self._engines: Final[dict[int, AnalyzerEngine]] = {}
        pipes = self._nlp.pipe_names
        listens = "ner" in pipes and any("listener" in n.name for n in self._nlp.get_pipe("ner").model.walk())
        shared = {"tok2vec", "transformer"} if listens else set()
        self._not_ner: Final = [name for name in pipes if name != "ner" and name not in shared]
        self._not_lemmas: Final = [name for name in pipes if name in {*_NO_LEMMA, *shared}]

    def analyze_iterator(self, texts: Sequence[str]) -> Iterator[list[Any]]:
        """For each text the list that the engine's ``analyze`` returns for it."""
        rest = iter(texts)
        while batch := list(islice(rest, _ZONE)):
            with self._nlp.memory_zone():
                yield from self._analyzed(batch)

    def _analyzed(self, texts: list[str]) -> list[list[Any]]:
        docs = list(self._nlp.pipe(texts, batch_size=_BATCH, disable=self._not_ner))
        admitted = self._gate.admits_raw(texts)
        hit = [self._reads_all or self._hits(t, bits) for t, bits in zip(texts, admitted, strict=True)]
        lemmas = self._nlp.pipe(
            (doc for doc, is_hit in zip(docs, hit, strict=True) if is_hit),
            batch_size=_BATCH,
            disable=self._not_lemmas,
        )
        found = []
        for text, doc, bits, is_hit in zip(texts, docs, admitted, hit, strict=True):
            if is_hit:
                found.append(self._finished(text, next(lemmas), bits, with_lemmas=True))
            elif doc.ents:
                found.append(self._finished(text, doc, 0, with_lemmas=False))
            else:
                found.append([])
        return found
