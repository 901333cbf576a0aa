"""Reading a tree of known size from its tiles: rows, nodes, entries, root and proofs.

Nothing read here is trusted: whoever needs trust compares ``root()`` with a signed checkpoint first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from audit.errors import FormatError, LogCorruptError, NotSealedError
from audit.merkle import consistency_proof, frontier, inclusion_proof, perfect_root, root_of
from audit.tiles import WIDTH, decode_bundle, decode_row, row_widths, tile_path

_LEVEL_BITS = 8
_CACHED_TILES = 64


class TreeReader:
    """The tree of the first ``size`` entries, read through ``read(path)``.

    Every method raises LogCorruptError when a tile is missing or has the wrong length.
    """

    def __init__(self, size: int, read: Callable[[str], bytes]) -> None:
        self.size = size
        self._read_file = read
        self._tile = lru_cache(maxsize=_CACHED_TILES)(self._load_tile)

    def _read(self, path: str) -> bytes:
        try:
            return self._read_file(path)
        except FileNotFoundError as error:
            raise LogCorruptError(path, "missing") from error

    def _load_tile(self, level: int, index: int) -> list[bytes]:
        width = min(WIDTH, (self.size >> _LEVEL_BITS * level) - index * WIDTH)
        path = tile_path(level, index, width)
        try:
            return decode_row(self._read(path), width)
        except FormatError as error:
            raise LogCorruptError(path, error.problem) from error

    def rows(self) -> list[list[bytes]]:
        """Hashes of the partial tile of each level, level 0 first."""
        return [
            self._tile(level, (self.size >> _LEVEL_BITS * level) // WIDTH) if width else []
            for level, width in enumerate(row_widths(self.size))
        ]

    def root(self) -> bytes:
        """Root hash, from the partial tiles."""
        return root_of(frontier(self.rows()))

    def node(self, height: int, index: int) -> bytes:
        """Hash of a perfect subtree inside the tree."""
        level, rest = divmod(height, _LEVEL_BITS)
        tile, offset = divmod(index << rest, WIDTH)
        return perfect_root(self._tile(level, tile)[offset : offset + (1 << rest)])

    def bundle(self, index: int) -> list[bytes]:
        """The entries of one bundle."""
        width = min(WIDTH, self.size - index * WIDTH)
        path = tile_path("entries", index, width)
        try:
            return decode_bundle(self._read(path), width)
        except FormatError as error:
            raise LogCorruptError(path, error.problem) from error

    def entry(self, index: int) -> bytes:
        """One entry. Raises NotSealedError when it is not in the tree."""
        if not 0 <= index < self.size:
            raise NotSealedError(index, self.size)
        return self.bundle(index // WIDTH)[index % WIDTH]

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """Inclusion proof of one entry. Raises NotSealedError when it is not in the tree."""
        if not 0 <= index < self.size:
            raise NotSealedError(index, self.size)
        return inclusion_proof(index, self.size, self.node)

    def consistency(self, old: int) -> tuple[bytes, ...]:
        """Proof that the tree extends its own first ``old`` entries. Raises ConsistencyError."""
        return consistency_proof(old, self.size, self.node)
