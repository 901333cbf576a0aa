"""Step three of the way in: a row needs a lawful basis for its person under a purpose of its dataset.

Unknown means no: a purpose that the policies do not know gives no basis, and a person whose processing is
restricted has none at all (PIPL 44, GDPR 18). A row that refers to a consent or an authorisation of its own
needs that very one, too: ``consent_mismatch``, ``no_authorisation``, ``authorisation_expired``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from policies.model import Purpose
from privacy.consent.gate import admit
from privacy.consent.records import CONSENTS, ConsentNeed
from service.domain.batches import AdmittedBatch, PseudonymisedBatch
from service.domain.contracts import DatasetContract, Role


def need_of(purpose: Purpose) -> ConsentNeed:
    """What a purpose needs of a person's consent."""
    return ConsentNeed(basis=purpose.basis, purpose=purpose.code, kind=purpose.consent_kind)


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
    known = [purposes[code] for code in batch.contract.purposes if code in purposes]
    gate = _Gate(batch.contract, tuple(known), consents, at)
    stopped = pl.when(pl.col("_subject").is_in(sorted(restricted))).then(pl.lit("restricted"))
    verdict = pl.DataFrame({"_subject": subjects, "_reason": gate.reason(subjects)}).with_columns(
        pl.coalesce(stopped, "_reason").alias("_reason")
    )
    rows = batch.frame.join(verdict, on="_subject", how="left", maintain_order="left")
    own = gate.references(batch.frame)
    rows = rows.with_columns(_reason=pl.coalesce("_reason", *own, pl.lit(None, pl.String)))
    refused = rows.filter(pl.col("_reason").is_not_null())
    admitted = rows.filter(pl.col("_reason").is_null()).drop("_reason")
    reasons = dict(refused["_reason"].value_counts().iter_rows())
    return AdmittedBatch(batch.id, batch.contract, admitted, batch.rejected, refused.height), reasons


@dataclass(frozen=True, slots=True)
class _Gate:
    """What rows are held against: contract, those of its purposes that are known, consents, instant."""

    contract: DatasetContract
    purposes: tuple[Purpose, ...]
    consents: Callable[[str], pl.DataFrame]
    at: datetime

    def references(self, rows: pl.DataFrame) -> list[pl.Expr | pl.Series]:
        """Why a row's own consent or authorisation does not hold: a column of reasons for each reference."""
        reasons: list[pl.Expr | pl.Series] = []
        for column in self.contract.columns:
            value = pl.col(column.name)
            if column.role is Role.CONSENT_REF:
                reasons.append(self.mismatched(rows, column.name))
            elif column.role is Role.AUTHORISATION_REF:
                blank = value.str.strip_chars().fill_null("") == ""
                reasons.append(pl.when(blank).then(pl.lit("no_authorisation")))
            elif column.role is Role.EXPIRES_ON:
                over = (value < self.at.date()).fill_null(value=True)
                reasons.append(pl.when(over).then(pl.lit("authorisation_expired")))
        return reasons

    def mismatched(self, rows: pl.DataFrame, name: str) -> pl.Series:
        """``consent_mismatch`` where no standing consent was given on the notice that the row refers to.

        A withdrawal counts against it whatever notice the withdrawn consent was given on.
        """
        asked = tuple(purpose for purpose in self.purposes if purpose.basis == "consent")
        records = {purpose.code: self.consents(purpose.code) for purpose in asked}
        notices = {notice for frame in records.values() for notice in frame["notice"].unique()}
        answers = pl.Series("_mismatch", ["consent_mismatch"]).new_from_index(0, rows.height)
        for notice in notices & set(rows[name].unique()):
            mine = (pl.col("notice") == notice) | pl.col("withdrawn_at").is_not_null()
            given = {code: frame.filter(mine) for code, frame in records.items()}
            reason = replace(self, purposes=asked, consents=given.__getitem__).reason(rows["_subject"])
            held = rows[name].eq_missing(notice) & reason.is_null()
            answers = answers.zip_with(~held, pl.Series([None], dtype=pl.String))
        return answers

    def reason(self, subjects: pl.Series) -> pl.Series:
        """Null where any purpose admits, else why the first one asked does not."""
        answers: list[pl.Series] = []
        for purpose in sorted(self.purposes, key=lambda p: p.basis == "consent"):  # stable
            on_consent = purpose.basis == "consent"  # records are read only if needed
            records = self.consents(purpose.code) if on_consent else pl.DataFrame(schema=CONSENTS)
            answer = admit(subjects, records, need=need_of(purpose), at=self.at).alias(purpose.code)
            answers.append(answer)
            if answer.null_count() == subjects.len():
                return answer
        if not answers:
            return pl.repeat("no_purpose", subjects.len(), dtype=pl.String, eager=True)
        admitted = pl.any_horizontal(pl.all().is_null())
        return pl.DataFrame(answers).select(pl.when(~admitted).then(pl.first())).to_series()
