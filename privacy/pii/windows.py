"""Long sequences in windows: each element is judged once, where it has context on both sides.

>>> [(w.low, w.high, w.inner) for w in windows(10, size=6, margin=2)]
[(0, 8, slice(0, 6, None)), (4, 10, slice(2, 6, None))]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Window(NamedTuple):
    """Elements ``low`` to ``high`` go in; of what comes out, ``inner`` counts."""

    low: int
    high: int
    inner: slice


def windows(length: int, size: int, margin: int) -> Iterator[Window]:
    """Windows whose inner parts cover ``range(length)`` in order, each element once."""
    for start in range(0, length, size):
        low, high = max(0, start - margin), min(length, start + size + margin)
        yield Window(low, high, slice(start - low, min(length, start + size) - low))
