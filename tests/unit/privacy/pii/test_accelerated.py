"""The accelerated Presidio engine says what the engine says; with a spaCy pipeline made of rules."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import spacy
from fakes.spacy_networks import pipeline
from presidio_analyzer import (
    AnalyzerEngine,
    BatchAnalyzerEngine,
    Pattern,
    PatternRecognizer,
    RecognizerResult,
)
from spacy.language import Language

from privacy.errors import ModelAlteredError, ModelMissingError
from privacy.pii.accelerated import AcceleratedAnalyzer, stock_engine
from privacy.pii.detect import MAX_TEXT, build_detector
from privacy.pii.models import ModelFiles, from_manifest

TEXTS = [
    "Emma Taylor called from London.",
    "Card 4111 1111 1111 1111 was declined twice.",
    "my phone number is 202-555-0143, or +49 30 123456",
    "send it to emma@example.com or see www.example.org/a",
    "the driver license is A1234567, social security 219-09-9999",
    "GB82 WEST 1234 5698 7654 32 and 192.168.1.10 and 00:1B:44:11:3A:B7",
    "nothing to see",
    "",
    "full width ４１１１１１１１１１１１１１１１ and a Kelvin \u212a",
    "bank account 945456787654, zip 10115, 7 digits 3101234",
    "London, 12 May 2005, licence STF12345",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """A pipeline with names by rule, written to disk."""
    root = tmp_path_factory.mktemp("model")
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(  # type: ignore[attr-defined]  # spaCy's factory says Pipe
        [{"label": "PERSON", "pattern": "Emma Taylor"}, {"label": "GPE", "pattern": "London"}]
    )
    return _written(nlp, root)


def _written(nlp: Language, root: Path) -> ModelFiles:
    nlp.to_disk(root)
    files = [path for path in root.rglob("*") if path.is_file()]
    return ModelFiles(
        root, {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
    )


@pytest.fixture(scope="module")
def engine(model: ModelFiles) -> AnalyzerEngine:
    """Presidio's own set-up around it."""
    return stock_engine(model)


def _signs(results: list[RecognizerResult]) -> list[tuple[int, int, str, float]]:
    return sorted((r.start, r.end, r.entity_type, r.score) for r in results)


def _same(engine: AnalyzerEngine, texts: list[str]) -> list[bool]:
    ours = AcceleratedAnalyzer(engine).analyze_iterator(texts)
    theirs = BatchAnalyzerEngine(engine).analyze_iterator(texts, "en")
    return [_signs(mine) == _signs(their) for mine, their in zip(ours, theirs, strict=True)]


def test_every_text_has_the_spans_and_scores_of_the_stock_engine(engine: AnalyzerEngine) -> None:
    found = [_signs(r) for r in AcceleratedAnalyzer(engine).analyze_iterator(TEXTS)]
    assert {kind for results in found for _, _, kind, _ in results} >= {
        "PERSON", "LOCATION", "CREDIT_CARD", "PHONE_NUMBER", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS",
    }  # fmt: skip
    assert all(_same(engine, TEXTS * 3))


@pytest.mark.parametrize(("is_shared", "has_rules"), [(False, False), (True, False), (False, True)])
def test_names_of_a_network_are_those_of_the_stock_engine(
    tmp_path: Path, *, is_shared: bool, has_rules: bool
) -> None:
    model = _written(pipeline(3, is_shared=is_shared), tmp_path / "model")
    engine = stock_engine(model)
    nlp: Any = engine.nlp_engine.get_nlp("en")  # type: ignore[attr-defined]  # of spaCy's engine alone
    if has_rules:  # then spaCy's own component is asked
        nlp.add_pipe("entity_ruler", before="ner").add_patterns([{"label": "GPE", "pattern": "London"}])
    found = {
        r.entity_type for results in AcceleratedAnalyzer(engine).analyze_iterator(TEXTS) for r in results
    }
    assert found >= ({"PERSON", "LOCATION"} if has_rules else {"PERSON"})
    assert all(_same(engine, TEXTS))


class Shouting(PatternRecognizer):
    """A recogniser of the operator's that looks for something else than its patterns."""

    def analyze(self, text: str, entities: list[str], *_: Any, **__: Any) -> list[RecognizerResult]:  # noqa: ARG002
        """Presidio's method."""
        metadata = {RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id}
        return (
            [RecognizerResult("SHOUT", 0, 7, 0.5, recognition_metadata=metadata)] if "nothing" in text else []
        )


def test_recognisers_that_the_operator_added_are_asked(model: ModelFiles) -> None:
    engine = stock_engine(model)
    staff = Pattern("staff", r"STF[0-9]{5}", 0.9)
    engine.registry.add_recognizer(PatternRecognizer("STAFF_NO", patterns=[staff]))
    engine.registry.add_recognizer(Shouting("SHOUT", patterns=[staff]))
    found = list(AcceleratedAnalyzer(engine).analyze_iterator(TEXTS))
    assert "STAFF_NO" in {r.entity_type for r in found[-1]}
    assert "SHOUT" in {r.entity_type for r in found[6]}
    assert all(_same(engine, TEXTS))


def test_the_profile_gives_disjoint_spans_and_refuses_what_is_too_long(model: ModelFiles) -> None:
    detector = build_detector(profile="presidio", model=model)
    long = "a" * (MAX_TEXT + 1)
    first, second = detector.detect_batch([long, TEXTS[0]])
    assert [s.rule for s in first] == ["too_long"]
    assert [(s.start, s.end, s.type) for s in second] == [(0, 11, "PERSON"), (24, 30, "LOCATION")]
    assert detector.detect(TEXTS[0]) == second


def test_a_model_is_loaded_only_with_the_digests_that_were_given(model: ModelFiles, tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError):
        build_detector(profile="presidio")
    altered = dict(model.sha256) | {"meta.json": "0" * 64}
    with pytest.raises(ModelAlteredError):
        build_detector(profile="presidio", model=ModelFiles(model.directory, altered))
    with pytest.raises(ModelMissingError):
        ModelFiles(tmp_path, {"../x": "0" * 64}).copy(str(tmp_path))


def test_a_manifest_is_what_sha256sum_writes(tmp_path: Path) -> None:
    digest = "a" * 64
    assert from_manifest(tmp_path, f"{digest}  ./a b.json\n{digest} *c\n").sha256 == {
        "a b.json": digest,
        "c": digest,
    }
    for wrong in ("", "a", f"{digest}\n"):
        with pytest.raises(ModelMissingError):
            from_manifest(tmp_path, wrong)
