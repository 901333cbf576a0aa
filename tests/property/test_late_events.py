"""Events that come late, out of order and in pieces give what one batch of all of them gives."""

from __future__ import annotations

import json
import shutil
from collections import deque
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from fakes.clock import FakeClock
from fakes.house import NOW, build
from fakes.streams import MemoryStream
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants.consumers import consume_last_month_only

from service.demo.generate import generate
from service.domain.actors import Actor
from service.ports import Deps
from service.settings import load_settings
from service.usecases.consent import import_consents
from service.usecases.consume import consume
from service.usecases.datasets import add_dataset
from service.usecases.ingest import ingest
from service.usecases.profile import build_profiles
from service.wiring import load_contract, open_service

STEWARD = Actor("user:dana", frozenset({"data_steward"}))
DAY = date(2005, 10, 1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service that knows customers and consents, and the events as JSON lines."""
    folder = tmp_path_factory.mktemp("late")
    files = generate(folder / "input", customers=50).files
    house = build(folder / "home", folder / "input")
    for name in ("customers", "statements"):
        add_dataset(
            *load_contract(folder / "input" / "contracts" / f"{name}.yaml"), actor=STEWARD, deps=house.deps
        )
    ingest(files["customers"], "customers", actor=STEWARD, deps=house.deps)
    import_consents(folder / "input" / "consents.csv", actor=STEWARD, deps=house.deps)
    rows = pl.read_csv(files["statements"], infer_schema=False).rows(named=True)
    (folder / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def opened(model: Path, folder: str) -> Deps:
    """A service of its own."""
    home = shutil.copytree(model / "home", Path(folder, "home"))
    return open_service(load_settings({}, home=Path(home)), clock=FakeClock(NOW))


def take(lines: list[bytes], deps: Deps, *, limit: int) -> None:
    """What is new in the stream, in micro-batches."""
    stream = MemoryStream(lines)
    deque(consume(stream, "statements", actor=STEWARD, deps=deps, once=True, limit=limit), maxlen=0)


def outcome(deps: Deps) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Event rows with their contribution totals, and the profiles built from them."""
    build_profiles(actor=STEWARD, deps=deps, as_of=DAY)
    events = deps.events.scan("statements").collect().drop("_batch")
    profiles = deps.events.scan("derived_profile").collect()
    return events.sort(events.columns), profiles.sort("_sp")


@pytest.fixture(scope="module")
def batch(model: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What one batch gives."""
    with TemporaryDirectory() as folder:
        deps = opened(model, folder)
        ingest(model / "events.jsonl", "statements", actor=STEWARD, deps=deps)
        events, profiles = outcome(deps)
    assert events.height > 200
    assert profiles.height > 10
    assert [name for name in events.columns if name.startswith("_n")] != []
    return events, profiles


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.randoms(use_true_random=False), cuts=st.lists(st.integers(1, 200), min_size=1, max_size=4))
def test_any_order_in_any_pieces_gives_what_one_batch_gives(
    model: Path, batch: tuple[pl.DataFrame, pl.DataFrame], order: object, cuts: list[int]
) -> None:
    lines = (model / "events.jsonl").read_bytes().splitlines()
    order.shuffle(lines)  # type: ignore[attr-defined]  # a Random
    with TemporaryDirectory() as folder:
        deps = opened(model, folder)
        seen = 0
        for cut in cuts:  # the stream grows: each time some more has come
            seen += cut
            consume(MemoryStream(lines[:seen]), "statements", actor=STEWARD, deps=deps, once=True, limit=cut)
        take(lines, deps, limit=150)
        events, profiles = outcome(deps)
    assert events.equals(batch[0])
    assert profiles.equals(batch[1])


def test_a_consumer_that_drops_late_events_is_noticed(
    model: Path, batch: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    lines = (model / "events.jsonl").read_bytes().splitlines()[::-1]
    with TemporaryDirectory() as folder:
        deps = opened(model, folder)
        consume_last_month_only(lines, STEWARD, deps)
        events, profiles = outcome(deps)
    assert not events.equals(batch[0])
    assert not profiles.equals(batch[1])
