"""Consent records in, withdrawals out: counted, idempotent, logged, effective at once."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from fakes.clock import FakeClock
from fakes.intake import ANALYST, STEWARD, entries_of, open_intake, subject_of, suppress
from hypothesis import given
from hypothesis import strategies as st

from service.domain.consents import ConsentKind
from service.errors import ContractError, DeniedError, UnknownError, UsageError
from service.ports import Deps
from service.usecases.consent import ConsentCounts, import_consents, parse_times, withdraw

FIELDS = ("resident_id", "purpose", "kind", "given_at", "valid_until", "withdrawn_at", "notice")
ANN, BOB = "11010519491231002X", "440524188001010014"
GIVEN = "2026-01-01T00:00:00Z"


@pytest.fixture
def deps(tmp_path: Path, clock: FakeClock) -> Deps:
    """An empty service."""
    return open_intake(tmp_path / "home", clock)


def write(path: Path, *rows: tuple[str, ...]) -> Path:
    """A file of consent records."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([FIELDS, *rows])
    return path


def good(
    resident_id: str = ANN, purpose: str = "value_segmentation", given_at: str = GIVEN
) -> tuple[str, ...]:
    """A record without an end."""
    return resident_id, purpose, "plain", given_at, "", "", "v1"


def test_records_are_stored_with_their_times(deps: Deps, tmp_path: Path) -> None:
    full = (
        ANN,
        "credit_scoring",
        "separate",
        GIVEN,
        "2027-01-01T00:00:00Z",
        "2026-02-01T08:30:00.5+00:00",
        "v2",
    )
    counts = import_consents(write(tmp_path / "c.csv", full), actor=STEWARD, deps=deps)
    assert counts == ConsentCounts(rows=1, added=1, known=0, refused=0, rejected=0, reasons={})
    subject = subject_of(deps, "cn_resident_id", ANN)
    assert subject is not None
    with deps.ops() as tx:
        (record,) = tx.consents.of(subject)
    assert record.kind is ConsentKind.SEPARATE
    assert record.valid_until == datetime(2027, 1, 1, tzinfo=UTC)
    assert record.withdrawn_at == datetime(2026, 2, 1, 8, 30, 0, 500000, tzinfo=UTC)


