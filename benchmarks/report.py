"""What a benchmark returns, and the table made of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the performance table.

    Attributes:
        what: what was measured.
        ours: our figure with its unit, such as ``212,000 rows / CPU s``.
        peer: the peer and its figure in the same run.
        ratio: ours to peer; the meaning is said in ``target``.
        target: the bar and its direction, such as ``at least 20 times faster``.
        met: whether the bar is reached.
    """

    what: str
    ours: str
    peer: str
    ratio: float
    target: str
    met: bool


def cpu_seconds(work: Callable[[], object], repeat: int = 3) -> float:
    """Least CPU seconds (this process, all threads) of ``repeat`` runs."""
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def interleaved(works: Mapping[str, Callable[[], object]], rounds: int = 40) -> dict[str, float]:
    """Median CPU seconds of each, taking turns: what disturbs one round disturbs all of them."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.process_time()
            work()
            spent[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in spent.items()}
