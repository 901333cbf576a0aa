"""Small cells: a group of one to nine people is not shown, nor can it be worked out from a total.

If one group alone is hidden and the total is printed, the difference gives it away; so the next smallest
group shown is hidden with it.

>>> suppress([120, 4, 0, 33, 60])
(120, None, 0, None, 60)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SMALLEST: Final = 10  # people


def suppress(counts: Sequence[int]) -> tuple[int | None, ...]:
    """Hide counts of 1 to 9, and one more where the total would reveal a single hidden one."""
    hidden = {place for place, n in enumerate(counts) if 0 < n < SMALLEST}
    if len(hidden) == 1:
        others = sorted((n, place) for place, n in enumerate(counts) if n >= SMALLEST)
        hidden |= {place for _, place in others[:1]}
    return tuple(None if place in hidden else n for place, n in enumerate(counts))


def people(count: int) -> int | None:
    """A number of people that stands alone, such as a total."""
    return None if 0 < count < SMALLEST else count


def safe_share(part: int, whole: int) -> float | None:
    """A rate, unless the part or its complement is a small group."""
    if whole == 0 or 0 < part < SMALLEST or 0 < whole - part < SMALLEST:
        return None
    return part / whole
