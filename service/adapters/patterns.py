"""Which of very many byte patterns occur in some bytes, in one pass.

Every pattern is represented by one window of 8 bytes (of 6 when it is shorter than 8), taken from its middle,
where identifiers differ most. The data's windows, one at every byte, are looked up in a hash table with
numpy; what passes is compared with the exact windows, and only then, pattern by pattern, with the whole text.
"""

from __future__ import annotations

import mmap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Shorter patterns turn up by chance.
SHORTEST: Final = 6
_WIDE: Final = 8
_MASKS: Final = {SHORTEST: np.uint64(2**48 - 1), _WIDE: np.uint64(2**64 - 1)}
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing: the product's top bits are well mixed
_MAX_BITS: Final = 24  # a table of 16 MiB, with 1 place in 20 taken by 800,000 patterns
_CHUNK: Final = 1 << 18  # windows at a time, so that they stay in the processor's cache

Windows = NDArray[np.uint64]


class Patterns:
    """Patterns to look for, each with a number that is reported when it is found."""

    def __init__(self, numbers: Mapping[bytes, int]) -> None:
        """Patterns shorter than ``SHORTEST`` bytes are left out."""
        self._numbers = {pattern: n for pattern, n in numbers.items() if len(pattern) >= SHORTEST}
        groups: dict[int, dict[int, list[bytes]]] = {SHORTEST: defaultdict(list), _WIDE: defaultdict(list)}
        for pattern in self._numbers:
            groups[_WIDE if len(pattern) >= _WIDE else SHORTEST][len(pattern)].append(pattern)
        self._groups = [_Group(width, lengths) for width, lengths in groups.items() if lengths]

    def found(self, data: bytes | mmap.mmap) -> set[int]:
        """Numbers of the patterns that occur in the data."""
        numbers: set[int] = set()
        size = len(data)
        for start in range(0, size, _CHUNK):
            count = min(_CHUNK, size - start)
            piece = data[start : start + count + _WIDE] + bytes(_WIDE)
            windows = np.ndarray(count, np.dtype("<u8"), piece, strides=(1,)).astype(np.uint64)
            for group in self._groups:
                for at, offset, length in group.candidates(windows):
                    begin = start + at - offset
                    if begin >= 0:
                        number = self._numbers.get(data[begin : begin + length])
                        if number is not None:
                            numbers.add(number)
        return numbers


class _Group:
    """The patterns with windows of one width."""

    def __init__(self, width: int, lengths: Mapping[int, Sequence[bytes]]) -> None:
        self._mask = _MASKS[width]
        self._lengths = [
            (length, (length - width) // 2, np.unique(self._windows(texts, length, width)))
            for length, texts in sorted(lengths.items())
        ]
        self._keys = np.unique(np.concatenate([keys for _, _, keys in self._lengths]))
        bits = min(_MAX_BITS, max(12, len(self._keys).bit_length() + 5))
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, dtype=np.bool_)
        self._table[self._places(self._keys)] = True

    def _windows(self, texts: Sequence[bytes], length: int, width: int) -> Windows:
        square = np.frombuffer(b"".join(texts), dtype=np.uint8).reshape(len(texts), length)
        wide = np.zeros((len(texts), _WIDE), dtype=np.uint8)
        offset = (length - width) // 2
        wide[:, :width] = square[:, offset : offset + width]
        return wide.view("<u8").ravel().astype(np.uint64)

    def _places(self, windows: Windows) -> NDArray[np.int64]:
        return ((windows * _FACTOR) >> self._shift).view(np.int64)

    def candidates(self, windows: Windows) -> list[tuple[int, int, int]]:
        """Place of the window in the data, its offset in the pattern, length of the pattern."""
        windows = windows & self._mask if self._mask != _MASKS[_WIDE] else windows
        places = np.flatnonzero(self._table[self._places(windows)])
        places = places[_among(windows[places], self._keys)]
        found: list[tuple[int, int, int]] = []
        if len(places):
            near = windows[places]
            for length, offset, keys in self._lengths:
                found += [(at, offset, length) for at in places[_among(near, keys)].tolist()]
        return found


def _among(values: Windows, keys: Windows) -> NDArray[np.bool_]:
    """Which values are among the sorted keys."""
    at = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    return np.asarray(keys[at] == values)
