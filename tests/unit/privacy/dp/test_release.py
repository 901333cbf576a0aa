import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fakes.dp_tables import CATALOGUE, LOWER, UPPER, query, totals, worst_case

from privacy.dp.accuracy import REFERENCE_ROWS
from privacy.dp.budget import PrivacyLoss
from privacy.dp.errors import MechanismError
from privacy.dp.mechanisms import add_gaussian, gaussian_scale
from privacy.dp.query import parse_plan
from privacy.dp.release import expected_accuracy, format_cells, noisy_histograms, release_cells
from privacy.dp.schema import resolve


def test_every_cell_of_the_grid_is_answered_in_whole_numbers() -> None:
    asked = query()
    cells = release_cells(asked, totals(asked, worst_case()), asked.cost())
    assert [cell.key for cell in cells] == list(asked.cells())
    for cell in cells:
        count, total, mean = cell.estimates
        assert all(type(x) is int for e in cell.estimates for x in (e.value, e.low, e.high))
        assert 0 <= count.low <= count.value <= count.high
        assert total.low <= total.value <= total.high
        assert LOWER <= mean.low <= mean.value <= mean.high <= UPPER
        assert (type(count.raw), type(total.raw), mean.raw) == (int, int, None)


def test_a_clipped_count_keeps_its_raw_number() -> None:
    asked = query(measures=["count"], keys=["month"], epsilon=100_000)
    empty = np.zeros((1, asked.n_cells), dtype=np.int64)
    counts = [c.estimates[0] for _ in range(20) for c in release_cells(asked, empty, asked.cost())]
    raw = [e.raw for e in counts if e.raw is not None]
    assert min(raw) < 0 <= min(e.value for e in counts)


def test_json_of_a_cell_names_keys_and_measures() -> None:
    asked = query(periods=["2005-04"])
    cells = release_cells(asked, totals(asked, worst_case()), asked.cost())
    first = format_cells(asked, cells)[0]
    assert (first["month"], first["people.education"]) == ("2005-04", "low")
    count, mean = first["count"], first["mean:amount"]
    assert isinstance(count, dict)
    assert isinstance(mean, dict)
    assert set(count) == {"value", "low", "high", "raw"}
    assert set(mean) == {"value", "low", "high"}


def test_the_promised_half_width_is_the_one_of_the_answer() -> None:
    asked = query(measures=["count", "sum:amount"], keys=[])
    promised = expected_accuracy(asked)
    exact = np.array([[10**9], [10**9]], dtype=np.int64)
    (cell,) = release_cells(asked, exact, asked.cost())
    for accuracy, estimate in zip(promised, cell.estimates, strict=True):
        assert accuracy.at_rows == 0
        assert abs((estimate.high - estimate.low) / 2 - accuracy.half_width) <= 1


def test_a_mean_is_promised_for_a_cell_of_a_stated_size() -> None:
    (accuracy,) = expected_accuracy(query(measures=["mean:amount"]))
    assert accuracy.at_rows == REFERENCE_ROWS
    assert 0 < accuracy.half_width <= 2 * UPPER


@pytest.mark.parametrize("change", ["loss", "shape"])
def test_vectors_or_losses_of_another_plan_are_refused(change: str) -> None:
    asked = query()
    exact = totals(asked, worst_case())
    loss = PrivacyLoss(asked.cost().rho + 1) if change == "loss" else asked.cost()
    with pytest.raises(MechanismError):
        release_cells(asked, exact[:, :-1] if change == "shape" else exact, loss)


@pytest.mark.parametrize(
    ("l2", "rho"), [(0.0, 1), (-1.0, 1), (math.nan, 1), (math.inf, 1), (1.0, 0), (1e30, 1)]
)
def test_noise_that_cannot_keep_the_promise_is_refused(l2: float, rho: int) -> None:
    with pytest.raises(MechanismError):
        add_gaussian([1, 2], l2, rho)


@pytest.mark.parametrize("l2", [1.0, math.sqrt(2), 6000 * math.sqrt(12), 1e12])
@pytest.mark.parametrize("rho", [1, 20_187, 10_000_000])
def test_the_scale_is_the_least_that_opendp_confirms(l2: float, rho: int) -> None:
    scale = gaussian_scale(l2, rho)
    assert scale == pytest.approx(l2 / math.sqrt(2 * rho / 1e6), rel=1e-9)
    assert len(add_gaussian([0, 0], l2, rho)) == 2


def test_the_widest_plan_that_resolves_can_be_released() -> None:
    table = CATALOGUE["events"]
    wide = replace(table, measures={"amount": (0, 2**43 // 1000)})
    months = [f"{year}-{month:02d}" for year in range(2000, 2020) for month in range(1, 13)]
    plan = {
        "dataset": "events",
        "keys": ["month"],
        "measures": ["sum:amount"],
        "periods": months,
        "epsilon": 5_400,
    }
    asked = resolve(parse_plan(plan), {"events": wide})
    assert asked.cost().rho <= 2
    assert len(release_cells(asked, np.zeros((1, 240), dtype=np.int64), asked.cost())) == 240


def test_histograms_come_back_in_their_shape() -> None:
    counts = [[5, 7, 900], [10], [0, 12]]
    noisy = noisy_histograms(counts, 10**12, math.sqrt(3))  # so much budget that the noise is next to nothing
    assert [len(vector) for vector in noisy.counts] == [3, 1, 2]
    assert all(
        abs(a - b) <= 3 for v, w in zip(noisy.counts, counts, strict=True) for a, b in zip(v, w, strict=True)
    )
    assert noisy.half_width >= noisy.scale


def test_a_release_takes_no_seed() -> None:
    banned: Any = {"seed": 1}
    with pytest.raises(TypeError):
        noisy_histograms([[1]], 1, 1.0, **banned)
    draws = {noisy_histograms([[0] * 8], 10, 1.0).counts for _ in range(5)}
    assert len(draws) == 5
