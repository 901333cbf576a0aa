"""Step three of the way in: a row needs a lawful basis for its person under a purpose of its dataset.

Unknown means no: a purpose that the policies do not know gives no basis, and a person whose processing is
restricted has none at all (PIPL 44, GDPR 18).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import polars as pl

from policies.model import Purpose
from privacy.consent.gate import admit
from privacy.consent.records import CONSENTS, ConsentNeed
from service.domain.batches import AdmittedBatch, PseudonymisedBatch


def admit_batch(
    batch: PseudonymisedBatch,
    *,
    purposes: Mapping[str, Purpose],
    consents: Callable[[str], pl.DataFrame],
    restricted: frozenset[int],
    at: datetime,
) -> tuple[AdmittedBatch, dict[str, int]]:
    """Admit or refuse each row.

    Args:
        batch: rows with ``_subject``.
        purposes: purposes in force, by code.
        consents: consent records of one purpose; asked only for a purpose that rests on consent.
        restricted: subjects whose processing is restricted.
        at: the instant for which consent must stand.

    Returns:
        The batch with admitted rows only and, by reason, how many rows were refused.
    """
    subjects = batch.frame["_subject"].unique(maintain_order=True)
    reason = _reason(subjects, batch.contract.purposes, purposes, consents, at)
    stopped = pl.when(pl.col("_subject").is_in(sorted(restricted))).then(pl.lit("restricted"))
    verdict = pl.DataFrame({"_subject": subjects, "reason": reason}).with_columns(
        pl.coalesce(stopped, "reason").alias("reason")
    )
    rows = batch.frame.join(verdict, on="_subject", how="left", maintain_order="left")
    refused = rows.filter(pl.col("reason").is_not_null())
    admitted = rows.filter(pl.col("reason").is_null()).drop("reason")
    reasons = dict(refused["reason"].value_counts().iter_rows())
    return AdmittedBatch(batch.id, batch.contract, admitted, batch.rejected, refused.height), reasons


def _reason(
    subjects: pl.Series,
    codes: tuple[str, ...],
    purposes: Mapping[str, Purpose],
    consents: Callable[[str], pl.DataFrame],
    at: datetime,
) -> pl.Series:
    """Null where any purpose admits, else why the first one asked does not."""
    known = [purposes[code] for code in codes if code in purposes]
    answers: list[pl.Series] = []
    for purpose in sorted(
        known, key=lambda p: p.basis == "consent"
    ):  # stable; records are read only if needed
        need = ConsentNeed(basis=purpose.basis, purpose=purpose.code, kind=purpose.consent_kind)
        records = consents(purpose.code) if purpose.basis == "consent" else pl.DataFrame(schema=CONSENTS)
        answers.append(admit(subjects, records, need=need, at=at).alias(purpose.code))
        if answers[-1].null_count() == subjects.len():
            return answers[-1]
    if not answers:
        return pl.repeat("no_purpose", subjects.len(), dtype=pl.String, eager=True)
    admitted = pl.any_horizontal(pl.all().is_null())
    return pl.DataFrame(answers).select(pl.when(~admitted).then(pl.first())).to_series()
