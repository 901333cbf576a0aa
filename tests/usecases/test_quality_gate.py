"""The quality gate sees rows that repeat others, and a stream goes on behind what is below it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from fakes.clock import FakeClock
from fakes.intake import STEWARD, entries_of, open_intake, stored_text, subject_of, with_broken_trail
from fakes.nats import publish, run_nats
from fakes.payments import add_payments, as_messages, payment, write_payments
from fakes.streams import MemoryStream
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants.quality_gates import BlindStore, consume_and_stop

from service.errors import AuditUnavailableError, DriftError, QualityError
from service.ports import BatchRow, Deps
from service.ports.streams import Stream
from service.usecases.consume import _Ranges, consume
from service.usecases.correction import list_quarantine
from service.usecases.ingest import ingest, take_in
from service.usecases.quality import quality_report
from service.wiring import open_nats


@pytest.fixture
def deps(tmp_path: Path, clock: FakeClock) -> Deps:
    """A service whose payments are one per person, day and shop, and of good quality."""
    deps = open_intake(tmp_path / "home", clock)
    add_payments(deps, unique_by=("day", "shop"), minimum_quality=950)
    return deps


def take(deps: Deps, path: Path, rows: list[str]) -> BatchRow:
    return ingest(write_payments(path, rows), "payments", actor=STEWARD, deps=deps)


def known(deps: Deps, person: int) -> bool:
    return subject_of(deps, "mobile", f"154{person:08d}") is not None


def sound(first: int, count: int) -> list[str]:
    return [payment(first + n) for n in range(count)]


def live(deps: Deps) -> int:
    if deps.events.version("payments") < 0:
        return 0
    return int(deps.events.scan("payments").select(pl.len()).collect().item())


@pytest.mark.parametrize(("repeated", "passes"), [(3, True), (4, False)])
def test_rows_that_repeat_within_the_batch_count_against_it(
    deps: Deps, tmp_path: Path, *, repeated: int, passes: bool
) -> None:
    rows = [*sound(0, 20 - repeated), *sound(0, repeated)]  # 3 in 20: 1000 - 3/10 of 150
    if passes:
        row = take(deps, tmp_path / "a.csv", rows)
        assert (row.counts.admitted, row.reasons) == (17, {"duplicate": 3})
        return
    with pytest.raises(QualityError) as refused:
        take(deps, tmp_path / "a.csv", rows)
    assert (refused.value.fields["consistency"], refused.value.fields["score"]) == (800, 940)
    assert deps.events.tables() == ()
    assert not known(deps, 0)
    [day] = quality_report("payments", actor=STEWARD, deps=deps)
    assert (day["score"], day["reasons"]) == (940, {"duplicate": 4, "below_quality": 16})


def test_rows_that_repeat_stored_ones_count_too_and_make_nobody_known(deps: Deps, tmp_path: Path) -> None:
    take(deps, tmp_path / "a.csv", sound(0, 10))
    with pytest.raises(QualityError) as refused:
        take(deps, tmp_path / "b.csv", [*sound(5, 10), *sound(50, 10)])
    assert refused.value.fields["consistency"] == 750
    assert live(deps) == 10
    assert not known(deps, 50)


def test_the_same_batch_again_repeats_nothing(deps: Deps, tmp_path: Path) -> None:
    rows = sound(0, 10)
    with pytest.raises(AuditUnavailableError):  # its rows are live, its record is not
        ingest(
            write_payments(tmp_path / "a.csv", rows), "payments", actor=STEWARD, deps=with_broken_trail(deps)
        )
    assert live(deps) == 10
    row = take(deps, tmp_path / "a.csv", rows)
    assert (row.counts.admitted, row.reasons) == (10, {})
    assert take(deps, tmp_path / "a.csv", rows) == row
    assert live(deps) == 10


def test_a_gate_that_does_not_see_them_lets_the_batch_in(deps: Deps, tmp_path: Path) -> None:
    blind = replace(deps, events=BlindStore(deps.home / "events", deps.events.n_buckets))
    row = take(blind, tmp_path / "a.csv", [*sound(0, 10), *sound(0, 10)])
    assert row.reasons == {"duplicate": 10}  # seen only when half of the batch is stored


ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["2026-02-01", "2026-02-02", "x"]), st.sampled_from("ab")),
    min_size=1,
    max_size=25,
)


@given(ROWS, ROWS)
@settings(max_examples=10, deadline=None)
def test_the_gate_is_what_a_loop_over_the_rows_says(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[tuple[int, str, str]],
    second: list[tuple[int, str, str]],
) -> None:
    folder = tmp_path_factory.mktemp("gate")
    deps = open_intake(folder / "home", FakeClock())
    add_payments(deps, unique_by=("day", "shop"), minimum_quality=900)
    stored: set[tuple[int, str, str]] = set()
    for name, rows in (("a", first), ("b", second)):
        bad = [row for row in rows if row[1] == "x"]
        good = [row for row in rows if row[1] != "x"]
        fresh = set(good) - stored
        repeated = len(good) - len(fresh)
        shares = (1000 * (len(rows) - n) // len(rows) for n in (len(bad), repeated))
        validity, consistency = shares
        score = (2 * 1000 + 5 * validity + 3 * consistency) // 10
        lines = [payment(person, day=day, shop=shop) for person, day, shop in rows]
        if name == "b" and rows == first and stored:  # the same content is the same batch
            score, repeated = 1000, take(deps, folder / "a.csv", lines).reasons.get("duplicate", 0)
        if score < 900:
            with pytest.raises(QualityError) as refused:
                take(deps, folder / f"{name}.csv", lines)
            assert refused.value.fields["score"] == score
        else:
            row = take(deps, folder / f"{name}.csv", lines)
            assert row.reasons.get("duplicate", 0) == repeated
            stored |= fresh
        assert live(deps) == len(stored)


BAD = [payment(9, cents="-1"), payment(9, day="x")]


def drain(stream: Stream, deps: Deps) -> int:
    """Run the consumer as often as a supervisor would, until it ends by itself; how often it stopped."""
    for stops in range(10):
        with suppress(QualityError, DriftError):
            list(consume(stream, "payments", actor=STEWARD, deps=deps, once=True, limit=10, wait=0.5))
            return stops
    return 10


def check_stream(stream: Stream, deps: Deps) -> None:
    """Ten sound rows, ten of which three are bad, ten sound ones: the middle ones are in quarantine."""
    assert drain(stream, deps) == 1
    assert live(deps) == 20
    found = list_quarantine("payments", actor=STEWARD, deps=deps)
    rules = {1: "below_minimum", 2: "not_a_date", 3: "duplicate"}
    assert dict(found.select("row", "rule").iter_rows()) == {
        n: rules.get(n, "below_quality") for n in range(1, 11)
    }
    assert set(found["state"]) == {"open"}
    [entry] = entries_of(deps, "dataset:refuse")
    detail = dict(entry.detail)
    assert (detail["rows"], detail["quarantined"], detail["admitted"]) == (10, 10, 0)
    assert (detail["minimum"], detail["score"]) == (950, (2 * 1000 + 5 * 800 + 3 * 900) // 10)
    assert not known(deps, 106)


def stream_rows() -> list[str]:
    return [*sound(0, 10), *BAD, payment(0), *sound(100, 7), *sound(200, 10)]


def test_a_micro_batch_below_its_quality_is_in_quarantine_and_the_next_run_goes_on(deps: Deps) -> None:
    stream = MemoryStream(as_messages(stream_rows()))
    check_stream(stream, deps)
    assert drain(stream, deps) == 0
    [day] = quality_report("payments", actor=STEWARD, deps=deps)
    whole = (2 * 1000 + 5 * (1000 * 28 // 30) + 3 * (1000 * 29 // 30)) // 10
    assert (day["score"], day["rows"]) == (whole, 30)
    kept = deps.events.scan("quarantine_payments").collect()
    assert kept["_sp"].null_count() == 10
    assert "15400000106" not in stored_text(deps)


def test_a_run_that_could_not_be_logged_is_done_by_the_next(deps: Deps) -> None:
    stream = MemoryStream(as_messages(stream_rows()[10:20] + sound(0, 10) + sound(200, 10)))
    with pytest.raises(AuditUnavailableError):
        list(consume(stream, "payments", actor=STEWARD, deps=with_broken_trail(deps), once=True, limit=10))
    assert drain(stream, deps) == 1
    assert live(deps) == 20
    assert list_quarantine("payments", actor=STEWARD, deps=deps).height == 10
    assert len(entries_of(deps, "dataset:refuse")) == 1


def test_a_run_that_died_before_the_cursor_went_on_finds_the_batch_in_quarantine(deps: Deps) -> None:
    stream = MemoryStream(as_messages([*BAD, *sound(0, 3)]))
    ranges = _Ranges(stream, deps, 10, 0.5)
    for _ in range(2):
        with pytest.raises(QualityError):
            take_in(
                ranges.rows("", stream.messages[-1].position), "payments", actor=STEWARD, deps=deps,
                aside=(DriftError, QualityError),
            )  # fmt: skip
    assert list_quarantine("payments", actor=STEWARD, deps=deps).height == 5
    assert len(entries_of(deps, "dataset:refuse")) == 1


def test_a_consumer_that_keeps_the_range_pending_never_goes_on(deps: Deps) -> None:
    stream = MemoryStream(as_messages(stream_rows()))
    for _ in range(3):
        with pytest.raises(QualityError):
            consume_and_stop(stream, "payments", actor=STEWARD, deps=deps)
    assert live(deps) == 10


def test_drift_comes_before_quality_and_cites_no_other_rule(deps: Deps) -> None:
    lost = [payment(n, shop="13912345678") for n in range(25)]
    stream = MemoryStream(as_messages([*lost, *BAD]))
    with pytest.raises(DriftError):
        list(consume(stream, "payments", actor=STEWARD, deps=deps, once=True))
    found = list_quarantine("payments", actor=STEWARD, deps=deps)
    assert found["rule"].unique().to_list() == ["class_drift"]


def test_the_same_with_a_real_broker(deps: Deps, nats_program: str) -> None:
    keyed = [(str(n), data) for n, data in enumerate(as_messages(stream_rows()))]
    with run_nats(nats_program) as url:
        publish(url, "PAID", "paid", keyed)
        check_stream(open_nats(url, "PAID", "paid"), deps)
