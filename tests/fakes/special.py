"""A service with the contracts of docs/how-to/special-sources.md and three customers who consented to all."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import yaml
from fakes.clock import FakeClock
from fakes.identifiers import luhn, resident_id
from fakes.intake import STEWARD

from service.domain.odcs import canonical_json, parse_contract
from service.ports import BatchRow, Deps
from service.settings import load_settings
from service.usecases.consent import import_consents
from service.usecases.datasets import add_dataset
from service.usecases.ingest import ingest
from service.wiring import create_service

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "special-sources.md"
NOTICE: Final = "2026-a"
RESIDENTS: Final = tuple(resident_id(f"1101051990030{n}123") for n in (1, 2, 3))
MOBILES: Final = ("13800000001", "13800000002", "13800000003")
CARDS: Final = tuple(luhn(f"62220200000000{n}") for n in (1, 2, 3))
PURPOSES: Final = {
    "behaviour_analysis": "plain",
    "service_improvement": "plain",
    "value_segmentation": "plain",
    "credit_scoring": "separate",
    "third_party_data": "separate",
}


def page_contracts() -> dict[str, dict[str, object]]:
    """The contracts on the page, by dataset."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    documents = [yaml.safe_load(block) for block in blocks]
    return {document["schema"][0]["name"]: document for document in documents}


def write_csv(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """A CSV file; the columns are those of the first row."""
    table = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return path


def consent(number: int, purpose: str, notice: str = NOTICE, **times: str) -> dict[str, object]:
    """A consent of customer ``number`` (from 0) that stands since 2026 began, or as ``times`` say."""
    row = {"resident_id": RESIDENTS[number], "purpose": purpose, "kind": PURPOSES[purpose]}
    ends = {"given_at": "2026-01-01T00:00:00Z", "valid_until": "", "withdrawn_at": ""}
    return {**row, **ends, **times, "notice": notice}


def customer(number: int, district: str = "110105") -> dict[str, object]:
    """A row of ``customers``."""
    return {
        "resident_id": RESIDENTS[number],
        "mobile": MOBILES[number],
        "card_no": CARDS[number],
        "district": district,
        "limit_cents": 100_000,
        "default_next_month": "no",
    }


def open_special(folder: Path, clock: FakeClock, consents: Iterable[Mapping[str, object]] = ()) -> Deps:
    """The service; without ``consents`` everybody consents to every purpose."""
    deps, _token = create_service(load_settings({}, home=folder / "home"), clock=clock)
    for document in page_contracts().values():
        add_dataset(parse_contract(document), canonical_json(document), actor=STEWARD, deps=deps)
    take(folder, "customers", (customer(n) for n in range(3)), deps)
    given = list(consents) or [consent(n, purpose) for n in range(3) for purpose in PURPOSES]
    import_consents(write_csv(folder / "consents.csv", given), actor=STEWARD, deps=deps)
    return deps


def take(folder: Path, dataset: str, rows: Iterable[Mapping[str, object]], deps: Deps) -> BatchRow:
    """Ingest rows as a CSV file."""
    return ingest(write_csv(folder / f"{dataset}.csv", rows), dataset, actor=STEWARD, deps=deps)
