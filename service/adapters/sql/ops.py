"""The operational database as the use cases see it: ``with ops() as tx: tx.budget.charge(...)``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from service.adapters.sql.budget import SqlBudget
from service.adapters.sql.consents import SqlConsents
from service.adapters.sql.cursors import SqlCursors
from service.adapters.sql.datasets import SqlBatches, SqlDatasets
from service.adapters.sql.errors import plain_errors
from service.adapters.sql.models import SqlModels
from service.adapters.sql.releases import SqlReleases
from service.adapters.sql.requests import SqlRequests
from service.adapters.sql.sources import SqlSources
from service.adapters.sql.users import SqlUsers
from service.ports import Ops, OpsTransaction


class SqlTransaction:
    """``service.ports.OpsTransaction``: all tables over one connection inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.datasets = SqlDatasets(connection)
        self.batches = SqlBatches(connection)
        self.consents = SqlConsents(connection)
        self.cursors = SqlCursors(connection)
        self.budget = SqlBudget(connection)
        self.releases = SqlReleases(connection)
        self.requests = SqlRequests(connection)
        self.models = SqlModels(connection)
        self.users = SqlUsers(connection)
        self.sources = SqlSources(connection)


def open_ops(engine: Engine) -> Ops:
    """Transactions over a migrated database (``service.adapters.sql.engine.migrate(engine, "ops")``)."""

    @contextmanager
    def transaction() -> Iterator[OpsTransaction]:
        with plain_errors(), engine.begin() as connection:
            yield SqlTransaction(connection)

    return transaction
