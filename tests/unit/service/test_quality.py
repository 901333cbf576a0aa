"""Quality measures: shares in per mille, one score, and when a column has become another class."""

from __future__ import annotations

import polars as pl
import pytest
from fakes.contracts import make_contract
from hypothesis import given
from hypothesis import strategies as st

from service.domain.quality import Quality, assess, fields, has_lost_class, has_undeclared_class
from service.errors import DriftError
from service.usecases.drift import check_identifiers, check_undeclared

COUNTS = st.integers(0, 10**9)


@st.composite
def qualities(draw: st.DrawFn) -> Quality:
    """Counts that can be true."""
    rows, cells = draw(COUNTS), draw(COUNTS)
    invalid = draw(st.integers(0, rows))
    return Quality(rows, invalid, draw(st.integers(0, rows - invalid)), cells, draw(st.integers(0, cells)))


@given(qualities())
def test_parts_and_score_are_per_mille(quality: Quality) -> None:
    parts = (quality.completeness, quality.validity, quality.consistency)
    assert all(0 <= part <= 1000 for part in parts)
    assert min(parts) <= quality.score <= max(parts)


@given(qualities(), qualities())
def test_two_batches_together_lie_between_them(one: Quality, other: Quality) -> None:
    both = one + other
    assert both == other + one
    if one.rows and other.rows:
        low, high = sorted((one.validity, other.validity))
        assert low <= both.validity <= high + 1


@given(qualities())
def test_one_more_rejected_row_never_raises_the_score(quality: Quality) -> None:
    worse = Quality(quality.rows, quality.invalid + 1, quality.inconsistent, quality.cells, quality.filled)
    if quality.invalid < quality.rows:
        assert worse.score <= quality.score


def test_nothing_to_measure_is_no_fault() -> None:
    assert Quality(0, 0, 0, 0, 0).score == 1000


def test_rules_about_a_row_beside_others_are_told_apart() -> None:
    reasons = {"not_a_date": 3, "unknown_subject": 2, "duplicate": 1, "no_consent": 50}
    quality = assess(100, 6, reasons, {"cells": 10, "filled": 4})
    assert quality == Quality(rows=100, invalid=3, inconsistent=3, cells=10, filled=4)
    assert quality.score == (2 * 400 + 5 * 970 + 3 * 970) // 10


def test_only_optional_columns_tell_completeness() -> None:
    frame = pl.DataFrame({"text": ["a", None, "b"], "channel": [None, None, None]})
    assert fields(frame, make_contract()) == {"cells": 3, "filled": 2}


@pytest.mark.parametrize(
    ("hits", "rows", "drifted"),
    [(19, 19, False), (20, 399, True), (20, 400, False), (21, 400, True), (0, 0, False)],
)
def test_many_identifiers_make_a_column_another_class(hits: int, rows: int, *, drifted: bool) -> None:
    assert has_undeclared_class(hits, rows) is drifted
    found = pl.DataFrame({"column": ["memo"] * hits, "type": ["CN_ID_CARD"] * hits}, schema_overrides=_TEXT)
    if not drifted:
        check_undeclared(found, rows)
        return
    with pytest.raises(DriftError) as error:
        check_undeclared(found, rows)
    assert error.value.fields == {"column": "memo", "became": "cn_id_card", "rows": hits}


_TEXT = {"column": pl.String(), "type": pl.String()}


@pytest.mark.parametrize(("lost", "values", "drifted"), [(19, 19, False), (20, 40, False), (20, 39, True)])
def test_an_identifier_column_drifts_when_most_values_are_none(
    lost: int, values: int, *, drifted: bool
) -> None:
    assert has_lost_class(lost, values) is drifted
    raw = pl.Series("mobile", ["?"] * lost + ["15400000001"] * (values - lost) + [None] * 50)
    normal = pl.Series([None] * lost + ["15400000001"] * (values - lost) + [None] * 50)
    if not drifted:
        check_identifiers(raw, normal, "mobile")
        return
    with pytest.raises(DriftError) as error:
        check_identifiers(raw, normal, "mobile")
    assert error.value.fields["became"] == "unknown"
