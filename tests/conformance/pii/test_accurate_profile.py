"""The profile ``accurate`` on the labelled samples: what is labelled is found, and little else."""

import json
from pathlib import Path

from privacy.pii.detect import build_detector

HERE = Path(__file__).parent
DETECTOR = build_detector(profile="accurate")


def _lines(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


def _spans(text: object) -> list[tuple[int, int, str]]:
    return [(s.start, s.end, s.type) for s in DETECTOR.detect(str(text))]


def test_english_notes_yield_what_is_labelled_and_little_else() -> None:
    missed, wrong, total = [], 0, 0
    for line in _lines("en_service_20.jsonl"):
        text = str(line["text"])
        values = [(kind, value) for kind, value in line["values"]]  # type: ignore[attr-defined]  # a list, by the form
        truth = {(text.index(value), text.index(value) + len(value), kind) for kind, value in values}
        spans = _spans(text)
        for start, end, kind in truth:
            if not any(k == kind and a <= start and end <= b for a, b, k in spans):
                missed.append(text[start:end])
        labelled = {i for start, end, _ in truth for i in range(start, end)}
        found = {i for start, end, _ in spans for i in range(start, end)}
        wrong, total = wrong + len(found - labelled), total + len(found)
    assert missed == []
    assert wrong / total <= 0.05


def test_chinese_characters_are_covered_and_numbers_exact() -> None:
    covered = labelled = both = 0
    for line in _lines("zh_finance_300.jsonl"):
        spans = _spans(line["text"])
        labels = [(a, b, kind) for a, b, kind in line["spans"]]  # type: ignore[attr-defined]  # a list, by the form
        numbers = {label for label in labels if label[2] in {"CN_ID_CARD", "PHONE_NUMBER", "CN_USCC"}}
        assert numbers <= set(spans)
        truth = {i for a, b, _ in labels for i in range(a, b)}
        found = {i for a, b, _ in spans for i in range(a, b)}
        covered, labelled, both = covered + len(found), labelled + len(truth), both + len(truth & found)
    assert both / labelled >= 0.97
    assert both / covered >= 0.95
