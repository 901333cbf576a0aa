"""A row that refers to a consent of its own needs that very consent, standing, to one of the purposes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import polars as pl
import pytest
from fakes.batches import admitted, ledger_contract

from policies.model import Purpose
from privacy.consent.records import CONSENTS
from service.domain.batches import PseudonymisedBatch
from service.domain.contracts import Column, Kind, Role
from service.usecases.admission import admit_batch

NOW = datetime(2026, 3, 1, tzinfo=UTC)
JANUARY, FEBRUARY = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
Record = tuple[str, datetime, datetime | None, datetime | None]  # notice, given, ends, withdrawn


def purpose(code: str, basis: Literal["consent", "contract"], kind: str = "") -> Purpose:
    return Purpose(
        code=code, basis=basis, consent_kind=kind, automated_decision=False, title={"en": code}, law="PIPL 13"
    )


PURPOSES = {
    "contract_performance": purpose("contract_performance", "contract"),
    "service_improvement": purpose("service_improvement", "consent", "plain"),
}


def admit(ref: str | None, *records: Record, codes: tuple[str, ...] = tuple(PURPOSES)) -> dict[str, int]:
    """Reasons for one row of a person with these consents to improving the service; empty when admitted."""
    columns = (*ledger_contract().columns, Column("reason", Role.CONSENT_REF, Kind.STRING, "C1"))
    contract = replace(ledger_contract(), purposes=codes, columns=columns)
    base = admitted("b", [(1, JANUARY.date(), 1)], contract=contract)
    frame = base.frame.with_columns(reason=pl.lit(ref, pl.String))
    rows = [
        (1, "service_improvement", "plain", given, until, gone, note) for note, given, until, gone in records
    ]
    known = pl.DataFrame(rows, schema={**CONSENTS, "notice": pl.String()}, orient="row")
    batch = PseudonymisedBatch(base.id, contract, frame, base.rejected)
    done, reasons = admit_batch(
        batch, purposes=PURPOSES, consents=lambda _code: known, restricted=frozenset(), at=NOW
    )
    assert done.refused == sum(reasons.values()) == 1 - done.frame.height
    assert "reason" in done.frame.columns  # a column of the contract, not ours
    return reasons


@pytest.mark.parametrize(
    ("ref", "records"),
    [
        ("a", [("a", JANUARY, None, None)]),
        ("a", [("a", JANUARY, None, None), ("b", FEBRUARY, None, None)]),
        ("a", [("b", JANUARY, None, JANUARY), ("a", FEBRUARY, None, None)]),
    ],
)
def test_a_standing_consent_on_the_notice_admits(ref: str, records: list[Record]) -> None:
    assert admit(ref, *records) == {}


@pytest.mark.parametrize(
    ("ref", "records"),
    [
        ("a", []),
        (None, [("a", JANUARY, None, None)]),
        ("c", [("a", JANUARY, None, None)]),
        ("a", [("a", JANUARY, FEBRUARY, None)]),
        ("a", [("a", JANUARY, None, FEBRUARY)]),
        ("a", [("a", datetime(2026, 4, 1, tzinfo=UTC), None, None)]),
        # Withdrawn from the purpose, on whatever notice the newer consent had been given:
        ("a", [("a", JANUARY, None, None), ("b", JANUARY, None, FEBRUARY)]),
    ],
)
def test_any_other_state_of_it_refuses_although_a_contract_admits_the_person(
    ref: str | None, records: list[Record]
) -> None:
    assert admit(ref, *records) == {"consent_mismatch": 1}


def test_without_a_purpose_that_rests_on_consent_nothing_can_match() -> None:
    assert admit("a", ("a", JANUARY, None, None), codes=("contract_performance",)) == {"consent_mismatch": 1}
