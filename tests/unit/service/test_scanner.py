"""The byte scanner finds a string in every spelling it promises."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.scanner import FileScanner, _spellings

NEEDLE = "zhang.wei@example.com"


@pytest.mark.parametrize(
    "spelling",
    [
        NEEDLE.encode(),
        NEEDLE.encode("utf-16-le"),
        NEEDLE.encode("utf-16-be"),
        NEEDLE.encode().hex().encode(),
        base64.b64encode(b"x" + NEEDLE.encode() + b"yz"),
        base64.b64encode(b"xy" + NEEDLE.encode() + b"z"),
        base64.b64encode(NEEDLE.encode()),
    ],
)
def test_each_spelling_is_found(tmp_path: Path, spelling: bytes) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"before" + spelling + b"after")
    (tmp_path / "clean").write_bytes(b"nothing here")
    (tmp_path / "empty").write_bytes(b"")
    scan = FileScanner(tmp_path).scan([NEEDLE])
    assert scan.hits == ("deep/file",)
    assert scan.files == 3


@given(st.binary(min_size=9, max_size=40), st.binary(max_size=7), st.binary(max_size=7))
def test_base64_is_found_at_any_alignment(needle: bytes, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + needle + after)
    assert any(len(s) >= 6 and s in encoded for s in _spellings(needle))


def test_short_spellings_do_not_raise_false_alarms(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes("李".encode())
    assert FileScanner(tmp_path).scan(["李"]).hits == ()
