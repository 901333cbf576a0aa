"""Wrapped keys open under their own epoch and for their own subject only."""

from __future__ import annotations

import secrets

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from privacy.errors import KeyFormatError, WrapBrokenError
from privacy.keys.epochs import (
    Epoch,
    SubjectKeys,
    new_epoch,
    new_series,
    new_subject_keys,
    open_epoch,
    rewrap,
    series_of,
)

KEY = secrets.token_bytes(64)


def test_wrapping_is_aes_siv_with_the_subject_number_as_associated_data() -> None:
    keys = new_subject_keys()
    wrapped = Epoch("s-1", KEY).wrap(258, keys)
    assert len(wrapped) == 64
    plain = AESSIV(KEY).decrypt(wrapped, [bytes(6) + b"\x01\x02"])
    assert plain == keys.sid + keys.dek


def test_keys_come_back_for_their_subject_and_epoch_only() -> None:
    first, second = new_epoch("s"), new_epoch("s")
    keys = new_subject_keys()
    wrapped = first.wrap(1, keys)
    assert first.unwrap(1, wrapped) == keys
    for epoch, subject, blob in [
        (first, 2, wrapped),
        (second, 1, wrapped),
        (first, 1, wrapped[:-1]),
        (first, 1, b""),
        (first, 1, bytes([wrapped[0] ^ 1]) + wrapped[1:]),
    ]:
        with pytest.raises(WrapBrokenError):
            epoch.unwrap(subject, blob)


def test_rewrapping_keeps_the_keys_and_leaves_the_old_epoch_useless() -> None:
    old, new = new_epoch("s"), new_epoch("s")
    keys = {n: new_subject_keys() for n in range(20)}
    rows = list(rewrap([(n, old.wrap(n, k)) for n, k in keys.items()], old, new))
    assert {n: new.unwrap(n, wrapped) for n, wrapped in rows} == keys
    with pytest.raises(WrapBrokenError):
        old.unwrap(0, rows[0][1])


def test_rewrapping_stops_at_a_row_of_another_epoch() -> None:
    old, new = new_epoch("s"), new_epoch("s")
    with pytest.raises(WrapBrokenError) as caught:
        list(rewrap([(1, new.wrap(1, new_subject_keys()))], old, new))
    assert caught.value.epoch == old.id


def test_an_epoch_key_opens_with_its_root_and_id_only() -> None:
    epoch = new_epoch(new_series())
    sealed = epoch.sealed(bytes(32))
    wrapped = epoch.wrap(1, keys := new_subject_keys())
    assert open_epoch(epoch.id, sealed, bytes(32)).unwrap(1, wrapped) == keys
    for epoch_id, blob, root in [
        (epoch.id, sealed, bytes(31) + b"\1"),
        ("other", sealed, bytes(32)),
        (epoch.id, bytes(len(sealed)), bytes(32)),
        (epoch.id, b"", bytes(32)),
    ]:
        with pytest.raises(WrapBrokenError):
            open_epoch(epoch_id, blob, root)


def test_ids_name_their_series_and_differ() -> None:
    series = new_series()
    ids = {new_epoch(series).id for _ in range(50)}
    assert len(ids) == 50
    assert {series_of(i) for i in ids} == {series}


def test_wrong_lengths_are_refused_and_nothing_secret_is_shown() -> None:
    with pytest.raises(KeyFormatError):
        Epoch("s-1", KEY[:32])
    with pytest.raises(KeyFormatError):
        SubjectKeys(b"short", bytes(32))
    with pytest.raises(KeyFormatError):
        SubjectKeys(bytes(16), b"short")
    assert repr(Epoch("s-1", KEY)) == "Epoch(s-1)"
    assert repr(new_subject_keys()) == "SubjectKeys()"
