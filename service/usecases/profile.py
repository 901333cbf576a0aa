"""Profiles: features and the value segment of every customer who consented to value analysis.

Beside them the features of clicks, for those who consented to the analysis of their behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from audit.entry import Detail
from service.domain.actors import Actor
from service.domain.buckets import bucket_expr
from service.domain.contracts import DatasetContract, Role
from service.errors import ConflictError
from service.ports import Deps
from service.profiling.features import features
from service.profiling.segments import segments
from service.profiling.sessions import session_features
from service.usecases.access import Act, authorise
from service.usecases.audience import audience, processable
from service.usecases.persons import headcount
from service.usecases.reference import district_features
from service.usecases.rows import rows_for_use

PURPOSE: Final = "value_segmentation"
TABLE: Final = "derived_profile"
BEHAVIOUR: Final = "behaviour_analysis"
SESSIONS: Final = "derived_sessions"
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
    act = authorise(deps, actor, "profile:build", purpose=PURPOSE, data_class="C2", resource=TABLE)
    day = as_of or deps.clock.now().date()
    sessions = _build_sessions(day, actor, deps)
    statements, customers = load_behaviour(audience(PURPOSE, deps), deps)
    frame = features(statements, customers, day)
    table = frame.join(segments(frame), on="_sp", how="inner")
    table = table.join(district_features(deps), on="_sp", how="left", maintain_order="left")
    left_out = headcount(deps) - table.height
    version = put_derived(act, TABLE, table, day, detail=(("left_out", left_out),))
    return ProfilesBuilt(table.height, left_out, day.isoformat(), version, sessions)


@dataclass(frozen=True, slots=True)
class Profile:
    """A customer's segment and what it rests on. Amounts are cents a month."""

    segment: str
    contribution_cents: int
    reliability: str
    direction: str
    as_of: str


def read_profile(
    *, id_type: str = "", value: str = "", pseudonym: str = "", actor: Actor, deps: Deps
) -> Profile:
    """One customer's segment, by identifier or by the purpose's pseudonym in hex.

    Raises:
        DeniedError: the actor lacks ``profile:read``, or the customer gave no consent or is restricted.
        UnknownError: no such customer.
        ConflictError: no profile has been built for them yet.
    """
    act = authorise(deps, actor, "profile:read", purpose=PURPOSE, data_class="C2", resource=TABLE)
    row_key = processable(act, PURPOSE, id_type=id_type, value=value, pseudonym=pseudonym)
    rows = deps.events.read_subject(TABLE, row_key) if deps.events.version(TABLE) >= 0 else pl.DataFrame()
    if rows.is_empty():
        raise ConflictError("no profile has been built for this customer")
    act.record(basis="consent", about=row_key, subjects=1)
    row = rows.row(0, named=True)
    said = {name: row[name] for name in ("segment", "contribution_cents", "reliability", "direction")}
    return Profile(**said, as_of=row["as_of"].isoformat())


def put_derived(
    act: Act,
    name: str,
    frame: pl.DataFrame,
    day: date,
    *,
    payload: str = "",
    detail: Detail = (),
    **more: pl.Expr,
) -> int:
    """Log that a derived table is made for its people as of a day, and write it; returns its version."""
    table = frame.with_columns(bucket_expr(act.deps.events.n_buckets), **more, as_of=pl.lit(day))
    detail = (("as_of", day.isoformat()), *detail)
    act.record(basis="consent", among=table["_sp"], subjects=table.height, payload=payload, detail=detail)
    return act.deps.events.replace(name, table)


def _build_sessions(day: date, actor: Actor, deps: Deps) -> int:
    """Build ``derived_sessions`` anew from the clicks up to a day; how many customers are in it.

    Only of those who consented to the analysis of their behaviour. Without a dataset of clicks nothing is
    done, and nobody is asked whether the actor may.
    """
    with deps.ops() as tx:
        logs = [c for c in tx.datasets.all() if c.with_role(Role.WEB_PATH)]
    stored = [c for c in logs if deps.events.version(c.name) >= 0]
    if not stored:
        return 0
    act = authorise(deps, actor, "profile:build", purpose=BEHAVIOUR, data_class="C2", resource=SESSIONS)
    people = audience(BEHAVIOUR, deps).lazy().select("_sp")
    clicks = pl.concat(_clicks(log, deps) for log in stored).filter(pl.col("at").dt.date() <= day)
    table = session_features(clicks.join(people, on="_sp", how="semi").collect())
    put_derived(act, SESSIONS, table, day)
    return table.height


def _clicks(log: DatasetContract, deps: Deps) -> pl.LazyFrame:
    at, path = log.with_role(Role.EVENT_TIME)[0], log.with_role(Role.WEB_PATH)[0]
    return rows_for_use(log.name, deps).select("_sp", at=at.name, path=path.name).drop_nulls()
