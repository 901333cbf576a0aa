"""The private scorecard on 30,000 real card customers: quality bar, and what privacy costs."""

import numpy as np
import polars as pl
import pytest
from fakes.quality import Quality, quality
from fakes.uci import card_customers

from privacy.dp.budget import PrivacyLoss
from privacy.dp.release import noisy_histograms
from service.profiling.features import features
from service.scoring.batch import score_frame
from service.scoring.scorecard import default_probability
from service.scoring.train import Floats, Noisy, fit_credit, held_out

EPSILON = 1_000_000


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    statements, customers = card_customers()
    frame = features(statements, customers, statements["month"].max())  # type: ignore[arg-type] # a date
    return frame.join(customers.select("_sp", "bad"), on="_sp", how="inner")


def release(rho: int) -> Noisy:
    def noisy(counts: list[int] | object, l2: float, share: float) -> Floats:
        out = noisy_histograms([counts], int(rho * share), l2)  # type: ignore[list-item] # one vector
        return np.asarray(out.counts[0], dtype=np.float64)

    return noisy


def exact(counts: object, _l2: float, _share: float) -> Floats:
    return np.asarray(counts, dtype=np.float64)


def folds(people: pl.DataFrame, noisy: Noisy) -> list[Quality]:
    """Five disjoint held-out groups: the last byte of the pseudonym is moved on by one each time."""
    results = []
    for fold in range(5):
        turned = people.with_columns(_sp=_moved(people["_sp"], fold))
        card = fit_credit("credit", turned, turned["bad"], noisy)
        out = held_out(turned)
        score = score_frame(card, turned.filter(out))["score"].to_numpy()
        risk = np.array([default_probability(card, s) for s in score])
        results.append(quality(risk, turned.filter(out)["bad"].to_numpy()))
    return results


def _moved(pseudonyms: pl.Series, by: int) -> pl.Series:
    values = [p[:15] + bytes([(p[15] % 5 + by) % 5]) for p in pseudonyms.to_list()]
    return pl.Series(values, dtype=pl.Binary)


def test_the_private_scorecard_meets_the_bar_and_privacy_costs_little(people: pl.DataFrame) -> None:
    rho = PrivacyLoss.from_epsilon(EPSILON, 7).rho
    private, plain = folds(people, release(rho)), folds(people, exact)
    auc = [float(np.mean([q.auc for q in group])) for group in (private, plain)]
    assert auc[0] >= 0.76
    assert auc[1] - auc[0] <= 0.005
    assert float(np.mean([q.ks for q in private])) >= 0.40
    assert float(np.mean([q.brier for q in private])) <= 0.145


def test_grades_are_monotone_in_the_observed_default_rate(people: pl.DataFrame) -> None:
    card = fit_credit("credit", people, people["bad"], release(PrivacyLoss.from_epsilon(EPSILON, 7).rho))
    out = held_out(people)
    scored = score_frame(card, people.filter(out)).with_columns(bad=people.filter(out)["bad"])
    rates = scored.group_by("grade").agg(pl.col("bad").mean()).sort("grade")["bad"].to_list()
    assert len(rates) == 5
    assert rates == sorted(rates)
