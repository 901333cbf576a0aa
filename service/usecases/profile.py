"""Profiles: features and the value segment of every customer who consented to value analysis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import polars as pl

from service.domain.actors import Actor
from service.domain.buckets import bucket_expr
from service.errors import ConflictError
from service.ports import Deps
from service.profiling.features import features
from service.profiling.segments import segments
from service.usecases.access import authorise, record
from service.usecases.audience import (
    audience,
    denied,
    find_subject,
    refusal,
    storage_pseudonym,
    subject_tag,
)
from service.usecases.behaviour import build_sessions
from service.usecases.persons import headcount
from service.usecases.reference import district_features
from service.usecases.rows import rows_for_use

PURPOSE: Final = "value_segmentation"
TABLE: Final = "derived_profile"
_STATEMENT: Final = ("_sp", "month", "bill_cents", "paid_cents", "pay_status")


@dataclass(frozen=True, slots=True)
class ProfilesBuilt:
    """What a build did: ``customers`` have a profile, ``left_out`` lack a basis or statements.

    ``sessions`` customers have features of their clicks.
    """

    customers: int
    left_out: int
    as_of: str
    table_version: int
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """A customer's segment and what it rests on. Amounts are cents a month."""

    segment: str
    contribution_cents: int
    reliability: str
    direction: str
    as_of: str


def load_behaviour(people: pl.DataFrame, deps: Deps) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Statements and customers of these people only; columns that features need, protected attributes not."""
    mine = people.lazy().select("_sp")
    statements = rows_for_use("statements", deps).select(_STATEMENT).join(mine, on="_sp", how="semi")
    customers = rows_for_use("customers", deps).select("_sp", "limit_cents", "default_next_month")
    return statements.collect(), customers.join(mine, on="_sp", how="semi").collect()


def build_profiles(*, actor: Actor, deps: Deps, as_of: date | None = None) -> ProfilesBuilt:
    """Build ``derived_profile`` anew, with features of districts, and ``derived_sessions`` from clicks.

    Raises:
        DeniedError: the actor lacks ``profile:build`` for the purpose.
        UnknownError: there are no statements or customers yet.
    """
    decision = authorise(deps, actor, "profile:build", purpose=PURPOSE, data_class="C2", resource=TABLE)
    day = as_of or deps.clock.now().date()
    sessions = build_sessions(day, actor=actor, deps=deps)
    people = audience(PURPOSE, deps)
    statements, customers = load_behaviour(people, deps)
    frame = features(statements, customers, day)
    table = frame.join(segments(frame), on="_sp", how="inner")
    table = table.join(district_features(deps), on="_sp", how="left", maintain_order="left").with_columns(
        bucket_expr(deps.events.n_buckets), as_of=pl.lit(day)
    )
    living = headcount(deps)
    record(
        deps, actor, decision, "profile:build",
        purpose=PURPOSE, basis="consent", resource=TABLE, subjects=table.height,
        detail=(("as_of", day.isoformat()), ("left_out", living - table.height)),
    )  # fmt: skip
    version = deps.events.replace(TABLE, table)
    return ProfilesBuilt(table.height, living - table.height, day.isoformat(), version, sessions)


def read_profile(
    *, id_type: str = "", value: str = "", pseudonym: str = "", actor: Actor, deps: Deps
) -> Profile:
    """One customer's segment, by identifier or by the purpose's pseudonym in hex.

    Raises:
        DeniedError: the actor lacks ``profile:read``, or the customer gave no consent or is restricted.
        UnknownError: no such customer.
        ConflictError: no profile has been built for them yet.
    """
    decision = authorise(deps, actor, "profile:read", purpose=PURPOSE, data_class="C2", resource=TABLE)
    subject = find_subject(PURPOSE, id_type=id_type, value=value, pseudonym=pseudonym, deps=deps)
    reason = refusal(subject, PURPOSE, deps)
    row_key = storage_pseudonym(subject, deps)
    entry_id, tag = subject_tag(row_key, deps)
    if reason is not None:
        no = replace(decision, allow=False, reason=reason)
        record(deps, actor, no, "profile:read", purpose=PURPOSE, resource=TABLE, tag=tag, entry_id=entry_id)
        raise denied(reason, "profile:read")
    rows = deps.events.read_subject(TABLE, row_key) if deps.events.version(TABLE) >= 0 else pl.DataFrame()
    if rows.is_empty():
        raise ConflictError("no profile has been built for this customer")
    record(
        deps, actor, decision, "profile:read",
        purpose=PURPOSE, basis="consent", resource=TABLE, tag=tag, subjects=1, entry_id=entry_id,
    )  # fmt: skip
    row = rows.row(0, named=True)
    return Profile(
        segment=row["segment"],
        contribution_cents=row["contribution_cents"],
        reliability=row["reliability"],
        direction=row["direction"],
        as_of=row["as_of"].isoformat(),
    )
