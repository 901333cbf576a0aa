"""Engines of the operational database and of the vault, and how their tables come to be.

SQLite is the default and PostgreSQL (psycopg 3) the alternative; the URL decides. Rules for SQLite:

* every transaction is ``BEGIN IMMEDIATE``: the driver's own habit of reading outside a transaction loses
  updates silently, and a deferred transaction that starts to write fails at once, whatever the busy timeout;
* WAL with ``synchronous=FULL``: a charge or a consent that was committed survives a power cut;
* ``secure_delete=ON``: deleted bytes are overwritten, also in the journal once ``sqlite_checkpoint`` ran.

On both, parameters never show up in an error message (``hide_parameters``). The two stores may share a
PostgreSQL server and even a database: give each its own schema by ``?options=-csearch_path%3Dvault``.

A new database is made from the tables as they are, an older one is brought to the same by migrations. To add
one: change the tables, then, over a database of before,
``alembic.command.revision(alembic_config("ops", connection), message, autogenerate=True)``.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from service.adapters.sql import tables, vault_tables
from service.adapters.sql.errors import plain_errors
from service.errors import ConflictError, UsageError

Store = Literal["ops", "vault"]

BUSY_SECONDS: Final = 30
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_METADATA: Final = {"ops": tables.METADATA, "vault": vault_tables.METADATA}
_LOCK: Final = 0x66696475  # advisory lock: one process migrates at a time


def make_engine(url: str) -> Engine:
    """An engine with the rules above.

    Args:
        url: ``sqlite:///path`` or ``postgresql://user@host/database``.

    Raises:
        UsageError: another database, a database in memory, or not a URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError("database URL cannot be read") from None
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return _sqlite(parsed)
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return _postgresql(parsed)
    raise UsageError("database must be SQLite or PostgreSQL")


def _sqlite(url: URL) -> Engine:
    if url.database in {None, "", ":memory:"}:
        raise UsageError("SQLite must be a file")
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin or commit by itself
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA cache_size = -8192")  # KiB: blind indexes come in random order

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> Engine:
    given = url.query.get("options", "")
    theirs = given if isinstance(given, str) else " ".join(given)
    options = f"{theirs} -c timezone=UTC -c lock_timeout={BUSY_SECONDS * 1000}".strip()
    return create_engine(
        url.difference_update_query(["options"]),
        hide_parameters=True,
        paramstyle="format",  # by position, as in SQLite: see ``execute_many``
        pool_pre_ping=True,
        connect_args={"options": options, "connect_timeout": BUSY_SECONDS},
    )


def sqlite_checkpoint(engine: Engine) -> None:
    """Move the WAL into the database file and cut it to nothing, so that erased bytes leave both.

    Does nothing on PostgreSQL. Raises StorageError, ConflictError when a reader holds the WAL.
    """
    if engine.dialect.name != "sqlite":
        return
    with plain_errors(), closing(engine.raw_connection()) as raw:
        row = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if row[0] != 0:
        raise ConflictError("the journal is in use")


def alembic_config(store: Store, connection: Connection) -> Config:
    """Alembic's configuration, without an ini file, for one store over an open connection."""
    config = Config()
    scripts = str(_MIGRATIONS).replace("%", "%%")
    config.set_main_option("script_location", scripts)
    config.set_main_option("version_locations", f"{scripts}/{store}")
    config.set_main_option("path_separator", "os")
    version_table = f"alembic_version_{store}"
    config.attributes.update(connection=connection, version_table=version_table, metadata=_METADATA[store])
    return config


def migrate(engine: Engine, store: Store) -> None:
    """Bring a store's tables to this program's version, all of it in one transaction, one process at a time.

    Raises:
        ConflictError: the database was made by a newer program.
        StorageError: unreachable, full or read-only; nothing has changed.
    """
    with plain_errors(), engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            _prepare_postgresql(connection)
        config = alembic_config(store, connection)
        if not inspect(connection).has_table(config.attributes["version_table"]):
            _METADATA[store].create_all(connection, checkfirst=False)
            command.stamp(config, "head")
            return
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise ConflictError(
                "the database does not fit this version of the program", store=store
            ) from None


def _prepare_postgresql(connection: Connection) -> None:
    """Take the migration lock; make the schema that the URL names if it is missing."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    if connection.scalar(text("SELECT current_schema()")) is None:
        schema = str(connection.scalar(text("SHOW search_path"))).split(",")[0].strip(' "')
        quoted = connection.dialect.identifier_preparer.quote(schema)
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quoted}"))
