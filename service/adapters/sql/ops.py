"""The operational database as the use cases see it: ``with ops() as tx: tx.budget.charge(...)``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from service.adapters.sql.audit_index import SqlOutbox
from service.adapters.sql.budget import SqlBudget
from service.adapters.sql.consents import SqlConsents
from service.adapters.sql.datasets import SqlBatches, SqlDatasets
from service.adapters.sql.errors import plain_errors
from service.adapters.sql.sources import SqlCursors, SqlSources
from service.adapters.sql.states import SqlModels, SqlReleases, SqlRequests
from service.adapters.sql.users import SqlUsers
from service.ports import OpsTransaction


@dataclass(frozen=True, slots=True)
class SqlOps:
    """``service.ports.Ops`` over a migrated database (``engine.migrate(engine, "ops")``).

    Attributes:
        engine: of the database.
        relay: called after a transaction that put something in the outbox.
    """

    engine: Engine
    relay: Callable[[], None]

    @contextmanager
    def __call__(self) -> Iterator[OpsTransaction]:
        """One transaction."""
        with plain_errors(), self.engine.begin() as connection:
            outbox = SqlOutbox(connection)
            yield OpsTransaction(
                outbox=outbox,
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
        if outbox.is_used:
            self.relay()
