"""Rejected rows, their way back in, the quality gate and report, and drift, with real parts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from fakes import payments
from fakes.clock import FakeClock
from fakes.ingest_child import in_many_chunks
from fakes.intake import ANALYST, STEWARD, entries_of, open_intake, stored_text, with_broken_trail
from fakes.payments import add_payments
from mutants.corrections import TrustingCorrections

from service.domain.contracts import Column, DatasetContract, Kind, Role
from service.errors import (
    AuditUnavailableError,
    ConflictError,
    ContractError,
    DeniedError,
    DriftError,
    QualityError,
    UnknownError,
)
from service.ports import Deps
from service.usecases.correction import list_quarantine, release
from service.usecases.ingest import ingest, take_in
from service.usecases.quality import quality_report

HEADER = "mobile,day,cents,fee,memo"
CORRECTED = f"_source_row,{HEADER}"
COLUMNS = (
    *payments.COLUMNS[:3],
    Column("fee", Role.MEASURE, Kind.INTEGER, "C2", lower=0, upper=9, unit="CNY-fen", required=False),
    Column("memo", Role.QUASI_IDENTIFIER, Kind.STRING, "C1", required=False),
)


def _add(deps: Deps, **changes: object) -> DatasetContract:
    return add_payments(deps, **{"columns": COLUMNS, "order": (("fee", "cents"),), **changes})


@pytest.fixture
def deps(tmp_path: Path, clock: FakeClock) -> Deps:
    """A service with a dataset that makes its subjects and needs no consent."""
    deps = open_intake(tmp_path / "home", clock)
    _add(deps)
    return deps


def _row(number: int, *, day: str = "2026-03-04", cents: str = "5", fee: str = "", memo: str = "") -> str:
    return f"154{number:08d},{day},{cents},{fee},{memo}"


def _file(path: Path, rows: Sequence[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def _correct(path: Path, rows: dict[int, str]) -> Path:
    return _file(path, [f"{number},{row}" for number, row in rows.items()], CORRECTED)


def _states(deps: Deps, batch: str = "") -> dict[int, tuple[str, str]]:
    found = list_quarantine("payments", actor=STEWARD, deps=deps, batch=batch)
    return {row: (rule, state) for row, rule, state in found.select("row", "rule", "state").iter_rows()}


def _stored(deps: Deps) -> list[int]:
    return sorted(deps.events.scan("payments").select("cents").collect()["cents"])


@pytest.fixture
def batch(deps: Deps, tmp_path: Path) -> str:
    """Five rows, of which rows 2 to 4 are rejected."""
    rows = [_row(1), _row(2, cents="-5"), _row(3, day="4.3.2026"), _row(4, fee="6"), _row(5, cents="7")]
    return ingest(_file(tmp_path / "a.csv", rows), "payments", actor=STEWARD, deps=deps).id


REJECTED = {2: "below_minimum", 3: "not_a_date", 4: "out_of_order"}


def test_rejected_rows_are_listed_without_a_value(deps: Deps, batch: str) -> None:
    assert _states(deps) == {row: (rule, "open") for row, rule in REJECTED.items()}
    assert _states(deps, batch) == _states(deps, batch[:16]) == _states(deps)
    assert _states(deps, "0" * 64) == {}
    found = list_quarantine("payments", actor=STEWARD, deps=deps)
    assert found["batch"].unique().to_list() == [batch[:16]]
    assert found["column"].to_list() == ["cents", "day", "cents"]


def test_a_dataset_without_rejected_rows_has_an_empty_list(deps: Deps) -> None:
    assert _states(deps) == {}


def test_corrected_rows_are_stored_and_leave_quarantine(deps: Deps, batch: str, tmp_path: Path) -> None:
    file = _correct(tmp_path / "b.csv", {4: _row(4, fee="1", cents="8"), 2: _row(2, cents="6")})

    row = release(batch, file, actor=STEWARD, deps=deps)

    assert (row.counts.rows, row.counts.admitted) == (2, 2)
    assert _stored(deps) == [5, 6, 7, 8]
    assert _states(deps) == {
        2: ("below_minimum", "released"), 3: ("not_a_date", "open"), 4: ("out_of_order", "released"),
    }  # fmt: skip
    entry = entries_of(deps, "dataset:ingest")[-1]
    assert dict(entry.detail)["corrects"] == batch


def test_the_same_corrections_again_change_nothing(deps: Deps, batch: str, tmp_path: Path) -> None:
    file = _correct(tmp_path / "b.csv", {2: _row(2, cents="6")})
    first = release(batch, file, actor=STEWARD, deps=deps)
    states, stored = _states(deps), _stored(deps)

    assert release(batch[:16], file, actor=STEWARD, deps=deps) == first

    assert (_states(deps), _stored(deps)) == (states, stored)


def test_rows_rejected_again_stay_open(deps: Deps, batch: str, tmp_path: Path) -> None:
    rows = {2: _row(2, cents="-6"), 3: _row(3), 4: _row(4, memo="call 15400000009 back")}
    row = release(batch, _correct(tmp_path / "b.csv", rows), actor=STEWARD, deps=deps)

    assert (row.counts.admitted, row.counts.quarantined) == (1, 2)
    assert _states(deps) == {
        2: ("below_minimum", "open"), 3: ("not_a_date", "released"), 4: ("out_of_order", "open"),
    }  # fmt: skip

    again = release(batch, _correct(tmp_path / "c.csv", {2: _row(2), 4: _row(4)}), actor=STEWARD, deps=deps)
    assert again.counts.admitted == 2
    assert {state for _, state in _states(deps).values()} == {"released"}


@pytest.mark.parametrize("numbers", [[1], [5], [6], [0], [2, 2], [2, 1]])
def test_only_open_rows_come_back_and_each_once(
    deps: Deps, batch: str, tmp_path: Path, numbers: list[int]
) -> None:
    rows = [f"{number},{_row(number)}" for number in numbers]
    file = _file(tmp_path / "b.csv", rows, CORRECTED)
    stored = _stored(deps)

    with pytest.raises(ContractError, match="not open"):
        release(batch, file, actor=STEWARD, deps=deps)

    assert _stored(deps) == stored
    assert {state for _, state in _states(deps).values()} == {"open"}


def test_corrections_that_are_not_held_against_quarantine_store_a_row_twice(
    deps: Deps, batch: str, tmp_path: Path
) -> None:
    source = deps.connector.open(_correct(tmp_path / "b.csv", {1: _row(1), 5: _row(5, cents="7")}))
    mutant = TrustingCorrections(source, batch, pl.DataFrame({"_row": [2, 3, 4]}))

    take_in(mutant, "payments", actor=STEWARD, deps=deps, name="mutant")

    assert _stored(deps) == [5, 5, 7, 7]


def test_one_file_of_corrections_is_finished_before_another(deps: Deps, batch: str, tmp_path: Path) -> None:
    first, second = (_correct(tmp_path / name, {2: _row(2, cents=name[0])}) for name in ("6.csv", "8.csv"))
    with pytest.raises(AuditUnavailableError):  # its rows may be live already
        release(batch, first, actor=STEWARD, deps=with_broken_trail(deps))

    with pytest.raises(ConflictError):
        release(batch, second, actor=STEWARD, deps=deps)
    release(batch, first, actor=STEWARD, deps=deps)
    with pytest.raises(ContractError, match="not open"):
        release(batch, second, actor=STEWARD, deps=deps)

    assert _stored(deps) == [5, 6, 7]


def test_a_released_row_does_not_come_back(deps: Deps, batch: str, tmp_path: Path) -> None:
    release(batch, _correct(tmp_path / "b.csv", {2: _row(2)}), actor=STEWARD, deps=deps)
    with pytest.raises(ContractError, match="not open"):
        release(batch, _correct(tmp_path / "c.csv", {2: _row(2, cents="8")}), actor=STEWARD, deps=deps)


def test_a_file_without_row_numbers_is_refused(deps: Deps, batch: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError):
        release(batch, _file(tmp_path / "b.csv", [_row(2)]), actor=STEWARD, deps=deps)


def test_rows_of_another_batch_do_not_come_back_with_this_one(deps: Deps, batch: str, tmp_path: Path) -> None:
    other = ingest(_file(tmp_path / "b.csv", [_row(1), _row(2)]), "payments", actor=STEWARD, deps=deps).id
    with pytest.raises(ContractError, match="not open"):
        release(other, _correct(tmp_path / "c.csv", {2: _row(2)}), actor=STEWARD, deps=deps)
    with pytest.raises(UnknownError):
        release("0" * 64, _correct(tmp_path / "c.csv", {2: _row(2)}), actor=STEWARD, deps=deps)
    assert batch != other


def test_a_release_that_cannot_be_logged_is_done_by_the_next_run(
    deps: Deps, batch: str, tmp_path: Path
) -> None:
    file = _correct(tmp_path / "b.csv", {2: _row(2, cents="6"), 3: _row(3, cents="-1")})
    with pytest.raises(AuditUnavailableError):
        release(batch, file, actor=STEWARD, deps=with_broken_trail(deps))
    assert {state for _, state in _states(deps).values()} == {"open"}

    release(batch, file, actor=STEWARD, deps=deps)

    assert _states(deps)[2] == ("below_minimum", "released")
    assert _states(deps)[3] == ("not_a_date", "open")
    assert _stored(deps) == [5, 6, 7]


def test_a_correction_that_repeats_a_stored_row_stays_open(tmp_path: Path, clock: FakeClock) -> None:
    deps = open_intake(tmp_path / "home", clock)
    _add(deps, unique_by=("day",))
    rows = [_row(1), _row(1, day="x"), _row(2, day="x")]
    first = ingest(_file(tmp_path / "a.csv", rows), "payments", actor=STEWARD, deps=deps)

    row = release(first.id, _correct(tmp_path / "b.csv", {2: _row(1), 3: _row(2)}), actor=STEWARD, deps=deps)

    assert row.reasons == {"duplicate": 1}
    assert _states(deps) == {2: ("not_a_date", "open"), 3: ("not_a_date", "released")}


def test_who_may_not_ingest_sees_and_releases_nothing(deps: Deps, batch: str, tmp_path: Path) -> None:
    file = _correct(tmp_path / "b.csv", {2: _row(2)})
    with pytest.raises(DeniedError):
        list_quarantine("payments", actor=ANALYST, deps=deps)
    with pytest.raises(DeniedError):
        release(batch, file, actor=ANALYST, deps=deps)
    with pytest.raises(DeniedError):
        release("0" * 64, file, actor=ANALYST, deps=deps)
    with pytest.raises(DeniedError):
        quality_report("payments", actor=ANALYST, deps=deps)


def test_quality_says_score_parts_and_reasons_per_day(
    deps: Deps, batch: str, tmp_path: Path, clock: FakeClock
) -> None:
    day = clock.now().date().isoformat()
    [first] = quality_report("payments", actor=STEWARD, deps=deps)
    # rows that parse: 1 and 5, each with two optional fields, all empty
    assert first == {
        "dataset": "payments", "day": day, "batches": 1, "rows": 5,
        "completeness": 0, "validity": 600, "consistency": 800, "score": (5 * 600 + 3 * 800) // 10,
        "reasons": {"below_minimum": 1, "not_a_date": 1, "out_of_order": 1},
    }  # fmt: skip

    release(batch, _correct(tmp_path / "b.csv", {2: _row(2), 4: _row(4)}), actor=STEWARD, deps=deps)

    [later] = quality_report("", actor=STEWARD, deps=deps)
    assert (later["rows"], later["batches"]) == (5, 1)
    assert (later["validity"], later["consistency"]) == (800, 1000)
    assert later["reasons"] == {"not_a_date": 1}

    clock.advance(timedelta(days=1))
    full = [_row(n, fee="1", memo="ok") for n in range(3)]
    ingest(_file(tmp_path / "c.csv", full), "payments", actor=STEWARD, deps=deps)
    days = quality_report("payments", actor=STEWARD, deps=deps)
    assert [d["score"] for d in days][1] == 1000
    with pytest.raises(UnknownError):
        quality_report("nothing", actor=STEWARD, deps=deps)


def test_neither_quality_nor_quarantine_shows_a_value(deps: Deps, tmp_path: Path) -> None:
    secrets = ["15412345678", "15487654321", "731946825", "82646", "zebrafinch", "quokka", "2019-07-23"]
    rows = [
        "15412345678,2019-07-23,731946825,82646,zebrafinch",
        "15487654321,2019-07-23,-731946825,82646,quokka",
        "15487654321,2019-07-23,82646,731946825,quokka",
        "15487654321,zebrafinch,731946825,,quokka",
        "quokka,2019-07-23,731946825,,zebrafinch",
    ]
    row = ingest(_file(tmp_path / "a.csv", rows), "payments", actor=STEWARD, deps=deps)
    assert row.counts.quarantined == 4

    shown = json.dumps(
        [
            quality_report("payments", actor=STEWARD, deps=deps),
            list_quarantine("payments", actor=STEWARD, deps=deps).to_dicts(),
            dict(row.reasons),
            [entry.detail for entry in entries_of(deps, "dataset:ingest")],
        ]
    )

    for secret in secrets:
        for form in (secret, secret.encode().hex(), secret[::-1]):
            assert form not in shown
    kept = json.dumps(deps.events.scan("quarantine_payments").drop("_sp").collect().to_dicts())
    assert [secret for secret in secrets if secret in kept] == []


@pytest.mark.parametrize(("bad", "passes"), [(1, True), (2, False)])
def test_a_batch_below_its_quality_is_refused_as_a_whole(
    tmp_path: Path, clock: FakeClock, *, bad: int, passes: bool
) -> None:
    deps = open_intake(tmp_path / "home", clock)
    _add(deps, minimum_quality=950)
    good = [_row(n, fee="1", memo="ok") for n in range(10 - bad)]
    file = _file(tmp_path / "a.csv", [*good, *(_row(90 + n, cents="-1") for n in range(bad))])
    if passes:
        assert ingest(file, "payments", actor=STEWARD, deps=deps).counts.admitted == 9
        return

    for attempt in (1, 2):  # nothing remembers it as taken in
        with pytest.raises(QualityError) as refused:
            ingest(file, "payments", actor=STEWARD, deps=deps)
        assert refused.value.fields["score"] == 900
        assert refused.value.fields["minimum"] == 950
        clock.advance(timedelta(seconds=1))
        [day] = quality_report("payments", actor=STEWARD, deps=deps)
        assert (day["batches"], day["rows"], day["score"]) == (attempt, attempt * 10, 900)
    assert day["reasons"] == {"below_minimum": 4, "below_quality": 16}
    assert deps.events.tables() == ()
    assert len(entries_of(deps, "dataset:refuse")) == 2
    assert not entries_of(deps, "dataset:ingest")


def _drifted(sound: int, lost: int, memo: str = "15400000001") -> list[str]:
    return [*(_row(n) for n in range(sound)), *(_row(n, memo=memo) for n in range(lost))]


@pytest.mark.parametrize(("sound", "lost"), [(0, 19), (380, 20), (400, 19)])
def test_a_few_identifiers_in_a_column_reject_their_rows_only(
    deps: Deps, tmp_path: Path, sound: int, lost: int
) -> None:
    file = _file(tmp_path / "a.csv", _drifted(sound, lost))
    row = ingest(file, "payments", actor=STEWARD, deps=deps)
    assert (row.counts.admitted, row.counts.quarantined) == (sound, lost)
    assert row.reasons == {"undeclared_phone_number": lost}


@pytest.mark.parametrize(
    ("memo", "became"), [("15400000001", "phone_number"), ("a.person@mail.example", "email_address")]
)
def test_a_column_of_another_class_quarantines_the_whole_batch(
    deps: Deps, tmp_path: Path, memo: str, became: str
) -> None:
    file = _file(tmp_path / "a.csv", [*_drifted(370, 20, memo), _row(1, day="x")])

    with pytest.raises(DriftError) as drifted:
        ingest(file, "payments", actor=STEWARD, deps=deps)

    assert drifted.value.fields == {"column": "memo", "became": became, "rows": 20}
    assert _stored(deps) == []
    assert _states(deps) == dict.fromkeys(range(1, 392), ("class_drift", "open"))
    [entry] = entries_of(deps, "dataset:drift")
    assert dict(entry.detail)["column"] == "memo"
    assert dict(entry.detail)["became"] == became
    assert dict(entry.detail)["quarantined"] == 391
    [day] = quality_report("payments", actor=STEWARD, deps=deps)
    assert day["validity"] == 0
    assert day["reasons"] == {"class_drift": 391}
    assert memo not in stored_text(deps)
    with pytest.raises(DriftError):  # the same file again
        ingest(file, "payments", actor=STEWARD, deps=deps)
    assert len(entries_of(deps, "dataset:drift")) == 1


def test_an_identifier_column_that_holds_something_else_quarantines_the_whole_batch(
    deps: Deps, tmp_path: Path
) -> None:
    lost = [f"person.{n}@mail.example,2026-03-04,5,," for n in range(21)]
    file = _file(tmp_path / "a.csv", [*(_row(n) for n in range(20)), *lost])

    with pytest.raises(DriftError) as drifted:
        ingest(file, "payments", actor=STEWARD, deps=deps)

    fields = {"column": "mobile", "declared": "mobile", "became": "email_address", "rows": 21}
    assert drifted.value.fields == fields
    assert len(_states(deps)) == 41
    assert _stored(deps) == []


def test_an_identifier_column_with_a_bad_half_is_judged_row_by_row(deps: Deps, tmp_path: Path) -> None:
    rows = [*(_row(n) for n in range(21)), *(f"none-{n},2026-03-04,5,," for n in range(21))]
    row = ingest(_file(tmp_path / "a.csv", rows), "payments", actor=STEWARD, deps=deps)
    assert (row.counts.admitted, row.reasons) == (21, {"invalid_mobile": 21})


def test_drift_late_in_a_long_source_stores_nothing_of_its_beginning(deps: Deps, tmp_path: Path) -> None:
    deps = in_many_chunks(deps)
    rows = [*(_row(n) for n in range(3000)), *_drifted(0, 600), *(_row(n) for n in range(3000))]
    file = _file(tmp_path / "a.csv", rows)
    source = deps.connector.open(file)
    assert len(list(source.chunks(_contract_of(deps)))) > 5

    with pytest.raises(DriftError):
        ingest(file, "payments", actor=STEWARD, deps=deps)

    assert _stored(deps) == []
    assert set(_states(deps)) == set(range(1, 6601))
    assert dict(entries_of(deps, "dataset:drift")[0].detail)["quarantined"] == 6600


def test_a_row_number_twice_in_a_long_file_of_corrections_is_refused(deps: Deps, tmp_path: Path) -> None:
    deps = in_many_chunks(deps)
    rows = [_row(n, day="x") for n in range(3000)]
    batch = ingest(_file(tmp_path / "a.csv", rows), "payments", actor=STEWARD, deps=deps).id
    numbers = [*range(1, 3001), 1]
    lines = [f"{number},{_row(number)}" for number in numbers]

    with pytest.raises(ContractError, match="twice"):
        release(batch, _file(tmp_path / "b.csv", lines, CORRECTED), actor=STEWARD, deps=deps)
    assert _stored(deps) == []

    done = release(batch, _file(tmp_path / "c.csv", lines[:-1], CORRECTED), actor=STEWARD, deps=deps)
    assert done.counts.admitted == 3000
    assert {state for _, state in _states(deps).values()} == {"released"}


def _contract_of(deps: Deps) -> DatasetContract:
    with deps.ops() as tx:
        contract = tx.datasets.get("payments")
    assert contract is not None
    return contract


def test_rows_of_a_drifted_batch_come_back_corrected(deps: Deps, tmp_path: Path) -> None:
    with pytest.raises(DriftError):
        ingest(_file(tmp_path / "a.csv", _drifted(10, 20)), "payments", actor=STEWARD, deps=deps)
    [batch] = list_quarantine("payments", actor=STEWARD, deps=deps)["batch"].unique()

    file = _correct(tmp_path / "b.csv", {n + 1: _row(n) for n in range(30)})
    assert release(batch, file, actor=STEWARD, deps=deps).counts.admitted == 30

    assert _stored(deps) == [5] * 30
    [day] = quality_report("payments", actor=STEWARD, deps=deps)
    assert (day["validity"], day["reasons"]) == (1000, {})


def test_instants_are_stored_to_the_microsecond_in_utc(tmp_path: Path, clock: FakeClock) -> None:
    deps = open_intake(tmp_path / "home", clock)
    timed = tuple(replace(c, kind=Kind.TIMESTAMP) if c.name == "day" else c for c in COLUMNS)
    _add(deps, columns=timed)
    times = ["2026-03-01T00:30:00+08:00", "2026-02-01T00:00:00.000001Z", "2026-03-01T00:00:00Z"]
    rows = [_row(1, day=time) for time in [*times, "2026-03-01T00:00:00"]]
    first = ingest(_file(tmp_path / "a.csv", rows[:1]), "payments", actor=STEWARD, deps=deps)
    row = ingest(_file(tmp_path / "b.csv", rows[1:]), "payments", actor=STEWARD, deps=deps)

    assert (first.counts.admitted, row.reasons) == (1, {"not_a_timestamp": 1})
    stored = deps.events.scan("payments").select("day", "_n").collect().sort("day")
    assert stored.schema["day"] == pl.Datetime("us", "UTC")
    assert stored["_n"].to_list() == [2, 2, 1]
    log = (deps.home / "events" / "payments" / "_delta_log").glob("*.json")
    assert not any("2026-02-28T16:30" in path.read_text() for path in log)
