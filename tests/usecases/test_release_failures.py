"""Charge before noise, entry before answer: every step of a run fails once, before and after its effect."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.aggregates import Run, Watch, approved, digest, logged, spent, stored
from fakes.fuses import WHENS, Fuse, wire
from fakes.house import House, move_in
from mutants.releases import audit_after_return, charge_on_every_run, noise_before_charge

from service.domain.actors import Actor
from service.domain.releases import Release, ReleaseState
from service.errors import AuditUnavailableError, StorageError
from service.ports import Deps
from service.usecases.release import run_aggregate


def real(release_id: str, actor: Actor, deps: Deps) -> Release:
    """The real run."""
    return run_aggregate(release_id, actor=actor, deps=deps)


Rooms = Callable[[], tuple[House, Release]]


@pytest.fixture
def rooms(furnished: House, tmp_path: Path) -> Rooms:
    """Fresh copies of a house in which a release is approved."""
    first = move_in(furnished, tmp_path / "model")
    release = approved(first)
    first.deps.audit.seal()
    numbers: Iterator[int] = iter(range(10**6))

    def room() -> tuple[House, Release]:
        folder = tmp_path / str(next(numbers))
        house = move_in(first, folder)
        return house, stored(house, release.id)

    return room


def fail_once(run: Run, rooms: Rooms, fuse: Fuse) -> tuple[list[str], bool]:
    """Run with a fuse, then again without; what was wrong, and whether the fuse blew."""
    house, release = rooms()
    watch = Watch(house, release)
    ann = house.actor("ann")
    try:
        watch.returned(run(release.id, ann, wire(house.deps, fuse, watch.reading)))
    except (StorageError, AuditUnavailableError):
        assert fuse.blown
    watch.rested()
    done = run(release.id, ann, wire(house.deps, Fuse(), watch.reading))
    watch.returned(done)
    watch.rested()
    if (done.state, spent(house)) != (ReleaseState.RELEASED, release.rho):
        watch.faults.append("it was not completed exactly once")
    shutil.rmtree(house.settings.home.parent)
    return watch.faults, fuse.blown


def failures(run: Run, rooms: Rooms) -> dict[tuple[int, str], list[str]]:
    """The whole table: every step, every moment."""
    found: dict[tuple[int, str], list[str]] = {}
    for when in WHENS:
        blown, at = True, 0
        while blown:
            faults, blown = fail_once(run, rooms, Fuse(at, when))
            if blown:
                found[at, when] = faults
            at += 1
    return found


def test_whatever_fails_nothing_left_or_it_is_paid_and_logged(rooms: Rooms) -> None:
    table = failures(real, rooms)
    assert len(table) >= 3 * 8
    assert {step: faults for step, faults in table.items() if faults} == {}


@pytest.mark.parametrize(
    ("mutant", "fault"),
    [
        (noise_before_charge, "rows are read for a release that is not paid"),
        (audit_after_return, "an answer is stored that neither the log nor the outbox knows"),
        (charge_on_every_run, "paid more than once, or in part"),
    ],
)
def test_the_table_catches_steps_in_the_wrong_order(rooms: Rooms, mutant: Run, fault: str) -> None:
    assert any(fault in faults for faults in failures(mutant, rooms).values())


def test_completing_a_paid_release_draws_anew_and_pays_nothing(rooms: Rooms) -> None:
    house, release = rooms()
    ann = house.actor("ann")
    steps = Fuse()
    run_aggregate(release.id, actor=ann, deps=wire(rooms()[0].deps, steps, lambda: None))
    with pytest.raises(StorageError):
        run_aggregate(
            release.id, actor=ann, deps=wire(house.deps, Fuse(steps.steps - 2, "undone"), lambda: None)
        )
    assert (stored(house, release.id).state, spent(house)) == (ReleaseState.CHARGED, release.rho)
    done = run_aggregate(release.id, actor=ann, deps=house.deps)
    (entry,) = logged(house, "aggregate:release")  # the first numbers were seen by nobody and logged nowhere
    assert (entry.payload, spent(house)) == (digest(done.answer), release.rho)
