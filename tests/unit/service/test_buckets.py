"""Buckets: the scalar and the columnar form agree, and doubling splits."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from service.domain.buckets import bucket_expr, bucket_of

PSEUDONYMS = st.binary(min_size=16, max_size=16)
BUCKETS = st.integers(0, 12).map(lambda k: 2**k)


@given(st.lists(PSEUDONYMS, min_size=1), BUCKETS)
def test_columnar_and_scalar_agree(values: list[bytes], n: int) -> None:
    frame = pl.DataFrame({"_sp": values}).with_columns(bucket_expr(n))
    assert frame.schema["_bucket"] == pl.Int32
    assert frame["_bucket"].to_list() == [bucket_of(value, n) for value in values]
    assert set(frame["_bucket"]) <= set(range(n))


@given(PSEUDONYMS, BUCKETS)
def test_doubling_the_buckets_splits_each_in_two(value: bytes, n: int) -> None:
    assert bucket_of(value, 2 * n) % n == bucket_of(value, n)


def test_no_pseudonym_has_no_bucket() -> None:
    frame = pl.DataFrame({"_sp": [None]}, schema={"_sp": pl.Binary})
    assert frame.select(bucket_expr(8)).to_series().to_list() == [None]
