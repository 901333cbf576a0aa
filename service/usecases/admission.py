"""Step three of the way in: a row needs a lawful basis for its person under a purpose of its dataset.

Unknown means no: a purpose that the policies do not know gives no basis, and a person whose processing is
restricted has none at all (PIPL 44, GDPR 18). A row that refers to a consent or an authorisation of its own
needs that very one, too: ``consent_mismatch``, ``no_authorisation``, ``authorisation_expired``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import polars as pl

from policies.model import Purpose
from privacy.consent.gate import admit
from privacy.consent.records import CONSENTS, ConsentNeed
from service.domain.batches import AdmittedBatch, PseudonymisedBatch
from service.domain.contracts import DatasetContract, Role


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
    verdict = pl.DataFrame({"_subject": subjects, "_reason": reason}).with_columns(
        pl.coalesce(stopped, "_reason").alias("_reason")
    )
    rows = batch.frame.join(verdict, on="_subject", how="left", maintain_order="left")
    own = _references(batch.frame, batch.contract, purposes, consents, at)
    rows = rows.with_columns(_reason=pl.coalesce("_reason", *own, pl.lit(None, pl.String)))
    refused = rows.filter(pl.col("_reason").is_not_null())
    admitted = rows.filter(pl.col("_reason").is_null()).drop("_reason")
    reasons = dict(refused["_reason"].value_counts().iter_rows())
    return AdmittedBatch(batch.id, batch.contract, admitted, batch.rejected, refused.height), reasons


def _references(
    rows: pl.DataFrame,
    contract: DatasetContract,
    purposes: Mapping[str, Purpose],
    consents: Callable[[str], pl.DataFrame],
    at: datetime,
) -> list[pl.Expr | pl.Series]:
    """Why a row's own consent or authorisation does not hold: one column of reasons for each reference."""
    reasons: list[pl.Expr | pl.Series] = []
    for column in contract.columns:
        value = pl.col(column.name)
        if column.role is Role.CONSENT_REF:
            reasons.append(_mismatched(rows, column.name, contract.purposes, purposes, consents, at=at))
        elif column.role is Role.AUTHORISATION_REF:
            blank = value.str.strip_chars().fill_null("") == ""
            reasons.append(pl.when(blank).then(pl.lit("no_authorisation")))
        elif column.role is Role.EXPIRES_ON:
            over = (value < at.date()).fill_null(value=True)
            reasons.append(pl.when(over).then(pl.lit("authorisation_expired")))
    return reasons


def _mismatched(
    rows: pl.DataFrame,
    name: str,
    codes: tuple[str, ...],
    purposes: Mapping[str, Purpose],
    consents: Callable[[str], pl.DataFrame],
    *,
    at: datetime,
) -> pl.Series:
    """``consent_mismatch`` where no standing consent was given on the notice that the row refers to.

    A withdrawal counts against it whatever notice the withdrawn consent was given on.
    """
    asked = {c: purposes[c] for c in codes if c in purposes and purposes[c].basis == "consent"}
    records = {code: consents(code) for code in asked}
    notices = {notice for frame in records.values() for notice in frame["notice"].unique()}
    answers = pl.Series("_mismatch", ["consent_mismatch"]).new_from_index(0, rows.height)
    for notice in notices & set(rows[name].unique()):
        mine = (pl.col("notice") == notice) | pl.col("withdrawn_at").is_not_null()
        given = {code: frame.filter(mine) for code, frame in records.items()}
        here = rows[name].eq_missing(notice)
        held = here & _reason(rows["_subject"], codes, asked, given.__getitem__, at).is_null()
        answers = answers.zip_with(~held, pl.Series([None], dtype=pl.String))
    return answers


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
