"""Paths, widths and contents of tiles, against the C2SP examples and a tree built at once."""

from __future__ import annotations

import pytest

from audit.errors import FormatError
from audit.merkle import frontier, leaf_hashes, root_of
from audit.tiles import (
    decode_bundle,
    decode_row,
    encode_bundle,
    grow,
    levels,
    partial_paths,
    row_widths,
    tile_end,
    tile_path,
    tile_paths,
)

LEAVES = leaf_hashes([b"%d" % n for n in range(66_000)])


def test_path_example_of_the_specification() -> None:
    assert tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 0, 7) == "tile/entries/000.p/7"


def test_tile_counts_of_the_specification_for_70000_entries() -> None:
    paths = list(tile_paths(70_000))
    assert sum(p.startswith("tile/0/") and ".p/" not in p for p in paths) == 273
    assert {p for p in paths if ".p/" in p and "entries" not in p} == {
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    }
    assert set(tile_paths(256)) == {"tile/entries/000", "tile/0/000", "tile/1/000.p/1"}
    assert list(tile_paths(0)) == []


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_535, 65_536, 70_000, 1 << 24])
def test_widths_are_the_digits_of_the_size(size: int) -> None:
    assert sum(width << 8 * level for level, width in enumerate(row_widths(size))) == size
    assert levels(size) == len(row_widths(size))
    if size < 100_000:
        assert partial_paths(size) == {p for p in tile_paths(size) if ".p/" in p}


@pytest.mark.parametrize(
    "path", ["tile/0/x001/x234/067", "tile/entries/000.p/7", "tile/63/000", "tile/1/001.p/255"]
)
def test_a_tile_path_tells_how_many_entries_it_needs(path: str) -> None:
    assert tile_end(path) is not None


def test_tile_ends() -> None:
    assert tile_end("tile/0/001.p/3") == 259
    assert tile_end("tile/entries/000") == 256
    assert tile_end("tile/1/000.p/2") == 512


@pytest.mark.parametrize(
    "path",
    [
        "tile/64/000",
        "tile/00/000",
        "tile/0/0",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/1000",
        "tile/0/000.p/01",
        "checkpoint",
        "tile/0/000.tmp",
        "a/tile/0/000",
        "tile/0/000.p/257",
        "tile/0/٠٠٠",
    ],
)
def test_what_is_no_tile_path_is_told_apart(path: str) -> None:
    assert tile_end(path) is None


@pytest.mark.parametrize(
    "cuts", [(1, 2, 3), (255, 256, 257), (1, 513, 700), (256, 512), (65_535, 65_536, 65_900)]
)
def test_growing_in_steps_gives_the_same_tiles_as_growing_at_once(cuts: tuple[int, ...]) -> None:
    size, rows, files = 0, list[list[bytes]](), dict[str, bytes]()
    for cut in cuts:
        fresh, rows = grow(size, rows, LEAVES[size:cut])
        files |= fresh
        size = cut
    whole, whole_rows = grow(0, [], LEAVES[:size])
    assert {path: files[path] for path in whole} == whole
    assert [*filter(None, rows)] == [*filter(None, whole_rows)]
    assert set(whole) == {path for path in tile_paths(size) if "entries" not in path}
    assert root_of(frontier(rows)) == root_of(frontier([LEAVES[:size]]))


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"", 1),
        (b"\x00", 1),
        (b"\x00\x01", 1),
        (b"\x00\x01a", 0),
        (b"\x00\x01a", 2),
        (b"\x00\x01a\x00", 1),
        (b"\x00\x01ab", 1),
    ],
)
def test_bundle_of_another_length_is_refused(data: bytes, count: int) -> None:
    with pytest.raises(FormatError):
        decode_bundle(data, count)


def test_entry_above_the_limit_is_refused() -> None:
    assert decode_bundle(encode_bundle([bytes(65_535)]), 1) == [bytes(65_535)]
    with pytest.raises(FormatError):
        encode_bundle([bytes(65_536)])


def test_hash_tile_of_another_width_is_refused() -> None:
    with pytest.raises(FormatError):
        decode_row(bytes(64), 1)
