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
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, Literal

from audit.errors import FormatError, LogCorruptError, NotSealedError
from audit.merkle import HASH_BYTES, frontier, leaf_hashes, perfect_root, root_of

WIDTH: Final = 256
_LENGTH: Final = 2
_CACHED_TILES: Final = 64
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
    level: Level = "entries" if match[1] == "entries" else int(match[1])
    index, width = int(match[2].replace("x", "").replace("/", "")), int(match[3] or WIDTH)
    if tile_path(level, index, width) != path or width > WIDTH:
        return None
    return (index * WIDTH + width) << 8 * (0 if level == "entries" else level)


def levels(size: int) -> int:
    """Number of hash tile levels of a tree."""
    return (size.bit_length() + 7) // 8


def row_widths(size: int) -> tuple[int, ...]:
    """Width of the partial tile at each level, 0 for none: the base-256 digits of the size."""
    return tuple((size >> 8 * level) % WIDTH for level in range(levels(size)))


def _counts(size: int) -> list[tuple[Level, int]]:
    """Each level with the number of entries or hashes that it has."""
    return [("entries", size), *((level, size >> 8 * level) for level in range(levels(size)))]


def tile_paths(size: int) -> Iterator[str]:
    """Every tile that a log of this size consists of, no other."""
    for level, count in _counts(size):
        for start in range(0, count, WIDTH):
            yield tile_path(level, start // WIDTH, min(WIDTH, count - start))


def partial_paths(size: int) -> frozenset[str]:
    """The partial tiles of a log of this size; a larger log replaces them."""
    return frozenset(tile_path(level, n // WIDTH, n % WIDTH) for level, n in _counts(size) if n % WIDTH)


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


class TreeReader:
    """The tree of the first ``size`` entries, read through ``read(path)``, which may raise FileNotFoundError.

    Nothing read here is trusted: whoever needs trust compares ``root()`` with a signed checkpoint first.
    Every method raises LogCorruptError when a tile is missing or has the wrong length.
    """

    def __init__(self, size: int, read: Callable[[str], bytes]) -> None:
        self.size, self._read = size, read
        self._tile = lru_cache(maxsize=_CACHED_TILES)(self._load)

    def _load(self, level: Level, index: int) -> list[bytes]:
        width = min(WIDTH, (self.size >> 8 * (0 if level == "entries" else level)) - index * WIDTH)
        path = tile_path(level, index, width)
        try:
            data = self._read(path)
            return decode_bundle(data, width) if level == "entries" else decode_row(data, width)
        except FileNotFoundError as error:
            raise LogCorruptError(path, "missing") from error
        except FormatError as error:
            raise LogCorruptError(path, error.problem) from error

    def rows(self) -> list[list[bytes]]:
        """Hashes of the partial tile of each level, level 0 first."""
        return [
            self._tile(level, (self.size >> 8 * level) // WIDTH) if width else []
            for level, width in enumerate(row_widths(self.size))
        ]

    def root(self) -> bytes:
        """Root hash, from the partial tiles."""
        return root_of(frontier(self.rows()))

    def extended(self, fresh: Sequence[bytes]) -> tuple[dict[str, bytes], bytes]:
        """The tiles and bundles that the tree gains with new entries, by path, and its new root."""
        files, after = grow(self.size, self.rows(), leaf_hashes(fresh))
        entries = [*self.last_bundle(), *fresh]
        for at in range(0, len(entries), WIDTH):
            part = entries[at : at + WIDTH]
            files[tile_path("entries", (self.size + at) // WIDTH, len(part))] = encode_bundle(part)
        return files, root_of(frontier(after))

    def node(self, height: int, index: int) -> bytes:
        """Hash of a perfect subtree inside the tree."""
        level, rest = divmod(height, 8)
        tile, offset = divmod(index << rest, WIDTH)
        return perfect_root(self._tile(level, tile)[offset : offset + (1 << rest)])

    def bundle(self, index: int) -> list[bytes]:
        """The entries of one bundle."""
        return self._tile("entries", index)

    def last_bundle(self) -> list[bytes]:
        """The entries of the bundle that is not full yet, none when all are."""
        return self.bundle(self.size // WIDTH) if self.size % WIDTH else []

    def entry(self, index: int) -> bytes:
        """One entry. Raises NotSealedError when it is not in the tree."""
        if not 0 <= index < self.size:
            raise NotSealedError(index, self.size)
        return self.bundle(index // WIDTH)[index % WIDTH]
