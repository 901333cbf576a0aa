"""Where the tree lies in files: paths, widths and contents of tiles and entry bundles (C2SP tlog-tiles).

A hash tile holds up to 256 hashes of one height, 32 bytes each; an entry bundle up to 256 entries, each after
its length as big-endian uint16. A tile that is not full yet has its width in the path.

>>> tile_path(0, 1234067)
'tile/0/x001/x234/067'
>>> list(tile_paths(257))
['tile/entries/000', 'tile/entries/001.p/1', 'tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1']
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from audit.errors import FormatError
from audit.merkle import HASH_BYTES, perfect_root

WIDTH: Final = 256
_LENGTH: Final = 2
_PATH: Final = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)

Level = int | Literal["entries"]


def tile_path(level: Level, index: int, width: int = WIDTH) -> str:
    """Path of a tile below the log's directory, ``tile/<level>/<index>[.p/<width>]``."""
    rest, last = divmod(index, 1000)
    path = f"{last:03d}"
    while rest:
        rest, part = divmod(rest, 1000)
        path = f"x{part:03d}/{path}"
    return f"tile/{level}/{path}" + ("" if width == WIDTH else f".p/{width}")


def tile_end(path: str) -> int | None:
    """Number of entries that a log must have for this tile to exist; None when it is no tile's path."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    index = int(match[2].replace("x", "").replace("/", ""))
    level = 0 if match[1] == "entries" else int(match[1])
    width = int(match[3] or WIDTH)
    if tile_path(level if match[1] != "entries" else "entries", index, width) != path or width > WIDTH:
        return None
    return (index * WIDTH + width) << 8 * level


def levels(size: int) -> int:
    """Number of hash tile levels of a tree."""
    return (size.bit_length() + 7) // 8


def row_widths(size: int) -> tuple[int, ...]:
    """Width of the partial tile at each level, 0 for none: the base-256 digits of the size."""
    return tuple((size >> 8 * level) % WIDTH for level in range(levels(size)))


def tile_paths(size: int) -> Iterator[str]:
    """Every tile that a log of this size consists of, no other."""
    rows: list[tuple[Level, int]] = [("entries", size)]
    rows += [(level, size >> 8 * level) for level in range(levels(size))]
    for level, count in rows:
        for index in range(count // WIDTH):
            yield tile_path(level, index)
        if count % WIDTH:
            yield tile_path(level, count // WIDTH, count % WIDTH)


def partial_paths(size: int) -> frozenset[str]:
    """The partial tiles of a log of this size; a larger log replaces them."""
    rows: list[tuple[Level, int]] = [("entries", size)]
    rows += [(level, size >> 8 * level) for level in range(levels(size))]
    return frozenset(tile_path(level, n // WIDTH, n % WIDTH) for level, n in rows if n % WIDTH)


def encode_row(row: Sequence[bytes]) -> bytes:
    """Content of a hash tile."""
    return b"".join(row)


def decode_row(data: bytes, width: int) -> list[bytes]:
    """The hashes of a tile of known width. Raises FormatError."""
    if len(data) != width * HASH_BYTES:
        raise FormatError("hash tile", "length")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Content of an entry bundle. Raises FormatError for an entry above 65,535 bytes."""
    try:
        return b"".join([len(entry).to_bytes(_LENGTH) + entry for entry in entries])
    except OverflowError as error:
        raise FormatError("entry bundle", "entry too long") from error


def decode_bundle(data: bytes, count: int) -> list[bytes]:
    """Exactly ``count`` entries and nothing after them. Raises FormatError."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at + 1 < end:
        start = at + _LENGTH
        at = start + (data[at] << 8 | data[at + 1])
        entries.append(data[start:at])
    if at != end or len(entries) != count:
        raise FormatError("entry bundle", "length")
    return entries


def grow(
    size: int, rows: Sequence[Sequence[bytes]], leaves: Sequence[bytes]
) -> tuple[dict[str, bytes], list[list[bytes]]]:
    """The hash tiles that a tree gains with new leaves.

    Args:
        size: leaves so far.
        rows: partial tile of each level so far.
        leaves: hashes of the new entries.

    Returns:
        New tiles by path, and the partial rows of the larger tree.
    """
    files: dict[str, bytes] = {}
    after: list[list[bytes]] = []
    level, fresh = 0, list(leaves)
    while fresh or level < len(rows):
        row = [*(rows[level] if level < len(rows) else ()), *fresh]
        index, full = (size >> 8 * level) // WIDTH, len(row) // WIDTH * WIDTH
        tiles = [row[at : at + WIDTH] for at in range(0, full, WIDTH)]
        for offset, tile in enumerate(tiles):
            files[tile_path(level, index + offset)] = encode_row(tile)
        rest = row[full:]
        if fresh and rest:
            files[tile_path(level, index + len(tiles), len(rest))] = encode_row(rest)
        after.append(rest)
        fresh = [perfect_root(tile) for tile in tiles]
        level += 1
    return files, after
