"""Killed or out of disk in the middle of a write: nothing half stored, and a re-run makes it whole."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from fakes.batches import admitted, ledger_contract
from fakes.event_child import BUCKETS, N_REJECTED, N_ROWS, child_batches

from service.adapters.events.store import DeltaEventStore

ROOT = Path(__file__).parents[2]
KILLS = 10


def start(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """The child, its imports done."""
    child = subprocess.Popen(
        [sys.executable, "-m", "fakes.event_child", str(directory), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def as_one_batch(directory: Path) -> pl.DataFrame:
    """The live rows when everything comes in one batch."""
    rows = pl.concat(batch.frame for batch in child_batches())
    tuples = list(rows.select("_subject", "booked_on", "cents").iter_rows())
    store = DeltaEventStore(directory, BUCKETS)
    store.append(admitted("all", tuples, contract=ledger_contract()))
    return comparable(store)


def comparable(store: DeltaEventStore) -> pl.DataFrame:
    """Live rows without the batch they came in."""
    frame = store.scan("ledger").collect().drop("_batch")
    return frame.sort(frame.columns)


@pytest.mark.slow
def test_killed_at_any_point_and_run_again_the_rows_and_totals_are_exact(tmp_path: Path) -> None:
    whole = as_one_batch(tmp_path / "whole")
    started = time.monotonic()
    child = start(tmp_path / "timing")
    begun = time.monotonic()
    assert child.wait() == 0
    length = time.monotonic() - begun
    assert length < begun - started + 60
    dice = random.Random(20260302)
    for n in range(KILLS):
        directory = tmp_path / str(n)
        child = start(directory)
        time.sleep(dice.uniform(0, length))
        child.send_signal(signal.SIGKILL)
        child.wait()
        store = DeltaEventStore(directory, BUCKETS)
        for batch in child_batches():
            store.append(batch)
        assert comparable(store).equals(whole)
        assert store.scan("quarantine_ledger").collect().height == 3 * N_REJECTED
        assert whole.height == 3 * N_ROWS


def test_a_full_disk_is_an_error_and_leaves_the_state_before(tmp_path: Path) -> None:
    child = start(tmp_path / "events", "6000")
    out, _ = child.communicate(timeout=120)
    assert out.splitlines() == ["StorageError ledger True", "done"]
    store = DeltaEventStore(tmp_path / "events", BUCKETS)
    assert comparable(store).equals(as_one_batch(tmp_path / "whole"))


def test_a_failed_write_leaves_no_orphan_file(tmp_path: Path) -> None:
    child = start(tmp_path / "events", "6000")
    child.communicate(timeout=120)
    for name in ("ledger", "quarantine_ledger"):
        folder = tmp_path / "events" / name
        lines = [line for log in folder.glob("_delta_log/*.json") for line in log.read_text().splitlines()]
        added = {Path(json.loads(line)["add"]["path"]).name for line in lines if '"add"' in line}
        assert {path.name for path in folder.glob("_bucket=*/*")} <= added
        assert all(path.suffix == ".json" for path in folder.glob("_delta_log/*"))
