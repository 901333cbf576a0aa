"""Published notes and keys: the signed-note example, the Go reference's key pair, DSSE, RFC 6962 roots."""

from __future__ import annotations

import pytest

from audit.dsse import pae
from audit.errors import FormatError, SignatureError
from audit.merkle import EMPTY_ROOT, frontier, leaf_hash, root_of
from audit.note import (
    VerifierKey,
    format_skey,
    format_vkey,
    parse_note,
    parse_skey,
    parse_vkey,
    sign_note,
    verify_note,
)

GO_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_NOTE = (
    GO_TEXT
    + "\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
).encode()
SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONn"
    "cAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
LEAVES = tuple(
    bytes.fromhex(h)
    for h in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


@pytest.mark.parametrize(("vkey", "note"), [(GO_VKEY, GO_NOTE), (SPEC_VKEY, SPEC_NOTE)])
def test_published_note_verifies_and_fails_when_changed(vkey: str, note: bytes) -> None:
    key = parse_vkey(vkey)
    assert verify_note(note, key) == parse_note(note).text
    assert format_vkey(key) == vkey
    for at in range(len(note)):
        with pytest.raises((FormatError, SignatureError)):
            verify_note(note[:at] + bytes([note[at] ^ 1]) + note[at + 1 :], key)


def test_published_signing_key_signs_the_same_bytes() -> None:
    key = parse_skey(GO_SECRET)
    assert format_vkey(key.key) == GO_VKEY
    assert format_skey(key) == GO_SECRET
    assert sign_note(GO_TEXT, key) == GO_NOTE


@pytest.mark.parametrize(
    "vkey",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",  # length
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # algorithm
        "",
        "a",
        "a+b",
        "a+b+c",
        GO_VKEY.upper(),
        f" {GO_VKEY}",
        f"{GO_VKEY}\n",
        GO_SECRET,
    ],
)
def test_malformed_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(FormatError):
        parse_vkey(vkey)


def test_every_part_and_every_change_of_a_key_is_refused() -> None:
    texts = [GO_VKEY[i:j] for i in range(len(GO_VKEY)) for j in range(i + 1, len(GO_VKEY) + 1)]
    texts += [GO_VKEY[:i] + chr(ord(GO_VKEY[i]) + 1) + GO_VKEY[i + 1 :] for i in range(len(GO_VKEY))]
    for text in texts:
        if text != GO_VKEY:
            with pytest.raises(FormatError):
                parse_vkey(text)


def test_a_note_of_an_unknown_key_has_no_valid_signature() -> None:
    with pytest.raises(SignatureError):
        verify_note(GO_NOTE, VerifierKey("PeterNeumann", bytes(32)))


def test_dsse_pre_authentication_encoding() -> None:
    encoded = pae("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@pytest.mark.parametrize("size", range(9))
def test_known_roots_of_the_eight_leaf_tree(size: int) -> None:
    rows = [[leaf_hash(leaf) for leaf in LEAVES[:size]]]
    assert root_of(frontier(rows)) == (bytes.fromhex(ROOTS[size - 1]) if size else EMPTY_ROOT)
