"""A dataset that makes its subjects and needs no consent, and rows of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from fakes.contract_documents import format_contract
from fakes.intake import STEWARD

from service.domain.contracts import Column, DatasetContract, Kind, Limits, Role
from service.domain.odcs import canonical_json, parse_contract
from service.ports import Deps
from service.usecases.datasets import add_dataset

HEADER: Final = "mobile,day,cents,shop,place"
COLUMNS: Final = (
    Column("mobile", Role.SUBJECT_ID, Kind.STRING, "C2", "mobile", links=True),
    Column("day", Role.EVENT_TIME, Kind.DATE, "C1"),
    Column(
        "cents", Role.MEASURE, Kind.INTEGER, "C2", lower=0, upper=9, unit="CNY-fen", limits=Limits(minimum=0)
    ),
    Column("shop", Role.QUASI_IDENTIFIER, Kind.STRING, "C1"),
    Column("place", Role.DISTRICT, Kind.STRING, "C1", required=False),
)
CONTRACT: Final = DatasetContract(
    name="payments",
    version="1.0.0",
    title="Payments",
    columns=COLUMNS,
    purposes=("contract_performance",),
    retention_class="aml_record",
    creates_subjects=True,
    row_per_subject=False,
    digest="",
)


def referring(to: str, name: str = "place") -> tuple[Column, ...]:
    """The columns, of which one refers to a reference table."""
    return tuple(replace(c, refers_to=to) if c.name == name else c for c in COLUMNS)


def add_payments(deps: Deps, **changes: object) -> DatasetContract:
    """Put the contract in force, some of it changed."""
    document = format_contract(replace(CONTRACT, **changes))  # type: ignore[arg-type]  # names are those of the class
    return add_dataset(parse_contract(document), canonical_json(document), actor=STEWARD, deps=deps)


def payment(
    person: int, *, day: str = "2026-02-03", cents: str = "5", shop: str = "a", place: str = "110105"
) -> str:
    """One row; the same person is the same number."""
    return f"154{person:08d},{day},{cents},{shop},{place}"


def write_payments(path: Path, rows: Sequence[str]) -> Path:
    """A CSV file."""
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def as_messages(rows: Sequence[str]) -> list[bytes]:
    """One JSON object a row."""
    named = (zip(HEADER.split(","), row.split(","), strict=True) for row in rows)
    return [json.dumps({name: value for name, value in row if value}).encode() for row in named]
