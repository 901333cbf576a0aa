"""The byte scanner finds a string in every spelling it promises."""

import base64
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.patterns import Patterns
from service.adapters.scanner import FileScanner, _spellings

NEEDLE = "zhang.wei@example.com"


@pytest.mark.parametrize(
    "spelling",
    [
        NEEDLE.encode(),
        NEEDLE.encode("utf-16-le"),
        NEEDLE.encode("utf-16-be"),
        NEEDLE.encode().hex().encode(),
        NEEDLE.encode().hex().upper().encode(),
        NEEDLE[::-1].encode(),
        NEEDLE[::-1].encode("utf-16-le"),
        NEEDLE[::-1].encode().hex().encode(),
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


@given(st.data())
def test_one_pass_finds_what_a_search_for_each_pattern_finds(data: st.DataObject) -> None:
    letters = st.lists(st.sampled_from(b"ab\x00"), max_size=40).map(bytes)
    text = data.draw(letters)
    parts = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda ends: text[min(ends) : max(ends)])
    patterns = data.draw(st.lists(parts | letters, unique=True, max_size=8))
    wanted = {n for n, p in enumerate(patterns) if len(p) >= 6 and p in text}
    assert Patterns({p: n for n, p in enumerate(patterns)}).found(text) == wanted


def test_a_pattern_that_is_too_short_is_not_found_at_the_end_of_the_data() -> None:
    assert Patterns({b"\x00": 0, bytes(6): 1}).found(bytes(6)) == {1}


@pytest.mark.parametrize("length", [6, 7, 8, 9, 30])
@pytest.mark.parametrize("before", [-31, -9, -7, -1, 0, 1])
def test_nothing_is_lost_where_two_chunks_meet(length: int, before: int) -> None:
    pattern = bytes(range(65, 65 + length))
    data = bytes((1 << 18) + before) + pattern + bytes(3)
    assert Patterns({pattern: 7, b"absent": 8}).found(data) == {7}
    assert Patterns({pattern: 7}).found(data[:-4]) == set()


def test_separators_do_not_hide_the_digits(tmp_path: Path) -> None:
    (tmp_path / "digits").write_bytes(b"x13800138000x")
    (tmp_path / "backwards").write_bytes(b"x00083100831x")
    scan = FileScanner(tmp_path).scan(["+138-0013-8000", "li@a.cn 1234"])
    assert scan.hits == ("backwards", "digits")
    assert scan.found == {"digits": (0,), "backwards": (0,)}


@pytest.mark.parametrize("kind", [pl.String, pl.Binary, pl.Categorical])
def test_compressed_columns_are_decoded(tmp_path: Path, kind: type[pl.DataType]) -> None:
    column = pl.Series("text", [None, f"call {NEEDLE}", "b"] * 50).cast(pl.String).cast(kind)
    frame = pl.DataFrame({"n": range(150), "text": column})
    (tmp_path / "events").mkdir()
    nested = frame.select(pl.struct("text").implode().alias("deep"))
    for name, table in (("flat", frame), ("nested", nested), ("clean", frame.select("n"))):
        table.write_parquet(tmp_path / "events" / f"{name}.parquet", compression="gzip", statistics=False)
    assert NEEDLE.encode() not in (tmp_path / "events" / "flat.parquet").read_bytes()
    scan = FileScanner(tmp_path).scan(["other", NEEDLE])
    assert scan.found == {"events/flat.parquet": (1,), "events/nested.parquet": (1,)}


def test_a_parquet_file_that_cannot_be_decoded_is_a_hit_without_a_needle(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    scan = FileScanner(tmp_path).scan([NEEDLE])
    assert (scan.hits, scan.found) == (("torn.parquet",), {"torn.parquet": ()})


def test_progress_names_every_file(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / name).write_bytes(b"x")
    told: list[tuple[str, int]] = []
    FileScanner(tmp_path, lambda name, percent: told.append((name, percent))).scan([NEEDLE])
    assert told == [("a", 0), ("b", 25), ("c", 50), ("d", 75)]
