"""Keys of different names and families differ; the root decides all of them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import KeyFormatError
from privacy.keys.keyring import Keyring

ROOT = bytes(range(32))
names = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)


def test_keys_are_hkdf_sha256_with_the_documented_info() -> None:
    info = b"fiduciary/v1/index/mobile"
    expected = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(ROOT)
    assert Keyring(ROOT).index_key("mobile") == expected


@given(st.lists(names, unique=True, max_size=6))
def test_no_two_names_or_families_share_a_key(some: list[str]) -> None:
    ring = Keyring(ROOT)
    keys = [f(name) for name in some for f in (ring.index_key, ring.purpose_key, ring.derive)]
    assert len(set(keys)) == 3 * len(some)
    assert all(len(key) == 32 for key in keys)


def test_the_root_decides() -> None:
    assert Keyring(ROOT).derive("suppression") == Keyring(ROOT).derive("suppression")
    assert Keyring(ROOT).derive("suppression") != Keyring(bytes(32)).derive("suppression")


@pytest.mark.parametrize("name", ["", "a/b", "Mobile", "x" * 65, "a\n"])
def test_malformed_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="key names"):
        Keyring(ROOT).derive(name)


def test_a_short_root_is_refused_and_nothing_secret_is_shown() -> None:
    with pytest.raises(KeyFormatError):
        Keyring(ROOT[:31])
    assert repr(Keyring(ROOT)) == "Keyring(...)"
