"""Engine rules, migrations and failures of both databases."""

from __future__ import annotations

import threading
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from fakes.clock import START
from fakes.first_version import make_first_version
from fakes.ops_rows import a_batch, a_consent, a_release
from sqlalchemy import Engine, event, inspect, text

from service.adapters.sql.engine import make_engine, migrate, sqlite_checkpoint
from service.adapters.sql.errors import plain_errors
from service.adapters.sql.ops import SqlOps
from service.adapters.sql.tables import METADATA
from service.domain.releases import ReleaseState
from service.errors import ConflictError, StorageError, UsageError
from service.ports import Ops

SECRET = "13800138000"


def reflected(engine: Engine) -> dict[str, Any]:
    """Everything the database knows about its tables, in comparable form."""
    seen = inspect(engine)

    def stable(items: list[Any]) -> list[str]:
        return sorted(repr({k: str(v) for k, v in item.items() if k != "comment"}) for item in items)

    return {
        table: [
            stable([dict(column) for column in seen.get_columns(table)]),
            stable([dict(item) for item in seen.get_indexes(table)]),
            stable([dict(item) for item in seen.get_unique_constraints(table)]),
            stable([dict(item) for item in seen.get_check_constraints(table)]),
            stable([dict(item) for item in seen.get_foreign_keys(table)]),
            str(seen.get_pk_constraint(table)),
        ]
        for table in seen.get_table_names()
        if table != "alembic_version_ops"
    }


def test_a_new_database_has_the_tables_of_the_models(engine: Engine) -> None:
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "alembic_version_ops"})
        assert compare_metadata(context, METADATA) == []


