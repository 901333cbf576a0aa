"""Statistics of the noise. Each bound names its false-alarm rate; all are far below one in 100,000 runs."""

import math
import multiprocessing
from collections.abc import Callable
from multiprocessing.queues import SimpleQueue

import numpy as np
import pytest
from fakes.dp_tables import LOWER, UPPER, query

from privacy.dp.bounding import l2_sensitivity
from privacy.dp.mechanisms import add_gaussian, gaussian_scale
from privacy.dp.release import release_cells
from privacy.dp.schema import COUNT

DRAWS = 10_000
SIGMAS = 5  # two-sided normal tail: 6e-7


def share_within(observed: int, draws: int, probability: float) -> bool:
    """Whether a binomial count is within ``SIGMAS`` standard deviations of its mean."""
    return abs(observed - draws * probability) <= SIGMAS * math.sqrt(draws * probability * (1 - probability))


def test_95_percent_intervals_hold_the_exact_total_in_95_percent() -> None:
    asked = query(measures=["count", "sum:amount"], keys=["month"], epsilon=60_000)
    exact = np.array([[10**9] * 4, [-(10**9)] * 4], dtype=np.int64)
    draws = DRAWS // 4
    cells = [cell for _ in range(draws) for cell in release_cells(asked, exact, asked.cost())]
    for place, truth in ((0, 10**6), (1, -(10**6))):
        inside = sum(c.estimates[place].low <= truth <= c.estimates[place].high for c in cells)
        assert inside / len(cells) >= 0.95 - SIGMAS * math.sqrt(0.95 * 0.05 / len(cells))
        assert inside / len(cells) <= 0.96 + SIGMAS * math.sqrt(
            0.95 * 0.05 / len(cells)
        )  # ends are whole units


def test_intervals_of_a_mean_hold_it_in_at_least_95_percent() -> None:
    asked = query(measures=["mean:amount"], keys=["month"], epsilon=1_000_000)
    for rows, mean in ((2000, 40), (60, 40), (2000, LOWER), (500, UPPER)):
        exact = np.array([[rows * 1000] * 4, [rows * 1000 * mean] * 4], dtype=np.int64)
        cells = [cell for _ in range(DRAWS // 16) for cell in release_cells(asked, exact, asked.cost())]
        inside = sum(c.estimates[0].low <= mean <= c.estimates[0].high for c in cells)
        assert inside / len(cells) >= 0.95 - SIGMAS * math.sqrt(0.95 * 0.05 / len(cells))


def test_empty_cells_get_noise_of_their_own() -> None:
    asked = query(measures=["count", "sum:amount"])
    empty = np.zeros((2, asked.n_cells), dtype=np.int64)
    runs = [release_cells(asked, empty, asked.cost()) for _ in range(1500)]
    raw = np.array([[e.raw for cell in cells for e in cell.estimates] for cells in runs], dtype=np.float64)
    matrix = np.asarray(np.corrcoef(raw, rowvar=False))
    correlation = matrix[np.triu_indices(raw.shape[1], k=1)]
    # 120 pairs; |r| sqrt(n) is close to standard normal: 120 x 6e-7 = 7e-5 with 5, 2e-8 with 6.5
    assert np.abs(correlation).max() * math.sqrt(len(runs)) <= 6.5
    assert np.abs(raw.mean(axis=0) / raw.std(axis=0)).max() * math.sqrt(len(runs)) <= 6.5


def test_the_noise_has_the_promised_spread() -> None:
    l2, rho = 1000 * math.sqrt(6), 10_093
    noise = np.array(add_gaussian([0] * DRAWS, l2, rho), dtype=np.float64)
    promised = gaussian_scale(l2, rho)
    # the sample standard deviation of n normals has a relative error of 1/sqrt(2n): 5 sigmas, 6e-7
    assert abs(noise.std() / promised - 1) <= SIGMAS / math.sqrt(2 * DRAWS)


def epsilon_seen(near: list[int], far: list[int], delta: float) -> float:
    """A lower bound of epsilon that holds but for 3e-7 of the runs, from one-sided threshold events."""
    best, slack = 0.0, SIGMAS / (2 * math.sqrt(len(near)))  # a share's error is at most 1/(2 sqrt n)
    a, b = np.array(near), np.array(far)
    for threshold in np.quantile(np.concatenate([a, b]), np.linspace(0.05, 0.95, 19)):
        more, less = float((b > threshold).mean()) - slack, float((a > threshold).mean()) + slack
        if more > delta:
            best = max(best, math.log((more - delta) / less))
    return best


SENSITIVITIES: list[tuple[str, Callable[[float], float], bool]] = [
    ("as proved", lambda l2: l2, True),
    ("ten times too small", lambda l2: l2 / 10, False),
]


@pytest.mark.parametrize(
    ("_name", "claim", "holds"), SENSITIVITIES, ids=lambda v: v if type(v) is str else ""
)
def test_black_box_smoke(_name: str, claim: Callable[[float], float], holds: bool) -> None:  # noqa: FBT001
    """Two neighbours, many draws: the loss that can be seen stays below the one that was paid."""
    asked = query(measures=["count"], keys=[], epsilon=500_000)
    l2, rho = l2_sensitivity(asked, COUNT), asked.cost().rho
    far = int(l2)
    without = add_gaussian([0] * DRAWS, claim(l2), rho)
    within = add_gaussian([far] * DRAWS, claim(l2), rho)
    assert (epsilon_seen(without, within, 1e-7) <= 0.5) is holds


def _draw(queue: "SimpleQueue[tuple[int, ...]]") -> None:
    queue.put(tuple(add_gaussian([0] * 8, 1000.0, 1)))


def test_forked_workers_draw_different_noise() -> None:
    add_gaussian([0], 1000.0, 1)  # so that any state that could be copied exists
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    workers = [context.Process(target=_draw, args=(queue,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    drawn = {queue.get() for _ in workers}
    for worker in workers:
        worker.join()
    assert len(drawn) == 4
