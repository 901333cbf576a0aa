"""Consent gates with a seeded bug each; signature of ``privacy.consent.gate.admit``."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from privacy.consent.gate import admit
from privacy.consent.records import ConsentNeed


def ignores_expiry(
    subjects: pl.Series, consents: pl.DataFrame, *, need: ConsentNeed, at: datetime
) -> pl.Series:
    """A consent never ends."""
    endless = pl.lit(None).cast(consents.schema["valid_until"]).alias("valid_until")
    return admit(subjects, consents.with_columns(endless), need=need, at=at)


def ignores_withdrawal(
    subjects: pl.Series, consents: pl.DataFrame, *, need: ConsentNeed, at: datetime
) -> pl.Series:
    """A withdrawal is not read."""
    never = pl.lit(None).cast(consents.schema["withdrawn_at"]).alias("withdrawn_at")
    return admit(subjects, consents.with_columns(never), need=need, at=at)


def withdraws_late(
    subjects: pl.Series, consents: pl.DataFrame, *, need: ConsentNeed, at: datetime
) -> pl.Series:
    """At the very instant of withdrawal the consent still holds."""
    late = pl.col("withdrawn_at") + timedelta(microseconds=1)
    return admit(subjects, consents.with_columns(late), need=need, at=at)


def any_kind_will_do(
    subjects: pl.Series, consents: pl.DataFrame, *, need: ConsentNeed, at: datetime
) -> pl.Series:
    """Plain consent serves a need for separate consent."""
    return admit(subjects, consents, need=ConsentNeed(need.basis, need.purpose, "plain"), at=at)


def oldest_decides(
    subjects: pl.Series, consents: pl.DataFrame, *, need: ConsentNeed, at: datetime
) -> pl.Series:
    """The first record of a subject is the only one that counts."""
    first = consents.sort("given_at", maintain_order=True).unique(
        ["_subject", "purpose"], keep="first", maintain_order=True
    )
    return admit(subjects, first, need=need, at=at)
