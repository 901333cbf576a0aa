"""After a run of the retention job the rows on disk are those that a read showed before it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from fakes.clock import START, FakeClock
from fakes.intake import STEWARD
from fakes.special import MOBILES, RESIDENTS, open_special, take
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants.retentions import a_day_early

from service.ports import Deps
from service.settings import load_settings
from service.usecases.retention import run_retention
from service.usecases.rows import rows_for_use
from service.wiring import open_service

PEOPLE = st.integers(0, 2)
CLICKS = st.lists(st.tuples(PEOPLE, st.integers(-90, 0), st.integers(0, 86_399)), min_size=1, max_size=12)
REPORTS = st.lists(st.tuples(PEOPLE, st.integers(0, 100), st.integers(-1826, 0)), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three customers who consented to everything."""
    folder = tmp_path_factory.mktemp("retention")
    open_special(folder, FakeClock())
    return folder / "home"


def filled(
    home: Path, folder: Path, clicks: list[tuple[int, int, int]], reports: list[tuple[int, int, int]]
) -> tuple[Deps, FakeClock]:
    """A service of its own with these rows; days count from the day of the ingest."""
    clock = FakeClock()
    deps = open_service(load_settings({}, home=shutil.copytree(home, folder / "home")), clock=clock)
    midnight = START.replace(hour=0)
    rows = [
        {
            "mobile": MOBILES[who],
            "clicked_at": f"{midnight + timedelta(days=day, seconds=second):%Y-%m-%dT%H:%M:%SZ}",
            "page": "/home",
        }
        for who, day, second in clicks
    ]
    take(folder, "app_events", rows, deps)
    records = [
        {
            "resident_id": RESIDENTS[who],
            "ended_on": str((START + timedelta(days=ended)).date()),
            "authorisation": "auth/7",
            "expires_on": str((START + timedelta(days=expires)).date()),
            "overdue_cents": 100,
        }
        for who, expires, ended in reports
    ]
    take(folder, "bureau_reports", records, deps)
    return deps, clock


def shown(name: str, deps: Deps) -> list[tuple[object, ...]]:
    """What a read shows; totals apart."""
    return sorted(rows_for_use(name, deps).drop("_n").collect().rows(), key=repr)


def on_disk(name: str, deps: Deps) -> pl.DataFrame:
    return deps.events.scan(name).collect()


@settings(max_examples=12)
@given(clicks=CLICKS, reports=REPORTS, later=st.integers(0, 100))
def test_stored_is_what_was_shown(
    model: Path, clicks: list[tuple[int, int, int]], reports: list[tuple[int, int, int]], later: int
) -> None:
    with TemporaryDirectory() as folder:
        deps, clock = filled(model, Path(folder), clicks, reports)
        clock.advance(timedelta(days=later))
        before = {name: shown(name, deps) for name in ("app_events", "bureau_reports")}
        run_retention(actor=STEWARD, deps=deps)
        for name, time in (("app_events", "clicked_at"), ("bureau_reports", "ended_on")):
            rows = on_disk(name, deps)
            assert sorted(rows.drop("_n").rows(), key=repr) == before[name] == shown(name, deps)
            month = pl.col(time).dt.strftime("%Y-%m")
            assert rows.filter(pl.col("_n") != pl.len().over("_sp", month)).is_empty()
        versions = [deps.events.version(name) for name in deps.events.tables()]
        run_retention(actor=STEWARD, deps=deps)
        assert [deps.events.version(name) for name in deps.events.tables()] == versions


def test_a_job_that_is_a_day_early_is_noticed(model: Path, tmp_path: Path) -> None:
    deps, _ = filled(model, tmp_path, [(0, -90, 0), (1, 0, 0)], [(0, 0, 0)])
    before = {name: len(shown(name, deps)) for name in ("app_events", "bureau_reports")}
    run_retention(actor=STEWARD, deps=a_day_early(deps))
    assert before == {"app_events": 2, "bureau_reports": 1}
    assert on_disk("app_events", deps).height == 1
    assert on_disk("bureau_reports", deps).is_empty()