def test_the_same_file_again_adds_nothing(deps: Deps, tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", good(), good(BOB), good())
    first = import_consents(path, actor=STEWARD, deps=deps)
    again = import_consents(path, actor=STEWARD, deps=deps)
    assert (first.rows, first.added, first.known) == (3, 2, 1)
    assert (again.rows, again.added, again.known) == (3, 0, 3)


def test_bad_rows_are_counted_by_rule_and_the_good_ones_kept(deps: Deps, tmp_path: Path) -> None:
    path = write(
        tmp_path / "c.csv",
        good(),
        good("110105194912310021"),
        good(purpose="world_domination"),
        (ANN, "credit_scoring", "verbal", GIVEN, "", "", "v1"),
        good(given_at="2026-01-01 00:00:00"),
        good(given_at="2026-01-01T00:00:00+08:00"),
        (ANN, "credit_scoring", "separate", GIVEN, "2025-01-01T00:00:00Z", "", "v1"),
        good(""),
    )
    counts = import_consents(path, actor=STEWARD, deps=deps)
    assert (counts.rows, counts.added, counts.rejected) == (8, 1, 7)
    assert counts.reasons == {
        "invalid_cn_resident_id": 1,
        "unknown_category": 2,
        "not_utc_time": 2,
        "times_out_of_order": 1,
        "missing_value": 1,
    }


def test_an_erased_person_is_refused_and_not_made_anew(deps: Deps, clock: FakeClock, tmp_path: Path) -> None:
    suppress(deps, clock, "cn_resident_id", ANN)
    counts = import_consents(write(tmp_path / "c.csv", good(), good(BOB)), actor=STEWARD, deps=deps)
    assert (counts.added, counts.refused, counts.reasons) == (1, 1, {"suppressed": 1})
    assert subject_of(deps, "cn_resident_id", ANN) is None


def test_an_empty_file_is_no_error(deps: Deps, tmp_path: Path) -> None:
    assert import_consents(write(tmp_path / "c.csv"), actor=STEWARD, deps=deps).rows == 0


def test_a_file_with_other_columns_is_refused(deps: Deps, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("resident_id,purpose\n1,2\n", encoding="utf-8")
    with pytest.raises(ContractError):
        import_consents(path, actor=STEWARD, deps=deps)


def test_an_import_is_logged_with_counts_and_no_identifier(deps: Deps, tmp_path: Path) -> None:
    import_consents(write(tmp_path / "c.csv", good(), good(BOB)), actor=STEWARD, deps=deps)
    (entry,) = entries_of(deps, "consent:import")
    assert dict(entry.detail) == {"rows": 2, "added": 2, "known": 0, "refused": 0, "rejected": 0}
    assert entry.subjects == 2
    assert ANN not in repr(entry)


def test_import_and_withdrawal_need_permission(deps: Deps, tmp_path: Path) -> None:
    with pytest.raises(DeniedError):
        import_consents(write(tmp_path / "c.csv", good()), actor=ANALYST, deps=deps)
    with pytest.raises(DeniedError):
        withdraw("cn_resident_id", ANN, "value_segmentation", actor=ANALYST, deps=deps)
    assert deps.vault.pseudonyms().is_empty()


def test_a_withdrawal_ends_every_standing_consent_to_the_purpose_now(
    deps: Deps, clock: FakeClock, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "c.csv", good(), good(given_at="2026-02-01T00:00:00Z"), good(purpose="credit_scoring")
    )
    import_consents(path, actor=STEWARD, deps=deps)
    assert withdraw("cn_resident_id", ANN.lower(), "value_segmentation", actor=STEWARD, deps=deps) == 2
    assert withdraw("cn_resident_id", ANN, "value_segmentation", actor=STEWARD, deps=deps) == 0
    with deps.ops() as tx:
        ended = tx.consents.frame("value_segmentation")["withdrawn_at"].to_list()
        other = tx.consents.frame("credit_scoring")["withdrawn_at"].to_list()
    assert ended == [clock.now(), clock.now()]
    assert other == [None]
    assert [dict(entry.detail)["records"] for entry in entries_of(deps, "consent:withdraw")] == [2, 0]


def test_a_withdrawal_says_what_it_does_not_know(deps: Deps) -> None:
    with pytest.raises(UnknownError):
        withdraw("cn_resident_id", ANN, "value_segmentation", actor=STEWARD, deps=deps)
    with pytest.raises(UnknownError):
        withdraw("cn_resident_id", ANN, "world_domination", actor=STEWARD, deps=deps)
    with pytest.raises(UsageError):
        withdraw("cn_resident_id", "110105194912310021", "value_segmentation", actor=STEWARD, deps=deps)
    with pytest.raises(UsageError):
        withdraw("passport", "P1", "value_segmentation", actor=STEWARD, deps=deps)


def test_errors_do_not_repeat_the_identifier(deps: Deps) -> None:
    with pytest.raises(UsageError) as caught:
        withdraw("mobile", "12345678", "value_segmentation", actor=STEWARD, deps=deps)
    assert "12345678" not in str(caught.value)


def times(given_at: str, valid_until: str | None = None, withdrawn_at: str | None = None) -> pl.DataFrame:
    """One row of times as the connector reads them."""
    row = {"given_at": given_at, "valid_until": valid_until, "withdrawn_at": withdrawn_at}
    return parse_times(pl.DataFrame([row], schema=dict.fromkeys(row, pl.String)))


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.sampled_from(["Z", "+00:00"]))  # noqa: DTZ001
def test_every_utc_time_is_read_exactly(moment: datetime, suffix: str) -> None:
    read = times(moment.isoformat() + suffix)
    assert read["rule"].to_list() == [None]
    assert read["given_at"].to_list() == [moment.replace(tzinfo=UTC)]


@given(st.one_of(st.text(max_size=30), st.datetimes().map(str), st.datetimes().map(datetime.isoformat)))
def test_anything_else_is_not_a_utc_time(text: str) -> None:
    assert times(text)["rule"].to_list() == ["not_utc_time"]


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.integers(-720, 720).filter(bool))  # noqa: DTZ001
def test_another_offset_is_not_a_utc_time(moment: datetime, minutes: int) -> None:
    local = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert times(local.isoformat())["rule"].to_list() == ["not_utc_time"]


def test_counts_that_lose_a_row_are_refused() -> None:
    with pytest.raises(ValueError, match="rows in"):
        ConsentCounts(rows=3, added=1, known=1, refused=0, rejected=0, reasons={})
