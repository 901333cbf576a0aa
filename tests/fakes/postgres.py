"""A throw-away PostgreSQL server for one test session: own directory, unix socket only, no fsync."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg

_WAIT_SECONDS = 60


def find_binaries() -> Path | None:
    """The newest installed server's ``bin`` directory, None when there is no server."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parent.parent.name)
    )
    if found:
        return found[-1].parent
    onpath = shutil.which("initdb")
    return Path(onpath).resolve().parent if onpath else None


@dataclass
class PostgresServer:
    """A running server. Databases are made on demand and never shared between tests."""

    socket: Path
    _names: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        """SQLAlchemy URL of one of its databases."""
        return f"postgresql://fiduciary@/{database}?host={self.socket}"

    def create(self) -> str:
        """Make an empty database; return its name."""
        name = f"test_{next(self._names)}"
        self._run(f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(statement.encode())

    @property
    def _dsn(self) -> str:
        return f"host={self.socket} user=fiduciary dbname=postgres"

    def is_ready(self) -> bool:
        """Whether it takes connections."""
        try:
            self._run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _unprivileged(directory: Path) -> list[str]:
    """PostgreSQL refuses to run as root: hand the directory to another user and start as that one."""
    if os.getuid() != 0:
        return []
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(directory, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]


@contextmanager
def run_postgres(binaries: Path) -> Iterator[PostgresServer]:
    """Start a server in a new temporary directory; stop it and remove the directory at the end."""
    directory = Path(tempfile.mkdtemp(prefix="fpg"))  # short: a socket path has at most 107 bytes
    prefix = _unprivileged(directory)
    data, log = directory / "data", directory / "log"
    initdb = [*prefix, str(binaries / "initdb"), "-D", str(data), "-U", "fiduciary"]
    options = ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
    subprocess.run([*initdb, *options], check=True, capture_output=True, cwd=directory)
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(directory),
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "max_connections": "100",
        "shared_buffers": "32MB",
    }
    flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*prefix, str(binaries / "postgres"), "-D", str(data), *flags],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
        )
    try:
        running = PostgresServer(directory)
        deadline = time.monotonic() + _WAIT_SECONDS
        while not running.is_ready():
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text(errors="replace")[-2000:])
            time.sleep(0.1)
        yield running
    finally:
        server.send_signal(signal.SIGINT)  # fast shutdown
        server.wait(timeout=_WAIT_SECONDS)
        shutil.rmtree(directory, ignore_errors=True)