def test_the_migrations_make_an_old_database_like_a_new_one(engine: Engine) -> None:
    new = reflected(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version_ops"))
        METADATA.drop_all(connection)
        make_first_version(connection, "ops")
    migrate(engine, "ops")
    assert reflected(engine) == new


def test_tables_without_a_version_are_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version_ops"))
    with pytest.raises(StorageError):
        migrate(engine, "ops")


def test_a_dropped_constraint_would_be_seen(engine: Engine) -> None:
    before = reflected(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE budget_scope"))
        connection.execute(
            text(
                "CREATE TABLE budget_scope "
                "(scope VARCHAR PRIMARY KEY, cap BIGINT NOT NULL, spent BIGINT NOT NULL)"
            )
        )
    assert reflected(engine) != before


def test_migrating_again_or_at_the_same_time_changes_nothing(database_url: str) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        engine = make_engine(database_url)
        try:
            migrate(engine, "ops")
        except BaseException as error:  # noqa: BLE001 - the main thread looks at it
            failures.append(error)
        engine.dispose()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("version", ["9999", "0001"])  # 0001 is from before there was a first release
def test_a_database_that_no_migration_reads_is_left_alone(engine: Engine, version: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version_ops SET version_num = :v"), {"v": version})
    before = reflected(engine)
    with pytest.raises(ConflictError, match="does not fit this version"):
        migrate(engine, "ops")
    assert reflected(engine) == before


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "postgresql+psycopg2://x/y", "nonsense", ""]
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(UsageError):
        make_engine(url)


def test_sqlite_runs_with_the_safe_settings(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'a.sqlite'}")
    with engine.begin() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 30_000,
    }
    assert engine.hide_parameters


def test_a_sqlite_transaction_holds_the_write_lock_from_its_first_statement(tmp_path: Path) -> None:
    first, second = (impatient(make_engine(f"sqlite:///{tmp_path / 'a.sqlite'}")) for _ in range(2))
    migrate(first, "ops")
    with SqlOps(first, lambda: None)() as tx:
        assert tx.batches.all() == ()
        with pytest.raises(StorageError) as locked, SqlOps(second, lambda: None)():
            pass
    assert locked.value.fields == {"cause": "SQLITE_BUSY"}
    with SqlOps(second, lambda: None)() as tx:
        tx.batches.add(a_batch())


def test_two_increments_of_one_number_are_both_kept(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO budget_scope VALUES ('x', 1000, 0)"))

    def add() -> None:
        for _ in range(10):
            with engine.begin() as connection:
                query = "SELECT spent FROM budget_scope WHERE scope = 'x'"
                lock = " FOR UPDATE" if engine.dialect.name == "postgresql" else ""
                spent = connection.execute(text(query + lock)).scalar_one()
                connection.execute(text("UPDATE budget_scope SET spent = :s"), {"s": spent + 1})

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.begin() as connection:
        assert connection.execute(text("SELECT spent FROM budget_scope")).scalar_one() == 80


def test_deleted_bytes_are_gone_from_the_sqlite_files_after_a_checkpoint(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'a.sqlite'}")
    migrate(engine, "ops")
    with SqlOps(engine, lambda: None)() as tx:
        tx.consents.add([a_consent(number, notice=f"canary-{number}") for number in range(200)])
    assert any(b"canary-7" in path.read_bytes() for path in tmp_path.iterdir())
    with SqlOps(engine, lambda: None)() as tx:
        for number in range(200):
            tx.consents.forget(number)
    sqlite_checkpoint(engine)
    assert [path.name for path in tmp_path.iterdir() if b"canary" in path.read_bytes()] == []


def test_a_full_disk_is_a_storage_error_and_keeps_the_state_before(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'a.sqlite'}")
    migrate(engine, "ops")
    engine.dispose()

    @event.listens_for(engine, "connect")
    def small(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 60")

    records = [a_consent(number, notice=SECRET) for number in range(20_000)]
    with pytest.raises(StorageError) as full, SqlOps(engine, lambda: None)() as tx:
        tx.consents.add(records)
    assert full.value.fields == {"cause": "SQLITE_FULL"}
    assert SECRET not in everything_said(full.value)
    with SqlOps(engine, lambda: None)() as tx:
        assert tx.consents.frame().height == 0


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "sqlite:////proc/none/a.sqlite"])
def test_an_unreachable_database_is_a_storage_error(url: str) -> None:
    with pytest.raises(StorageError), SqlOps(make_engine(url), lambda: None)():
        pass
    with pytest.raises(StorageError):
        migrate(make_engine(url), "ops")


def test_errors_say_the_code_and_never_a_value(ops: Ops, engine: Engine) -> None:
    with ops() as tx:
        tx.releases.add(a_release(requester=SECRET))
    wrong = a_release(requester=SECRET, state=ReleaseState.APPROVED, approver=SECRET)
    with pytest.raises(ConflictError) as check, ops() as tx:
        tx.releases.save(wrong)
    assert SECRET not in everything_said(check.value)
    with pytest.raises(StorageError) as missing, plain_errors(), engine.begin() as connection:
        connection.execute(text("SELECT * FROM nothing WHERE a = :a"), {"a": SECRET})
    assert SECRET not in everything_said(missing.value)


def test_two_stores_live_in_two_schemas_of_one_postgresql_database(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        stores = [make_engine(database_url)]
    else:
        stores = [
            make_engine(f"{database_url}&options=-csearch_path%3D{schema}") for schema in ("ops_a", "ops_b")
        ]
    for number, engine in enumerate(stores):
        migrate(engine, "ops")
        with SqlOps(engine, lambda: None)() as tx:
            assert tx.batches.all() == ()
            tx.batches.add(a_batch(at=START + timedelta(days=number)))


def impatient(engine: Engine) -> Engine:
    """The same engine, which waits 50 ms for a lock instead of 30 s."""

    @event.listens_for(engine, "connect")
    def hurry(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    return engine


def everything_said(error: BaseException) -> str:
    """All that a log could get out of the error."""
    return "\n".join([repr(error), str(error), str(vars(error)), *traceback.format_exception(error)])
