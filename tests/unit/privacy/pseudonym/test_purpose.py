"""Purpose pseudonyms: a permutation per purpose, nothing shared between purposes, a guarded way back."""

from __future__ import annotations

import numpy as np
import pytest

from privacy.errors import KeyFormatError
from privacy.keys.keyring import Keyring
from privacy.pseudonym.blind_index import as_binary
from privacy.pseudonym.purpose import invert, permute
from privacy.pseudonym.reidentify import reidentify

RING = Keyring(bytes(range(32)))
# FIPS 197, appendix C.3.
FIPS_KEY = bytes(range(32))
FIPS_PLAIN = bytes.fromhex("00112233445566778899aabbccddeeff")
FIPS_CIPHER = bytes.fromhex("8ea2b7ca516745bfeafc49904b496089")


def rows(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.random.default_rng(7).integers(0, 256, (count, 16), dtype=np.uint8)


def test_published_vector() -> None:
    plain = np.frombuffer(FIPS_PLAIN, np.uint8).reshape(1, 16)
    assert permute(plain, FIPS_KEY).tobytes() == FIPS_CIPHER


def test_two_purposes_share_no_value_over_many_subjects() -> None:
    sids = rows(100_000)
    scoring = set(as_binary(permute(sids, RING.purpose_key("credit_scoring"))).to_list())
    reporting = set(as_binary(permute(sids, RING.purpose_key("regulatory_reporting"))).to_list())
    assert len(scoring) == len(reporting) == 100_000
    assert not scoring & reporting
    assert not scoring & set(as_binary(sids).to_list())


def test_inverse_gives_the_sids_back() -> None:
    sids = rows(1_000)
    key = RING.purpose_key("storage")
    assert (invert(permute(sids, key), key) == sids).all()
    assert not (invert(permute(sids, key), RING.purpose_key("other")) == sids).all(axis=1).any()


def test_one_pseudonym_leads_back_with_its_own_key_only() -> None:
    sid = rows(1)
    key = RING.purpose_key("storage")
    pseudonym = permute(sid, key).tobytes()
    assert reidentify(pseudonym, key) == sid.tobytes()
    assert reidentify(pseudonym, RING.purpose_key("other")) != sid.tobytes()


def test_no_rows_and_views_of_rows_work() -> None:
    key = RING.purpose_key("storage")
    sids = rows(10)
    assert permute(sids[:0], key).shape == (0, 16)
    assert (permute(sids[::2], key) == permute(sids, key)[::2]).all()


def test_wrong_lengths_are_refused() -> None:
    with pytest.raises(KeyFormatError):
        permute(rows(1), bytes(16))
    with pytest.raises(KeyFormatError):
        permute(rows(1)[:, :15], bytes(32))
    with pytest.raises(KeyFormatError):
        reidentify(b"short", bytes(32))
