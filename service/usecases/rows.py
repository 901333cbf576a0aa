"""The one place where stored rows are read for use; no other use case scans the event store.

A row is there no longer

* when the authorisation it was fetched under has ended: the day of its ``expires_on`` was the last;
* when its retention class lets it be used for so many days only, and its event is older than that.

Both are asked by the clock at every read, so nothing has to run on the day; what is hidden here is removed
for good by ``service.usecases.retention``, which asks the same. Merged enrolments are read as one person
(``service.usecases.persons``). What a right of the person needs (copy, deletion) is read elsewhere and sees
every row.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from service.domain.contracts import DatasetContract, Role
from service.ports import Deps
from service.usecases.persons import aliases_of, as_one


def rows_for_use(name: str, deps: Deps) -> pl.LazyFrame:
    """The rows of a table that may be used today; all of a derived one. Raises UnknownError."""
    rows = deps.events.scan(name)
    with deps.ops() as tx:
        contract = tx.datasets.get(name)
    shown = rows if contract is None else rows.filter(*usable(contract, deps))
    return as_one(shown, contract, aliases_of(deps))


def rows_held(name: str, deps: Deps) -> pl.LazyFrame:
    """The rows of a table as they lie on disk, whatever they may be used for: to be counted, not shown."""
    return deps.events.scan(name)


def usable(contract: DatasetContract, deps: Deps) -> list[pl.Expr]:
    """What holds of a row that may be used today; null is no. Empty where no time ends it."""
    if contract.retention_class not in deps.policy.bundle.retention:  # not any more: no means no
        return [pl.lit(value=False)]
    today = deps.clock.now().date()
    return [
        *(pl.col(c.name) >= today for c in contract.with_role(Role.EXPIRES_ON)),
        *recent(contract, deps),
    ]


def recent(contract: DatasetContract, deps: Deps) -> list[pl.Expr]:
    """That the event is not older than the class lets it be used; empty for a class without such an end."""
    rule = deps.policy.bundle.retention.get(contract.retention_class)
    if rule is None or not rule.use_days or contract.period is None:
        return []
    first = deps.clock.now().date() - timedelta(days=rule.use_days)
    return [pl.col(contract.period.name).cast(pl.Date) >= first]  # PIPL 19
