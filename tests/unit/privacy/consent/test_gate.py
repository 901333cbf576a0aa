"""The gate equals the plain reference on every row, and each seeded bug is seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from fakes.slow_gate import Given, reason
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mutants import gates

from privacy.consent.gate import admit
from privacy.consent.records import CONSENTS, ConsentNeed

DAY = timedelta(days=1)
T0 = datetime(2026, 1, 1, tzinfo=UTC)
SCORING = ConsentNeed("consent", "scoring", "separate")
Gate = Callable[..., pl.Series]


def frame(records: list[Given]) -> pl.DataFrame:
    rows = [(r.subject, r.purpose, r.kind, r.given_at, r.valid_until, r.withdrawn_at) for r in records]
    return pl.DataFrame(rows, schema=CONSENTS, orient="row")


def record(
    kind: str = "separate", given: int = 0, until: int | None = None, gone: int | None = None
) -> Given:
    return Given(
        1,
        "scoring",
        kind,
        T0 + given * DAY,
        None if until is None else T0 + until * DAY,
        None if gone is None else T0 + gone * DAY,
    )


def at_day(day: int, *records: Given, gate: Gate = admit, need: ConsentNeed = SCORING) -> str | None:
    answer = gate(pl.Series([1]), frame(list(records)), need=need, at=T0 + day * DAY)
    return None if answer.item() is None else str(answer.item())


CASES: list[tuple[str, int, list[Given], str | None]] = [
    ("given now", 0, [record()], None),
    ("given tomorrow", 0, [record(given=1)], "no_consent"),
    ("never given", 0, [], "no_consent"),
    ("the last day of validity", 4, [record(until=5)], None),
    ("the instant of expiry", 5, [record(until=5)], "expired"),
    ("the day before withdrawal", 4, [record(gone=5)], None),
    ("the instant of withdrawal", 5, [record(gone=5)], "withdrawn"),
    ("plain where separate is needed", 1, [record("plain")], "not_separate"),
    ("written covers separate", 1, [record("written")], None),
    ("guardian covers separate", 1, [record("guardian")], None),
    ("given anew after withdrawal", 9, [record(gone=5), record(given=6)], None),
    ("given anew after expiry", 9, [record(until=5), record(given=6)], None),
    ("the newer shorter one decides", 9, [record(), record(given=1, until=5)], "expired"),
    ("a later plain one does not weaken", 9, [record(), record("plain", given=3)], None),
    ("withdrawal of another kind counts", 9, [record(), record("plain", given=3, gone=5)], "withdrawn"),
    ("withdrawal before a new giving does not", 9, [record("plain", gone=2), record(given=3)], None),
    ("expired plain where separate is needed", 9, [record("plain", until=3)], "expired"),
]


@pytest.mark.parametrize(("day", "records", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_rule(day: int, records: list[Given], expected: str | None) -> None:
    assert at_day(day, *records) == expected
    assert reason(1, records, "scoring", "separate", T0 + day * DAY) == expected


days = st.integers(0, 6).map(lambda n: T0 + n * DAY)
records_ = st.builds(
    Given,
    st.integers(1, 4),
    st.sampled_from(["scoring", "scoring", "marketing"]),
    st.sampled_from(["plain", "separate", "written", "guardian"]),
    days,
    st.none() | days,
    st.none() | days,
)
kinds = st.sampled_from(["plain", "separate", "written", "guardian"])
subjects_ = st.lists(st.none() | st.integers(0, 6), max_size=12)


@settings(max_examples=200, deadline=None)
@given(subjects_, st.lists(records_, max_size=12), kinds, days)
def test_equals_the_plain_reference(
    subjects: list[int | None], records: list[Given], kind: str, at: datetime
) -> None:
    need = ConsentNeed("consent", "scoring", kind)
    got = admit(pl.Series(subjects, dtype=pl.Int64), frame(records), need=need, at=at)
    assert got.to_list() == [reason(s, records, "scoring", kind, at) for s in subjects]


@settings(max_examples=50, deadline=None)
@given(subjects_, st.lists(records_, max_size=12), kinds, days)
@example([1, -1], [record()], "plain", T0)
def test_sparse_subject_numbers_give_the_same_answers(
    subjects: list[int | None], records: list[Given], kind: str, at: datetime
) -> None:
    need = ConsentNeed("consent", "scoring", kind)
    far = Given(10**15, "scoring", "plain", T0, None, None)
    rows = pl.Series(subjects, dtype=pl.Int64)
    dense = admit(rows, frame(records), need=need, at=at)
    assert admit(rows, frame([*records, far]), need=need, at=at).to_list() == dense.to_list()


def test_a_basis_without_consent_admits_and_an_unknown_one_refuses() -> None:
    rows = pl.Series([1, None], dtype=pl.Int64)
    none = frame([])
    for basis in ("contract", "legal_obligation"):
        assert admit(rows, none, need=ConsentNeed(basis, "reporting", ""), at=T0).to_list() == [None, None]
    full = frame([record()])
    for need in (
        ConsentNeed("vital_interest", "scoring", "plain"),
        ConsentNeed("", "scoring", "plain"),
        ConsentNeed("consent", "scoring", ""),
        ConsentNeed("consent", "scoring", "verbal"),
    ):
        assert admit(rows, full, need=need, at=T0).to_list() == ["no_consent", "no_consent"]


def test_a_record_of_an_unknown_kind_covers_nothing() -> None:
    assert at_day(1, record("verbal")) == "not_separate"
    assert at_day(1, record("verbal"), need=ConsentNeed("consent", "scoring", "plain")) == "not_separate"


def test_an_instant_in_another_zone_is_the_same_instant_and_a_naive_one_is_refused() -> None:
    shanghai = timezone(timedelta(hours=8))
    at = (T0 + 5 * DAY).astimezone(shanghai)
    assert admit(pl.Series([1]), frame([record(gone=5)]), need=SCORING, at=at).to_list() == ["withdrawn"]
    with pytest.raises(ValueError, match="time zone"):
        admit(pl.Series([1]), frame([]), need=SCORING, at=at.replace(tzinfo=None))


def test_the_answer_has_a_fixed_shape() -> None:
    empty = admit(pl.Series([], dtype=pl.Int64), frame([record()]), need=SCORING, at=T0)
    assert (empty.name, empty.dtype, len(empty)) == ("reason", pl.String(), 0)


@pytest.mark.parametrize(
    "mutant",
    [
        gates.ignores_expiry,
        gates.ignores_withdrawal,
        gates.withdraws_late,
        gates.any_kind_will_do,
        gates.oldest_decides,
    ],
)
def test_the_rules_see_a_seeded_bug(mutant: Gate) -> None:
    assert any(at_day(day, *records, gate=mutant) != expected for _, day, records, expected in CASES)
