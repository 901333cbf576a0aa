"""A change and its log entry are one: committed together, in the log once, whatever dies in between."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants.relays import ForgetfulTrail, LaterTrail

from audit.entry import Entry, parse_entry
from service.adapters.sql.ops import SqlOps
from service.adapters.trail import LogTrail
from service.domain.actors import Actor
from service.errors import AuditUnavailableError
from service.ports import Deps, EntryFilter, OpsTransaction
from service.settings import load_settings
from service.usecases.access import Act
from service.usecases.users import add_user
from service.wiring import create_service, open_service

ADMIN = Actor("user:admin", frozenset({"admin"}))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def deps(home: Path) -> Deps:
    return create_service(load_settings({}, home=home), clock=FakeClock())[0]


def trail_of(deps: Deps) -> LogTrail:
    assert isinstance(deps.audit, LogTrail)
    return deps.audit


def engine_of(deps: Deps) -> SqlOps:
    assert isinstance(deps.ops, SqlOps)
    return deps.ops


def numbered(number: int) -> Entry:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return Entry(id=f"{number:032x}", at=at, type="test:entry", actor="user:ann", resource=f"thing/{number}")


def waiting(deps: Deps) -> list[str]:
    with trail_of(deps)._index() as index:
        return [parse_entry(data).id for data in index.waiting()]


def logged(deps: Deps) -> list[str]:
    return [entry.id for _, entry in deps.audit.entries() if entry.type == "test:entry"]


def commit(deps: Deps, *numbers: int) -> None:
    with deps.ops() as tx:
        for number in numbers:
            tx.outbox.add(numbered(number))


def without_relay(deps: Deps) -> Deps:
    """The same service, killed at the end of each transaction."""
    return replace(deps, ops=SqlOps(engine_of(deps).engine, lambda: None))


def rolled_back(deps: Deps, work: Callable[[OpsTransaction], object]) -> None:
    """A transaction that does its work and fails."""
    with contextlib.suppress(KeyError), deps.ops() as tx:
        work(tx)
        raise KeyError


def killed_behind_the_append(deps: Deps) -> None:
    """A relay that dies when the log has what waited, and the outbox does not know."""
    with contextlib.suppress(KeyError), trail_of(deps)._index() as index:
        trail_of(deps)._append([parse_entry(data) for data in index.waiting()])
        raise KeyError


def test_an_entry_is_in_the_log_when_its_transaction_is_over(deps: Deps) -> None:
    commit(deps, 1, 2)
    assert logged(deps) == [numbered(1).id, numbered(2).id]
    assert waiting(deps) == []


def test_a_transaction_that_fails_leaves_no_entry(deps: Deps) -> None:
    rolled_back(deps, lambda tx: tx.outbox.add(numbered(1)))
    assert (logged(deps), waiting(deps)) == ([], [])


def test_what_a_killed_process_left_is_in_the_log_once_the_service_is_open(home: Path, deps: Deps) -> None:
    commit(without_relay(deps), 1)
    assert (logged(deps), waiting(deps)) == ([], [numbered(1).id])
    again = open_service(load_settings({}, home=home))
    assert (logged(again), waiting(again)) == ([numbered(1).id], [])


@pytest.mark.parametrize("sealed", [False, True])
def test_a_relay_that_died_half_way_is_finished_without_doing_anything_twice(
    deps: Deps, *, sealed: bool
) -> None:
    commit(without_relay(deps), 1, 2)
    killed_behind_the_append(deps)
    if sealed:
        deps.audit.seal()
    deps.audit.relay()
    assert (logged(deps), waiting(deps)) == ([numbered(1).id, numbered(2).id], [])


def test_a_relay_that_does_not_look_into_the_log_is_caught(deps: Deps) -> None:
    commit(without_relay(deps), 1)
    killed_behind_the_append(deps)
    mutant = ForgetfulTrail(trail_of(deps)._logs, trail_of(deps)._index, trail_of(deps)._keys)
    mutant.relay()
    assert logged(deps) == [numbered(1).id, numbered(1).id]


def test_what_waits_goes_before_whatever_may_be_about_it(deps: Deps) -> None:
    commit(without_relay(deps), 1)
    deps.audit.append(numbered(2))
    assert logged(deps) == [numbered(1).id, numbered(2).id]


def test_a_log_that_leaves_the_outbox_for_later_is_caught(deps: Deps) -> None:
    commit(without_relay(deps), 1)
    LaterTrail(trail_of(deps)._logs, trail_of(deps)._index, trail_of(deps)._keys).append(numbered(2))
    assert logged(deps) == [numbered(2).id]


def test_a_log_that_ended_refuses_the_change(deps: Deps) -> None:
    trail_of(deps)._governance.newest().close()
    with pytest.raises(AuditUnavailableError):
        add_user(Actor("user:eve", frozenset({"analyst"})), actor=ADMIN, deps=deps)
    with deps.ops() as tx:
        assert [user.id for user in tx.users.all()] == ["user:admin"]


def test_a_log_that_fails_in_the_relay_lets_nothing_out_and_loses_nothing(home: Path, deps: Deps) -> None:
    def fails() -> None:
        raise AuditUnavailableError("audit log unavailable", step="append")

    token = ""
    with pytest.raises(AuditUnavailableError):
        token = add_user(
            Actor("user:eve", frozenset({"analyst"})),
            actor=ADMIN,
            deps=replace(deps, ops=SqlOps(engine_of(deps).engine, fails)),
        )
    assert token == ""
    again = open_service(load_settings({}, home=home))
    (entry,) = [entry for _, entry in again.audit.entries() if entry.type == "user:add"]
    assert entry.resource == "user/user:eve"


def _write(home: Path, first: int) -> None:
    deps = open_service(load_settings({}, home=home))
    for number in range(first, first + 10_000):
        commit(deps, number)
        if number % 5 == 0:
            deps.audit.seal()


def test_killed_at_random_every_committed_entry_is_there_once(home: Path, deps: Deps) -> None:
    dice = random.Random(11)
    context = multiprocessing.get_context("fork")
    trail_of(deps)._governance.newest().close()
    engine_of(deps).engine.dispose()
    for turn in range(12):
        child = context.Process(target=_write, args=(home, turn * 10_000))
        child.start()
        time.sleep(0.4 + dice.random() / 2)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    again = open_service(load_settings({}, home=home))
    counts = Counter(logged(again))
    numbers = sorted(int(entry, 16) for entry in counts)
    assert set(counts.values()) == {1}
    assert len(numbers) > 50
    for turn in range(12):  # in each run none is missing between the first and the last
        mine = [n % 10_000 for n in numbers if n // 10_000 == turn]
        assert mine == list(range(len(mine)))
    assert waiting(again) == []


def test_two_processes_relay_without_losing_or_doubling(home: Path, deps: Deps) -> None:
    for number in range(60):
        commit(without_relay(deps), number)
    context = multiprocessing.get_context("fork")
    engine_of(deps).engine.dispose()
    children = [context.Process(target=_relay, args=(home,)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert logged(deps) == [numbered(n).id for n in range(60)]


def _relay(home: Path) -> None:
    open_service(load_settings({}, home=home)).audit.relay()


FILTERS = st.builds(
    EntryFilter,
    actor=st.frozensets(st.sampled_from(["user:ann", "user:bob"]), max_size=2),
    type=st.frozensets(st.sampled_from(["a:a", "b:b"]), max_size=2),
    decision=st.frozensets(st.sampled_from(["allow", "deny"]), max_size=1),
    resource=st.sampled_from(["", "x", "x/1", "xy", "x/1/2", "x_1", "%"]),
    since=st.none() | st.integers(0, 9).map(lambda s: datetime(2026, 1, 1, 0, 0, s, tzinfo=UTC)),
    until=st.none() | st.integers(0, 9).map(lambda s: datetime(2026, 1, 1, 0, 0, s, tzinfo=UTC)),
    last=st.none() | st.integers(1, 5),
)
ENTRIES = st.builds(
    Entry,
    id=st.uuids().map(lambda u: u.hex),
    at=st.integers(0, 9).map(lambda s: datetime(2026, 1, 1, 0, 0, s, tzinfo=UTC)),
    type=st.sampled_from(["a:a", "b:b"]),
    actor=st.sampled_from(["user:ann", "user:bob"]),
    decision=st.sampled_from(["allow", "deny"]),
    resource=st.sampled_from(["", "x", "x/1", "xy", "x/1/2", "x_1/3", "xy1/3"]),
)


def meets(entry: Entry, where: EntryFilter) -> bool:
    """What a filter says, without an index."""
    below = entry.resource == where.resource or entry.resource.startswith(f"{where.resource}/")
    return (
        all(
            not wanted or getattr(entry, name) in wanted
            for name, wanted in (("actor", where.actor), ("type", where.type), ("decision", where.decision))
        )
        and (not where.resource or below)
        and (where.since is None or entry.at >= where.since)
        and (where.until is None or entry.at < where.until)
    )


@settings(max_examples=40)
@given(st.lists(ENTRIES, max_size=8, unique_by=lambda e: e.id), st.lists(FILTERS, min_size=1, max_size=5))
def test_the_index_finds_what_a_scan_of_the_log_finds(
    shared_deps: Deps, entries: list[Entry], filters: list[EntryFilter]
) -> None:
    for entry in entries:
        shared_deps.audit.append(entry)
    everything = sorted(shared_deps.audit.entries(), key=lambda found: (found[1].at, found[0]))
    for where in filters:
        wanted = [(place, entry) for place, entry in everything if meets(entry, where)]
        assert list(shared_deps.audit.find(where)) == (wanted[-where.last :] if where.last else wanted)


@pytest.fixture(scope="module")
def shared_deps(tmp_path_factory: pytest.TempPathFactory) -> Deps:
    return create_service(load_settings({}, home=tmp_path_factory.mktemp("shared") / "home"))[0]


def test_an_index_that_is_lost_is_built_from_the_log_again(deps: Deps) -> None:
    commit(deps, 1, 2)
    before = deps.audit.find(EntryFilter())
    with engine_of(deps).engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit_entry")
        connection.exec_driver_sql("DELETE FROM audit_index")
    assert deps.audit.find(EntryFilter()) == before
    assert len(before) >= 2


def test_an_act_within_a_transaction_that_is_rolled_back_is_not_logged(deps: Deps) -> None:
    act = Act(
        allow=True, rule="", role="", reason="", policy="", deps=deps, actor=ADMIN, permission="test:entry"
    )
    rolled_back(deps, lambda tx: act.record(within=tx))
    assert logged(deps) == []
