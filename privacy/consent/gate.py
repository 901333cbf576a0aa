"""The consent gate: for every row, may its subject's data be used for this purpose at this instant?

Of a subject's records for the purpose, those given at or before the instant count. Then:

1. no record: ``no_consent``;
2. the newest record whose kind covers the need decides (on a tie, the one that ends first). If there is none,
   the newest record of any kind is looked at in its place, and if it stands the answer is ``not_separate``;
3. a withdrawal counts against every record given up to that instant, of whatever kind: a person withdraws
   from a purpose, not from a form. ``withdrawn``;
4. at or after the end of validity: ``expired``;
5. otherwise admitted (null).

A basis that needs no consent admits every row (PIPL 13); an unknown basis, kind or subject admits none.

>>> from datetime import UTC, datetime
>>> day = datetime(2026, 1, 1, tzinfo=UTC)
>>> consents = pl.DataFrame({"_subject": [1], "purpose": ["scoring"], "kind": ["plain"], "given_at": [day],
...     "valid_until": [None], "withdrawn_at": [None]}, schema=CONSENTS)
>>> admit(pl.Series([1, 2]), consents, need=ConsentNeed("consent", "scoring", "plain"), at=day).to_list()
[None, 'no_consent']
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl

from privacy.consent.records import CONSENTS, COVERED_BY, NO_CONSENT_NEEDED, ConsentNeed

NO_CONSENT: Final = "no_consent"
WITHDRAWN: Final = "withdrawn"
EXPIRED: Final = "expired"
NOT_SEPARATE: Final = "not_separate"

_DENSE: Final = 4  # subject numbers are dense when the largest is below this many times their count


def admit(subjects: pl.Series, consents: pl.DataFrame, *, need: ConsentNeed, at: datetime) -> pl.Series:
    """Judge every row.

    Args:
        subjects: Int64 subject numbers, one per row, null where unknown; repeats are welcome.
        consents: at least the columns of ``CONSENTS``; records of other purposes are passed over.
        need: what the purpose needs.
        at: aware instant.

    Returns:
        String series of reasons, same length, named ``reason``: null = admitted, else ``no_consent``,
        ``withdrawn``, ``expired`` or ``not_separate``.

    Raises:
        ValueError: ``at`` is naive.
    """
    if at.utcoffset() is None:
        raise ValueError("the instant must have a time zone")
    if need.basis in NO_CONSENT_NEEDED:  # PIPL 13
        return pl.repeat(None, len(subjects), dtype=pl.String, eager=True).alias("reason")
    if need.basis != "consent" or need.kind not in COVERED_BY:
        return pl.repeat(NO_CONSENT, len(subjects), dtype=pl.String, eager=True).alias("reason")
    return _spread(subjects.cast(pl.Int64), judge(consents, need=need, at=at))


def judge(consents: pl.DataFrame, *, need: ConsentNeed, at: datetime) -> pl.DataFrame:
    """One row per subject that has a record: ``_subject`` and ``reason`` (null = admitted)."""
    instant = pl.lit(at).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    known = (
        consents.lazy()
        .select(pl.col(name).cast(dtype) for name, dtype in CONSENTS.items())
        .filter(pl.col("_subject") >= 0, pl.col("purpose") == need.purpose, pl.col("given_at") <= instant)
        .with_columns(covers=pl.col("kind").is_in(sorted(COVERED_BY[need.kind])))
    )
    newest = pl.col("given_at").max().over("_subject", "covers") == pl.col("given_at")
    withdrawn = pl.col("withdrawn_at").filter(pl.col("withdrawn_at") <= instant).max()
    decisive = known.with_columns(covered=pl.col("covers").any().over("_subject")).with_columns(
        decides=newest & (pl.col("covers") == pl.col("covered"))
    )
    mine = pl.col("decides")
    return (
        decisive.group_by("_subject")
        .agg(
            covered=pl.col("covered").first(),
            given=pl.col("given_at").filter(mine).first(),
            until=pl.col("valid_until").filter(mine).min(),
            gone=withdrawn,
            own=(mine & (pl.col("withdrawn_at") <= instant)).any(),
        )
        .select(
            "_subject",
            pl.when((pl.col("gone") >= pl.col("given")) | pl.col("own"))
            .then(pl.lit(WITHDRAWN))  # PIPL 15
            .when(pl.col("until") <= instant)
            .then(pl.lit(EXPIRED))
            .when(~pl.col("covered"))
            .then(pl.lit(NOT_SEPARATE))  # PIPL 29
            .alias("reason"),
        )
        .collect()
    )


def _spread(subjects: pl.Series, judged: pl.DataFrame) -> pl.Series:
    """Bring the subjects' answers to the rows: one gather by number, or a join where numbers are sparse."""
    top = judged["_subject"].max()
    if isinstance(top, int) and 0 <= top < _DENSE * len(judged) + 1024:
        slots = pl.Series([NO_CONSENT], dtype=pl.String).new_from_index(0, top + 2)
        answers = slots.scatter(judged["_subject"], judged["reason"])
        known = subjects.is_between(0, top)
        frame = pl.DataFrame({"at": subjects, "known": known})
        index = frame.select(pl.when("known").then("at").otherwise(top + 1)).to_series()
        return answers.gather(index).alias("reason")
    rows = pl.DataFrame({"_subject": subjects})
    answers_by_number = judged.with_columns(found=True)
    joined = rows.join(answers_by_number, on="_subject", how="left", maintain_order="left")
    return joined.select(
        pl.when("found").then("reason").otherwise(pl.lit(NO_CONSENT)).alias("reason")
    ).to_series()
