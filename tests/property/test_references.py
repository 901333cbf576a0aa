"""Values that refer to a reference table: the rows that stay are those that a Python set lets through."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from fakes.payments import CONTRACT
from hypothesis import given
from hypothesis import strategies as st
from mutants.references import MUTANTS

from service.domain.batches import DTYPES, REJECTED, RawBatch, ScannedBatch
from service.usecases.detection import scan_batch

Rows = list[tuple[str | None, str | None]]
VALUES = st.none() | st.sampled_from(["110105", "310115", "110105 ", "０", "x", ""])
ROWS = st.lists(st.tuples(VALUES, VALUES), max_size=30)
CODES = st.lists(st.sampled_from(["110105", "310115", "x", "y", ""]), unique=True)


def check(scan: Callable[..., ScannedBatch], rows: Rows, places: list[str], shops: list[str]) -> None:
    """Hold a scan against sets."""
    schema = {"_row": pl.UInt32(), **{c.name: DTYPES[c.kind] for c in CONTRACT.columns}}
    frame = pl.DataFrame(
        [[n + 1, "15400000001", None, 1, shop, place] for n, (shop, place) in enumerate(rows)],
        schema=schema, orient="row",
    )  # fmt: skip
    batch = RawBatch("b", CONTRACT, frame, pl.DataFrame(schema=REJECTED))
    codes = {
        "shop": pl.Series("shop", shops, pl.String),
        "place": pl.Series("place", places, pl.String),
    }
    done = scan(batch, None, bytes(32), bytes(32), codes)
    wrong: dict[int, str] = {}
    for n, (shop, place) in enumerate(rows):
        for column, value, known in (("shop", shop, set(shops)), ("place", place, set(places))):
            if value is not None and value not in known:
                wrong.setdefault(n + 1, column)
    assert done.frame["_row"].to_list() == [n + 1 for n in range(len(rows)) if n + 1 not in wrong]
    assert dict(done.rejected.select("_row", "column").iter_rows()) == wrong
    assert set(done.rejected["rule"]) <= {"reference"}
    assert done.frame.equals(frame.filter(pl.col("_row").is_in(done.frame["_row"].implode())))


@given(ROWS, CODES, CODES)
def test_a_row_stays_when_a_set_has_its_values(rows: Rows, places: list[str], shops: list[str]) -> None:
    check(scan_batch, rows, places, shops)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_seeded_bug_is_seen(mutant: Callable[..., ScannedBatch]) -> None:
    sample: tuple[Rows, list[str], list[str]] = (
        [("x", None), ("x", "y"), ("z", "110105")],
        ["110105"],
        ["x"],
    )
    check(scan_batch, *sample)
    with pytest.raises(AssertionError):
        check(mutant, *sample)
