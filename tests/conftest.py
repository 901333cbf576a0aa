"""Fixtures that many tests share, and the rule that CI skips nothing."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes.clock import FakeClock
from fakes.nats import find_server
from fakes.postgres import PostgresServer, find_binaries, run_postgres
from hypothesis import settings

if TYPE_CHECKING:
    from fakes.house import House


ROOT = Path(__file__).parents[1]
settings.register_profile("suite", deadline=None)  # the machine may be busy: time is no property
settings.load_profile("suite")
sys.dont_write_bytecode = True  # tests that fill the disk must not tear the bytecode of what they import
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


@pytest.fixture
def clock() -> FakeClock:
    """A clock that only the test moves."""
    return FakeClock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the session; skips, with the reason, where none is installed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed; run tools/system_packages.sh")
    with run_postgres(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def nats_program() -> str:
    """The NATS server's program; skips, with the reason, where none is installed."""
    program = find_server()
    if program is None:
        pytest.skip("nats-server is not installed; run tools/system_packages.sh")
    return program


@pytest.fixture
def forkserver(monkeypatch: pytest.MonkeyPatch) -> ForkServerContext:
    """Makes processes in which everything is imported and nothing is open; one that a test may kill."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")  # of the children only
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["fakes.ingest_child", "fakes.pull_child", "fakes.consume_child"])
    return context


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database, once per kind of database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.sqlite'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create()
    yield server.url(name)
    server.drop(name)


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter else 0


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With ``CI=true`` a skipped test is a failure: a check that did not run has shown nothing."""
    is_worker = hasattr(session.config, "workerinput")
    if os.environ.get("CI") == "true" and not is_worker and _skipped(session.config) and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say why the session failed when only skips did it."""
    if os.environ.get("CI") == "true" and (skipped := _skipped(config)):
        terminalreporter.write_line(f"CI=true: {skipped} skipped test(s) fail this session", red=True)


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A service with 300 customers taken in, made once; tests use copies."""
    from fakes.house import furnish  # here, so that tests without a service do not pay for it

    return furnish(tmp_path_factory.mktemp("furnished"))


@pytest.fixture
def house(furnished: House, tmp_path: Path) -> House:
    """A furnished service of the test's own."""
    from fakes.house import move_in

    return move_in(furnished, tmp_path)
