"""Killed between the charge and the answer: it stays paid, and running again completes it once."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest
from fakes.aggregates import approved, digest, logged, spent, stored
from fakes.house import House
from fakes.release_child import POINTS, Point, run_and_stop

from service.domain.releases import ReleaseState
from service.usecases.release import run_aggregate

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("point", POINTS)
def test_kill_9_between_charge_and_answer(
    house: House, point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, ann = approved(house), house.actor("ann")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    child = context.Process(target=run_and_stop, args=(house.settings.home, release.id, ann, point, theirs))
    child.start()
    assert ours.recv() == "here"
    child.kill()
    child.join()

    again = house.reopened()
    assert stored(again, release.id).state is ReleaseState.CHARGED
    assert spent(again) == release.rho
    done = run_aggregate(release.id, actor=ann, deps=again.deps)
    assert (done.state, spent(again)) == (ReleaseState.RELEASED, release.rho)
    assert len(json.loads(done.answer)["cells"]) == 6
    assert logged(again, "aggregate:release")[-1].payload == digest(done.answer)
    assert run_aggregate(release.id, actor=ann, deps=again.deps) == done
