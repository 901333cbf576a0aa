"""300 labelled Chinese finance texts: everything labelled is found, and the hard negatives are left alone."""

import json
from collections import Counter
from pathlib import Path

import pytest

from privacy.pii.detect import build_detector
from privacy.pii.findings import VALIDATED, Span
from privacy.pii.redact import redact

LINES = (Path(__file__).parent / "zh_finance_300.jsonl").read_text("utf-8").splitlines()
SAMPLES = [(sample["text"], sample["spans"]) for sample in map(json.loads, LINES)]
DETECTOR = build_detector()
FOUND: list[tuple[Span, ...]] = DETECTOR.detect_batch([text for text, _ in SAMPLES])


def _recall() -> dict[str, float]:
    labelled: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    for (_, labels), spans in zip(SAMPLES, FOUND, strict=True):
        exact = {(s.start, s.end, s.type) for s in spans}
        labelled.update(kind for _, _, kind in labels)
        hit.update(kind for start, end, kind in labels if (start, end, kind) in exact)
    return {kind: hit[kind] / n for kind, n in labelled.items()}


@pytest.mark.parametrize("kind", ["CN_ID_CARD", "PHONE_NUMBER", "CN_USCC"])
def test_every_number_is_found_exactly(kind: str) -> None:
    assert _recall()[kind] == 1.0


def test_every_type_is_found_to_97_percent() -> None:
    assert min(_recall().values()) >= 0.97


def test_characters_are_found_and_spared() -> None:
    covered = labelled = both = 0
    for (_, labels), spans in zip(SAMPLES, FOUND, strict=True):
        truth = {i for start, end, _ in labels for i in range(start, end)}
        found = {i for s in spans for i in range(s.start, s.end)}
        covered, labelled, both = covered + len(found), labelled + len(truth), both + len(truth & found)
    assert both / labelled >= 0.97
    assert both / covered >= 0.97


def test_hard_negatives_hold_no_validated_identifier() -> None:
    negatives = [spans for (_, labels), spans in zip(SAMPLES, FOUND, strict=True) if not labels]
    assert len(negatives) > 30
    assert [s for spans in negatives for s in spans if s.score == VALIDATED] == []


def test_redacted_texts_hold_nothing_more_to_find() -> None:
    redacted = [redact(text, spans) for (text, _), spans in zip(SAMPLES, FOUND, strict=True)]
    assert [s for spans in DETECTOR.detect_batch(redacted) for s in spans] == []
