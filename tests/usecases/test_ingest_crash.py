"""Killed in the middle of an ingest: after a restart the same command completes the batch, exactly once."""

from __future__ import annotations

import random
import shutil
import time
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import polars as pl
import pytest
from fakes.clock import FakeClock
from fakes.ingest_child import take_in
from fakes.intake import STEWARD, entries_of, open_intake

from service.demo.generate import generate
from service.ports import Deps
from service.settings import load_settings
from service.usecases.ingest import ingest
from service.wiring import open_service

ROOT = Path(__file__).parents[2]
KILLS = 50
CUSTOMERS = 500


def start(forkserver: ForkServerContext, home: Path, file: Path) -> ForkServerProcess:
    """The child, its service open."""
    ours, theirs = forkserver.Pipe()
    child = forkserver.Process(target=take_in, args=(home, file, theirs))
    child.start()
    assert ours.recv() == "ready"
    return child


def stored(deps: Deps) -> pl.DataFrame:
    """Live statements, in an order of their own."""
    frame = deps.events.scan("statements").collect()
    return frame.sort(frame.columns)


@pytest.mark.slow
def test_killed_at_any_point_and_run_again_counts_and_totals_are_exact(
    tmp_path: Path, forkserver: ForkServerContext
) -> None:
    files = generate(tmp_path / "bank", customers=CUSTOMERS).files
    deps = open_intake(tmp_path / "model", FakeClock())
    ingest(files["customers"], "customers", actor=STEWARD, deps=deps)
    for home in ("timing", *map(str, range(KILLS))):
        shutil.copytree(tmp_path / "model", tmp_path / home)
    expected = ingest(files["statements"], "statements", actor=STEWARD, deps=deps)
    child = start(forkserver, tmp_path / "timing", files["statements"])
    begun = time.monotonic()
    child.join()
    length = time.monotonic() - begun
    assert child.exitcode == 0
    dice = random.Random(20260302)
    for n in range(KILLS):
        child = start(forkserver, tmp_path / str(n), files["statements"])
        time.sleep(dice.uniform(0, length))
        child.kill()
        child.join()
        again = open_service(load_settings({}, home=tmp_path / str(n)))
        row = ingest(files["statements"], "statements", actor=STEWARD, deps=again)
        assert (row.id, row.counts, row.reasons) == (expected.id, expected.counts, expected.reasons)
        assert stored(again).equals(stored(deps))
        assert again.events.scan("quarantine_statements").collect().height == expected.counts.quarantined
        done = [e for e in entries_of(again, "dataset:ingest") if e.resource == "dataset/statements"]
        assert len(done) == 1
        assert not list((tmp_path / str(n) / "events" / "_staging").glob("*"))
