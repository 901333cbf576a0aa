"""Features of clicks, for those who consented to the analysis of their behaviour and for nobody else."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from service.domain.actors import Actor
from service.domain.buckets import bucket_expr
from service.domain.contracts import DatasetContract, Role
from service.ports import Deps
from service.profiling.sessions import session_features
from service.usecases.access import authorise, record
from service.usecases.audience import audience
from service.usecases.rows import rows_for_use

PURPOSE: Final = "behaviour_analysis"
TABLE: Final = "derived_sessions"


def build_sessions(day: date, *, actor: Actor, deps: Deps) -> int:
    """Build ``derived_sessions`` anew from the clicks up to a day; how many customers are in it.

    Without a dataset of clicks nothing is done, and nobody is asked whether the actor may.

    Raises:
        DeniedError: the actor lacks ``profile:build`` for the purpose.
    """
    with deps.ops() as tx:
        logs = [c for c in tx.datasets.all() if c.with_role(Role.WEB_PATH)]
    stored = [c for c in logs if deps.events.version(c.name) >= 0]
    if not stored:
        return 0
    decision = authorise(deps, actor, "profile:build", purpose=PURPOSE, data_class="C2", resource=TABLE)
    people = audience(PURPOSE, deps).lazy().select("_sp")
    clicks = pl.concat(_clicks(log, deps) for log in stored).filter(pl.col("at").dt.date() <= day)
    table = session_features(clicks.join(people, on="_sp", how="semi").collect()).with_columns(
        bucket_expr(deps.events.n_buckets), as_of=pl.lit(day)
    )
    record(
        deps, actor, decision, "profile:build",
        purpose=PURPOSE, basis="consent", resource=TABLE, subjects=table.height,
        detail=(("as_of", day.isoformat()),),
    )  # fmt: skip
    deps.events.replace(TABLE, table)
    return table.height


def _clicks(log: DatasetContract, deps: Deps) -> pl.LazyFrame:
    at, path = log.with_role(Role.EVENT_TIME)[0], log.with_role(Role.WEB_PATH)[0]
    return rows_for_use(log.name, deps).select("_sp", at=at.name, path=path.name).drop_nulls()
