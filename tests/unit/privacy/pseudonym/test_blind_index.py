"""Bulk CMAC is CMAC: published vectors, and the library bit for bit."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mutants.blind_indexes import unpadded

from privacy.errors import KeyFormatError
from privacy.pseudonym.blind_index import as_binary, as_matrix, blind_index

# NIST SP 800-38B, examples for AES-256 (D.3): key, messages of 0, 16, 40 and 64 bytes, tags.
KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
TAGS = {
    0: "028962f61b7bf89efc6b551f4667d983",
    16: "28a7023f452e8f82bd4bf28d8c37c35c",
    40: "aaf3d8f1de5640c232f5b169b9c911e6",
    64: "e1992190549f6ed5696a2c056c315410",
}


def by_library(values: list[bytes | None], key: bytes) -> list[bytes | None]:
    tags: list[bytes | None] = []
    for value in values:
        mac = CMAC(algorithms.AES(key))
        mac.update(value or b"")
        tags.append(None if value is None else mac.finalize())
    return tags


def test_published_vectors() -> None:
    values = pl.Series([MESSAGE[:length] for length in TAGS], dtype=pl.Binary)
    assert [tag.hex() for tag in blind_index(values, KEY)] == list(TAGS.values())


@given(
    st.lists(st.none() | st.binary(max_size=70), max_size=40),
    st.binary(min_size=32, max_size=32),
)
@example([], bytes(32))
@example([None], bytes(32))
@example([b""], bytes(32))
@example([b"\0" * 15, b"\0" * 16, b"\0" * 17, None, b"\x80", b""], bytes(32))
def test_equals_the_library_for_any_bytes(values: list[bytes | None], key: bytes) -> None:
    assert blind_index(pl.Series(values, dtype=pl.Binary), key).to_list() == by_library(values, key)


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), max_size=30))
def test_text_is_taken_as_utf8(values: list[str]) -> None:
    expected = by_library([text.encode() for text in values], KEY)
    assert blind_index(pl.Series(values, dtype=pl.String), KEY).to_list() == expected
    shifted = pl.Series(["", *values], dtype=pl.String)[1:]
    assert blind_index(shifted, KEY).to_list() == expected


def test_many_rows_cross_the_chunks() -> None:
    values = [f"{n:018d}".encode() for n in range(40_000)]
    got = blind_index(pl.Series(values, dtype=pl.Binary), KEY).to_list()
    picked = [0, 1, 16_383, 16_384, 32_767, 32_768, 39_999]
    assert [got[n] for n in picked] == by_library([values[n] for n in picked], KEY)
    assert len(set(got)) == len(got)


def test_name_and_slices_are_kept() -> None:
    whole = pl.Series("mobile", ["a", "bb", None, "a"])
    tags = blind_index(whole, KEY)
    assert tags.name == "mobile"
    assert blind_index(whole[1:], KEY).to_list() == tags.to_list()[1:]


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(KeyFormatError):
        blind_index(pl.Series(["a"]), bytes(length))


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=20))
def test_matrix_and_series_are_inverse(values: list[bytes]) -> None:
    series = pl.Series(values, dtype=pl.Binary)
    assert as_binary(as_matrix(series, 16)).to_list() == values


def test_a_column_too_big_to_address_is_refused() -> None:
    with pytest.raises(ValueError, match="batches"):
        as_binary(np.broadcast_to(np.uint8(0), (1 << 28, 16)))


def test_the_library_check_sees_a_missing_padding_bit() -> None:
    values = [b"123456789012345678", b"12345678901234567\0"]
    expected = by_library(list(values), KEY)
    assert unpadded(pl.Series(values, dtype=pl.Binary), KEY).to_list() != expected
