"""Structured columns: identifiers are found in any row, ordinary values never."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from fakes.identifiers import cards, emails, mobiles, resident_ids
from hypothesis import given
from hypothesis import strategies as st

from privacy.pii.columns import undeclared

VALUES = st.one_of(
    resident_ids().map(lambda v: (v, "CN_ID_CARD")),
    mobiles().map(lambda v: (v, "PHONE_NUMBER")),
    mobiles().map(lambda v: (f"+86 {v[:3]}-{v[3:7]}-{v[7:]}", "PHONE_NUMBER")),
    cards().map(lambda v: (v, "CN_BANK_CARD")),
    emails().map(lambda v: (v, "EMAIL_ADDRESS")),
)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


@given(VALUES, st.integers(0, 40), st.sampled_from(("", "备注", "x ")), st.booleans())
def test_one_identifier_in_any_row_is_found(
    planted: tuple[str, str],
    at: int,
    before: str,
    full_width: bool,  # noqa: FBT001
) -> None:
    value, kind = planted
    cells = [f"grade {i}" for i in range(41)]
    cells[at] = before + (value.translate(FULL_WIDTH) if full_width else value)
    found = undeclared(pl.DataFrame({"grade": cells}), ["grade"])
    assert (at + 1, "grade", kind) in found.rows()
    assert set(found["_row"]) == {at + 1}


def test_the_result_has_the_promised_schema_and_row_numbers() -> None:
    frame = pl.DataFrame(
        {
            "_row": [7, 9],
            "a": ["ok", "a@example.com"],
            "b": ["b@example.com", "ok"],
            "c": ["c@example.com"] * 2,
        },
        schema_overrides={"_row": pl.UInt32},
    )
    found = undeclared(frame, ["b", "a"])
    assert dict(found.schema) == {"_row": pl.UInt32(), "column": pl.String(), "type": pl.String()}
    assert found.rows() == [(7, "b", "EMAIL_ADDRESS"), (9, "a", "EMAIL_ADDRESS")]


@pytest.mark.parametrize("columns", [[], ["when"], ["text"]])
def test_nothing_found_keeps_the_schema(columns: list[str]) -> None:
    frame = pl.DataFrame({"when": [date(2005, 4, 1)], "text": [None]}, schema_overrides={"text": pl.String})
    found = undeclared(frame, columns)
    assert found.height == 0
    assert dict(found.schema) == {"_row": pl.UInt32(), "column": pl.String(), "type": pl.String()}


def test_amounts_dates_and_codes_are_no_identifiers() -> None:
    rng = np.random.default_rng(5)
    n = 20_000
    cents = rng.integers(-(10**9), 10**12, n)
    frame = pl.DataFrame(
        {
            "cents": cents,
            "amount": [f"{c / 100:,.2f}" for c in cents.tolist()],
            "yuan": [f"{c / 100:.2f}" for c in cents.tolist()],
            "day": [f"2005-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(n)],
            "compact": [
                f"2005{1 + i % 12:02d}{1 + i % 28:02d}{i % 24:02d}{i % 60:02d}{i % 60:02d}" for i in range(n)
            ],
            "stamp": [f"2005-04-01 10:{i % 60:02d}:{i % 60:02d}.000" for i in range(n)],
            "millis": 1_112_313_600_000 + rng.integers(0, 10**9, n),
            "education": rng.integers(1, 5, n),
            "status": [f"S{i % 9}" for i in range(n)],
            "contract": [f"HT{c:014d}" for c in rng.integers(0, 10**14, n).tolist()],
        }
    )
    assert undeclared(frame, frame.columns).rows() == []


@given(st.lists(mobiles(), min_size=3, max_size=20))
def test_a_column_of_integers_that_are_mobiles_is_found(values: list[str]) -> None:
    frame = pl.DataFrame({"n": [int(v) for v in values]})
    assert undeclared(frame, ["n"]).height == len(values)


@given(resident_ids().filter(str.isdigit), st.integers(0, 30))
def test_one_resident_id_among_amounts_is_found(value: str, at: int) -> None:
    cents = list(range(1000, 1031))
    cents[at] = int(value)
    assert (at + 1, "cents", "CN_ID_CARD") in undeclared(pl.DataFrame({"cents": cents}), ["cents"]).rows()


def test_categorical_columns_are_scanned_by_their_values() -> None:
    frame = pl.DataFrame({"c": pl.Series(["a", "a@example.com"], dtype=pl.Categorical)})
    assert undeclared(frame, ["c"]).rows() == [(2, "c", "EMAIL_ADDRESS")]
