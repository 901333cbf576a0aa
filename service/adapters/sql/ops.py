"""The operational database as the use cases see it: ``with ops() as tx: tx.budget.charge(...)``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from service.adapters.sql.budget import SqlBudget
from service.adapters.sql.consents import SqlConsents
from service.adapters.sql.datasets import SqlBatches, SqlDatasets
from service.adapters.sql.errors import plain_errors
from service.adapters.sql.sources import SqlCursors, SqlSources
from service.adapters.sql.states import SqlModels, SqlReleases, SqlRequests
from service.adapters.sql.users import SqlUsers
from service.ports import Ops, OpsTransaction


def open_ops(engine: Engine) -> Ops:
    """Transactions over a migrated database (``service.adapters.sql.engine.migrate(engine, "ops")``)."""

    @contextmanager
    def transaction() -> Iterator[OpsTransaction]:
        with plain_errors(), engine.begin() as connection:
            yield OpsTransaction(
                datasets=SqlDatasets(connection),
                batches=SqlBatches(connection),
                consents=SqlConsents(connection),
                cursors=SqlCursors(connection),
                budget=SqlBudget(connection),
                releases=SqlReleases(connection),
                requests=SqlRequests(connection),
                models=SqlModels(connection),
                users=SqlUsers(connection),
                sources=SqlSources(connection),
            )

    return transaction
