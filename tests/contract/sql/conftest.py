"""An empty, migrated operational database on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from service.adapters.sql.engine import make_engine, migrate
from service.adapters.sql.ops import SqlOps
from service.ports import Ops


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Engine over a migrated database."""
    engine = make_engine(database_url)
    migrate(engine, "ops")
    yield engine
    engine.dispose()


@pytest.fixture
def ops(engine: Engine) -> Ops:
    """Transactions over it."""
    return SqlOps(engine, lambda: None)
