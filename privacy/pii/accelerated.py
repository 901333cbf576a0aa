"""The profile ``presidio``: an operator's stock Presidio set-up, several times faster, with the same spans.

Presidio's ``BatchAnalyzerEngine`` runs the whole spaCy pipeline and every recogniser on every text, by
default one text at a time. Here

* named entities come from spaCy's ``ner`` alone, in batches, inside a memory zone (without one spaCy's
  string store grows with every new word and is never freed); of a usual one only the network is asked, and
  what it names is decided for all tokens together (``privacy.pii.spacy_ner``);
* a pattern recogniser reads a text only if the gate of a batch admits it (``privacy.pii.gate``), the one of
  telephone numbers only for the regions whose shortest numbers have no more digits than stand together;
* lemmas, which Presidio needs for the context of a pattern alone, are made for texts with a pattern's hit.

What is left is done by Presidio's own engine with fewer recognisers, so scores, thresholds and context are
its own. Without the parser spaCy may see a name otherwise where a sentence ends: about one text in 500.
"""

from __future__ import annotations

import copy
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, cast

import polars as pl
import tldextract
from phonenumbers import PhoneMetadata
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, PatternRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngineProvider
from presidio_analyzer.predefined_recognizers import IbanRecognizer, PhoneRecognizer, SpacyRecognizer
from thinc.api import NumpyOps

from privacy.pii.detect import Detector
from privacy.pii.findings import Span, arbitrate
from privacy.pii.gate import EVERY, Gate, as_column, relax
from privacy.pii.models import ModelFiles
from privacy.pii.spacy_ner import BatchNer, is_usual

_BATCH: Final = 128  # texts a call of spaCy
_ZONE: Final = 2048  # texts after which spaCy's strings are freed
#: Factories of spaCy that name nothing; any other one may, so it runs with the recogniser of names.
_FOR_LEMMAS: Final = {"tagger", "morphologizer", "attribute_ruler", "lemmatizer", "trainable_lemmatizer"}
_SENTENCES: Final = {"parser", "senter", "sentencizer"}
_VECTORS: Final = {"tok2vec", "transformer"}
#: Of Presidio's patterns, unless somebody changed them.
_FLAGS: Final = re.IGNORECASE | re.DOTALL | re.MULTILINE


