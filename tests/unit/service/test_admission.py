"""Row by row: one purpose with a basis admits, restriction stops, unknown means no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Literal

import polars as pl
import pytest
from fakes.batches import admitted, ledger_contract

from policies.model import Purpose
from privacy.consent.records import CONSENTS
from service.domain.batches import AdmittedBatch, PseudonymisedBatch
from service.usecases.admission import admit_batch

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = date(2026, 1, 5)


def purpose(code: str, basis: Literal["consent", "contract"], kind: str = "") -> Purpose:
    """A purpose of that code and basis."""
    return Purpose(
        code=code, basis=basis, consent_kind=kind, automated_decision=False, title={"en": code}, law="PIPL 13"
    )


PURPOSES: Mapping[str, Purpose] = {
    "contract_performance": purpose("contract_performance", "contract"),
    "credit_scoring": purpose("credit_scoring", "consent", "separate"),
    "service_improvement": purpose("service_improvement", "consent", "plain"),
}


def records(code: str) -> pl.DataFrame:
    """Subject 1 consented plainly to both purposes, subject 2 withdrew."""
    rows = [
        (1, code, "plain", datetime(2026, 1, 1, tzinfo=UTC), None, None),
        (2, code, "plain", datetime(2026, 1, 1, tzinfo=UTC), None, datetime(2026, 2, 1, tzinfo=UTC)),
    ]
    return pl.DataFrame(rows, schema=CONSENTS, orient="row")


def admit(*purposes: str, restricted: frozenset[int] = frozenset()) -> tuple[AdmittedBatch, dict[str, int]]:
    """Admit one row of each of subjects 1 to 3 and a second one of subject 1."""
    base = admitted("b", [(1, DAY, 1), (2, DAY, 2), (3, DAY, 3), (1, DAY, 4)], rejected=[None])
    batch = PseudonymisedBatch(
        base.id, replace(ledger_contract(), purposes=purposes), base.frame, base.rejected
    )
    return admit_batch(batch, purposes=PURPOSES, consents=records, restricted=restricted, at=NOW)


def test_a_contract_admits_everybody_and_reads_no_consent() -> None:
    batch, reasons = admit("credit_scoring", "contract_performance")
    assert batch.frame.height == 4
    assert reasons == {}


def test_consent_admits_those_who_gave_it_and_says_why_not_the_others() -> None:
    batch, reasons = admit("service_improvement")
    assert batch.frame["cents"].to_list() == [1, 4]
    assert reasons == {"withdrawn": 1, "no_consent": 1}
    assert batch.refused == 2


def test_one_purpose_with_a_basis_is_enough() -> None:
    batch, reasons = admit("credit_scoring", "service_improvement")
    assert batch.frame["cents"].to_list() == [1, 4]
    assert sum(reasons.values()) == 2


def test_plain_consent_does_not_do_where_separate_consent_is_needed() -> None:
    assert admit("credit_scoring")[1]["not_separate"] == 2


@pytest.mark.parametrize("purposes", [(), ("world_domination",)])
def test_a_purpose_that_nobody_knows_admits_nobody(purposes: tuple[str, ...]) -> None:
    batch, reasons = admit(*purposes)
    assert batch.frame.is_empty()
    assert reasons == {"no_purpose": 4}


def test_restriction_stops_even_what_a_contract_allows() -> None:
    batch, reasons = admit("contract_performance", restricted=frozenset({1, 99}))
    assert batch.frame["cents"].to_list() == [2, 3]
    assert reasons == {"restricted": 2}


def test_rejected_rows_and_the_columns_of_the_batch_pass_through() -> None:
    batch, _ = admit("contract_performance")
    assert batch.rejected.height == 1
    assert "reason" not in batch.frame.columns
