"""While the service runs, what anyone appends is under a signed checkpoint a second later."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.command import CommandLine
from fakes.house import House, build
from fastapi.testclient import TestClient

from audit.verify_shards import verify_logs
from service.adapters.trail import LogTrail
from service.api.app import create_app
from service.ports import EntryFilter
from service.usecases.tracing import search_log


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build(tmp_path / "home", tmp_path)


def look(house: House) -> None:
    """An entry of the access log that nothing seals at once."""
    search_log(EntryFilter(last=1), actor=house.actor("aud"), deps=house.deps)
    house.deps.audit.append(next(iter(house.deps.audit.entries()))[1])


def unsealed(house: House) -> int:
    return verify_logs(house.settings.log).unsealed


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_this_process_or_another_appends_is_sealed(house: House) -> None:
    other = house.reopened()
    with TestClient(create_app(house.deps)):
        for where in (house, other):
            look(where)
            until(lambda: unsealed(house) == 0)


def test_the_last_entries_are_sealed_when_the_service_ends(house: House) -> None:
    with TestClient(create_app(house.deps)):
        look(house)
    assert unsealed(house) == 0


def test_a_log_that_takes_nothing_more_does_not_end_the_service(house: House) -> None:
    assert isinstance(house.deps.audit, LogTrail)
    with TestClient(create_app(house.deps)) as client:
        house.deps.audit._governance.newest().close()
        time.sleep(1.5)  # longer than until the next attempt
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503


def test_a_command_seals_what_it_logged(house: House, tmp_path: Path) -> None:
    line = CommandLine(house.settings.home, house.tokens)
    assert line.call("budget", "show", who="ann").code == 0
    assert line.call("audit", "show", who="ann").code == 3
    assert unsealed(house) == 0