class AcceleratedAnalyzer:
    """An ``AnalyzerEngine`` over many texts; recognisers that it does not know read every text."""

    def __init__(self, engine: AnalyzerEngine, language: str = "en") -> None:
        """Look through the engine's recognisers; what its registry is given later is not seen."""
        self._engine: Final = engine
        self._language: Final = language
        self._nlp_engine: Final = cast("Any", engine.nlp_engine)
        self._nlp: Final = self._nlp_engine.get_nlp(language)
        everyone = engine.registry.get_recognizers(language=language, all_fields=True)
        self._ner: Final = [r for r in everyone if isinstance(r, SpacyRecognizer)]
        self._others: Final[list[_Once]] = []
        patterns: list[str] = []
        for recogniser in everyone:
            if not isinstance(recogniser, SpacyRecognizer):
                parts = _parts(recogniser)
                self._others.append(_Once(recogniser, len(patterns), parts))
                patterns += [pattern for _, pattern in parts]
        self._gate: Final = Gate(patterns)
        self._engines: Final[dict[int, AnalyzerEngine]] = {}
        if os.environ.get("OPENBLAS_NUM_THREADS") == "1":  # with more, they wait for each other
            _multiply_by_numpy(self._nlp)
        factories = {name: self._nlp.get_pipe_meta(name).factory for name in self._nlp.pipe_names}
        lemmas = _FOR_LEMMAS if _listens(self._nlp) else _FOR_LEMMAS | _VECTORS
        naming = [n for n, factory in factories.items() if factory not in lemmas | _SENTENCES | _VECTORS]
        self._names: Final = BatchNer(self._nlp.get_pipe("ner")) if is_usual(self._nlp, naming) else None
        is_off = lemmas | _SENTENCES | ({"ner"} if self._names else set())
        self._not_ner: Final = [n for n, factory in factories.items() if factory in is_off]
        self._not_lemmas: Final = [n for n, factory in factories.items() if factory not in lemmas]

    def analyze_iterator(self, texts: Sequence[str]) -> Iterator[list[Any]]:
        """For each text the results that the engine's ``analyze`` has for it."""
        rest = iter(texts)
        while batch := list(islice(rest, _ZONE)):
            with self._nlp.memory_zone():
                found = list(self._analyzed(batch))
            yield from found

    def _analyzed(self, texts: list[str]) -> Iterator[list[Any]]:
        docs = list(self._nlp.pipe(texts, batch_size=_BATCH, disable=self._not_ner))
        if self._names:
            self._names.annotate(docs)
        admitted = self._gate.admits(as_column(texts))
        hits = [self._hits(text, bits) for text, bits in zip(texts, admitted, strict=True)]
        unsure = [doc for doc, (_, is_unsure) in zip(docs, hits, strict=True) if is_unsure]
        lemmas = iter(self._nlp.pipe(unsure, batch_size=_BATCH, disable=self._not_lemmas))
        for text, doc, (bits, is_unsure) in zip(texts, docs, hits, strict=True):
            if bits or doc.ents:
                artifacts = self._artifacts(next(lemmas) if is_unsure else doc, with_lemmas=is_unsure)
                engine = self._engine_of(bits)
                yield engine.analyze(text, self._language, nlp_artifacts=artifacts)
            else:
                yield []

    def _hits(self, text: str, admitted: int) -> tuple[int, bool]:
        """The recognisers that find something, by place, and whether context could change a score."""
        found = [(n, r) for n, r in enumerate(self._others) if r.bits & admitted and r.finds(text, admitted)]
        return sum(1 << place for place, _ in found), any(r.is_unsure for _, r in found)

    def _artifacts(self, doc: Any, *, with_lemmas: bool) -> NlpArtifacts:
        nlp = self._nlp_engine
        if with_lemmas:  # what Presidio's own batches call
            return cast("NlpArtifacts", nlp._doc_to_nlp_artifact(doc, self._language))  # noqa: SLF001
        scores = nlp._get_scores_for_entities(doc)  # noqa: SLF001
        entities, scores = nlp._get_updated_entities(doc.ents, scores)  # noqa: SLF001
        return NlpArtifacts(entities, cast("Any", ()), [], [], None, self._language, scores)

    def _engine_of(self, bits: int) -> AnalyzerEngine:
        """Presidio's engine with the recognisers of these places and those of named entities."""
        if bits not in self._engines:
            some: list[Any] = [r for place, r in enumerate(self._others) if bits >> place & 1]
            languages = [self._language]
            self._engines[bits] = AnalyzerEngine(
                registry=RecognizerRegistry(recognizers=[*some, *self._ner], supported_languages=languages),
                nlp_engine=self._engine.nlp_engine,
                app_tracer=self._engine.app_tracer,
                default_score_threshold=self._engine.default_score_threshold,
                supported_languages=languages,
                context_aware_enhancer=self._engine.context_aware_enhancer,
            )
        return self._engines[bits]


def _multiply_by_numpy(nlp: Any) -> None:
    """Numpy's BLAS multiplies matrices faster than the one that spaCy brings."""
    for _, pipe in nlp.pipeline:
        for node in pipe.model.walk() if getattr(pipe, "model", None) else ():
            if type(node.ops) is NumpyOps:
                node.ops = NumpyOps(use_blis=False)


def _listens(nlp: Any) -> bool:
    """Whether the recogniser of names shares the layer that turns tokens into vectors."""
    model = getattr(nlp.get_pipe("ner"), "model", None) if "ner" in nlp.pipe_names else None
    return model is not None and any("listener" in node.name for node in model.walk())


