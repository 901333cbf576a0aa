"""The one place where stored rows are read for use; no other use case scans the event store.

A row is there no longer

* when the authorisation it was fetched under has ended: the day of its ``expires_on`` was the last;
* when its retention class lets it be used for so many days only, and its event is older than that.

Both are asked by the clock at every read, so nothing has to run on the day. Merged enrolments are read as
one person (``service.usecases.persons``). What a right of the person needs
(copy, deletion) is read elsewhere and sees every row.
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
    usable = rows if contract is None else rows.filter(*_usable(contract, deps))
    return as_one(usable, contract, aliases_of(deps))


def _usable(contract: DatasetContract, deps: Deps) -> list[pl.Expr]:
    today = deps.clock.now().date()
    tests = [pl.col(c.name) >= today for c in contract.with_role(Role.EXPIRES_ON)]
    rule = deps.policy.bundle.retention.get(contract.retention_class)
    if rule is None:  # the policies do not know the class any more: no means no
        return [pl.lit(value=False)]
    if rule.use_days and contract.period:  # PIPL 19
        tests.append(pl.col(contract.period.name).cast(pl.Date) >= today - timedelta(days=rule.use_days))
    return tests
