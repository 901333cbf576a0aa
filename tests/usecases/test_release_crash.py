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
    found = stored(again, release.id)
    assert (
        found.state is {"before reading": ReleaseState.CHARGED, "entry durable": ReleaseState.RELEASED}[point]
    )
    assert spent(again) == release.rho
    done = run_aggregate(release.id, actor=ann, deps=again.deps)
    assert (done.state, spent(again)) == (ReleaseState.RELEASED, release.rho)
    assert len(json.loads(done.answer)["cells"]) == 6
    assert done.answer == (found.answer or done.answer)  # what was stored before is what is handed out
    (entry,) = logged(again, "aggregate:release")
    assert entry.payload == digest(done.answer)
    assert run_aggregate(release.id, actor=ann, deps=again.deps) == done