class _Once:
    """A recogniser that reads a text once, where the gate admits it: what it found is told to the engine."""

    def __init__(self, of: Any, place: int, parts: Sequence[tuple[Any, str]]) -> None:
        self._of: Final = of
        self._parts: Final = [(1 << n, part) for n, (part, _) in enumerate(parts, place)]
        self.bits: Final = sum(bit for bit, _ in self._parts)
        self._is_known: Final = EVERY not in {pattern for _, pattern in parts}
        self._told: tuple[str, list[Any]] = ("", [])

    def finds(self, text: str, admitted: int) -> bool:
        """Whether it finds anything, or nobody can tell before there are lemmas."""
        if not self._is_known:
            return True
        types = self._of.supported_entities
        found = [r for bit, part in self._parts if admitted & bit for r in part.analyze(text, types, None)]
        self._told = (text, EntityRecognizer.remove_duplicates(found) if found else found)
        return bool(found)

    @property
    def is_unsure(self) -> bool:
        """Whether words beside what was found could raise its score."""
        return not self._is_known or bool(
            self._of.context and any(r.score < EntityRecognizer.MAX_SCORE for r in self._told[1])
        )

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> Any:
        """Presidio's method."""
        known, found = self._told
        if self._is_known and known == text:
            return found
        return self._of.analyze(text, entities, nlp_artifacts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)


def _parts(recogniser: Any) -> list[tuple[Any, str]]:
    """A recogniser with what must stand in a text for it to find anything; telephone numbers by country code.

    Regions of one country code judge a number alike, and a number with a plus sign is judged without a
    region, so one region of each code is asked, and regions that nobody knows are not.
    """
    if type(recogniser) is not PhoneRecognizer:
        return [(recogniser, _pattern(recogniser))]
    known: dict[int, list[tuple[int, str]]] = {}
    for region in recogniser.supported_regions:
        metadata: Any = PhoneMetadata.metadata_for_region(region, None)
        if metadata:
            lengths = [*metadata.general_desc.possible_length]
            if metadata.national_prefix_transform_rule:  # may add an area code
                lengths += metadata.general_desc.possible_length_local_only
            known.setdefault(metadata.country_code, []).append((min(lengths), region))
    parts: list[tuple[Any, str]] = []
    for regions in known.values() or [[(1, recogniser.supported_regions[0])]]:
        part = copy.copy(recogniser)
        part.supported_regions = (regions[0][1],)
        digits = rf"[0-9](?:[^0-9]{{0,4}}[0-9]){{{min(regions)[0] - 1}}}"
        parts.append((part, digits if parts else rf"\+|{digits}"))
    return parts


def _pattern(recogniser: Any) -> str:
    """What must stand in a text for a recogniser of Presidio's to find anything; EVERY where unknown."""
    is_stock = type(recogniser) is IbanRecognizer or (
        isinstance(recogniser, PatternRecognizer)
        and type(recogniser).analyze is PatternRecognizer.analyze
        and recogniser.global_regex_flags == _FLAGS
    )
    if not is_stock:
        return EVERY
    pattern = "(?ism)" + "|".join(f"(?:{relax(p.regex)})" for p in recogniser.patterns)
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError:  # a pattern that Rust has no words for
        return EVERY
    return pattern


class PresidioDetector(Detector):
    """A Presidio engine's findings as spans: disjoint, the higher score wins."""

    def __init__(self, engine: AnalyzerEngine, language: str = "en") -> None:
        super().__init__(rules=())
        self._analyzer: Final = AcceleratedAnalyzer(engine, language)

    def detect(self, text: str) -> tuple[Span, ...]:
        """Spans of one text; a batch is several times faster."""
        return self.detect_batch([text])[0]

    def _gated(self, texts: list[str]) -> Iterator[tuple[Span, ...]]:
        for text, results in zip(texts, self._analyzer.analyze_iterator(texts), strict=True):
            spans = (
                Span(r.start, r.end, r.entity_type, float(r.score), r.recognition_metadata["recognizer_name"])
                for r in results
            )
            yield arbitrate(spans, text)


def keep_offline() -> None:
    """Let Presidio's e-mail rule use the list of domains that tldextract has inside, not fetch a new one."""
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


def stock_engine(model: ModelFiles, language: str = "en") -> AnalyzerEngine:
    """Presidio as it configures itself, with a spaCy model of the operator's, and off the network.

    Raises:
        ModelMissingError, ModelAlteredError: the model's files are not there, or others.
    """
    keep_offline()
    with tempfile.TemporaryDirectory() as folder:  # spaCy opens files by name, so it gets the bytes checked
        model.copy(folder)
        settings = NlpEngineProvider().nlp_configuration
        settings["models"] = [{"lang_code": language, "model_name": folder}]
        nlp = NlpEngineProvider(nlp_configuration=settings).create_engine()
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=nlp)
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=[language])
