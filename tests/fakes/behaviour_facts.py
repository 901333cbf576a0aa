"""Facts for a behaviour report, small and fixed: what the pages, charts and files are tested on."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from service.profiling.abnormal import RULES
from service.profiling.segments import SEGMENTS
from service.reporting.document import Provenance, Text
from service.reporting.facts import (
    BatchFact,
    BehaviourFacts,
    BudgetFact,
    Cells,
    ModelFact,
    ReleaseFact,
    RightsFact,
)


def provenance() -> Provenance:
    """A report of 2005."""
    return Provenance(
        institution=Text("示例消费金融有限公司", "Example Consumer Finance Ltd"),
        period=(date(2005, 4, 1), date(2005, 9, 30)),
        as_of=datetime(2026, 1, 15, 9, 30, tzinfo=UTC),
        currency="TWD",
        log_origin="fiduciary.example/log",
        log_size=128,
        log_root="q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
        policy="sha256:" + "5e" * 32,
        number="2026-01-15/1",
    )


def _profiles() -> pl.DataFrame:
    sizes = dict(zip(SEGMENTS, (3120, 4877, 7214, 5003, 5931), strict=True))
    means = dict(zip(SEGMENTS, (198_556, 44_935, 30_366, 1_580, 64_207), strict=True))
    return pl.concat(
        pl.DataFrame({"segment": [s] * n}).with_columns(
            contribution_cents=pl.lit(means[s]).cast(pl.Int64),
            util_mean=pl.lit(0.1 + 0.12 * place),
            pay_ratio=pl.lit(0.9 - 0.15 * place),
        )
        for place, (s, n) in enumerate(sizes.items())
    )


def _scores() -> pl.DataFrame:
    rows = (("A", 10_480, 1_031, 668), ("B", 4_102, 697, 622), ("C", 2_466, 636, 577), ("D", 1_709, 668, 524))
    parts = [(g, n, bad, score) for g, n, bad, score in (*rows, ("E", 2_608, 1_657, 448))]
    return pl.concat(
        pl.DataFrame({"grade": [g] * n, "bad": [1] * bad + [0] * (n - bad)}).with_columns(
            score=pl.lit(score).cast(pl.Int64), expected=pl.lit(bad / n + 0.01)
        )
        for g, n, bad, score in parts
    )


def _cells() -> tuple[Cells, ...]:
    levels = ("graduate school", "university", "high school", "other")
    return tuple(
        (
            f"2005-{month:02d} · {level}",
            measure,
            value + 17 * month + 300 * place,
            value + 17 * month + 300 * place - width,
            value + 17 * month + 300 * place + width,
        )
        for month in range(4, 10)
        for place, level in enumerate(levels)
        for measure, value, width in (("count", 4_210, 38), ("mean:bill_cents", 4_912_340, 81_200))
    )


def facts() -> BehaviourFacts:
    """Everything a report needs."""
    months = [date(2005, m, 1) for m in range(4, 10)]
    return BehaviourFacts(
        provenance=provenance(),
        profiles=_profiles(),
        scores=_scores(),
        months=pl.DataFrame(
            {
                "month": months,
                "statements": [28_914, 28_930, 28_951, 28_960, 28_977, 28_990],
                "late": [2_990, 2_861, 3_388, 4_061, 4_274, 6_591],
                "bill_cents": [112_400_000_000 + 2_000_000_000 * i for i in range(6)],
                "paid_cents": [15_200_000_000 + 130_000_000 * i for i in range(6)],
            }
        ),
        flags=pl.DataFrame(
            {
                "rule": [r.id for r in RULES],
                "limit": [float(r.limit) for r in RULES],
                "customers": [4_501, 793, 7, 2_299, 861, 5_948],
                "months": [6_145, 1_421, 8, 2_866, 1_724, 6_209],
            }
        ),
        consents=pl.DataFrame(
            {
                "purpose": ["credit_scoring", "service_improvement", "value_segmentation"],
                "standing": [21_365, 23_940, 26_145],
                "withdrawn": [1_204, 6, 980],
                "expired": [611, 402, 388],
            }
        ),
        purposes={
            "credit_scoring": Text("信用评分", "Credit scoring"),
            "service_improvement": Text("服务改进", "Service improvement"),
            "value_segmentation": Text("客户价值分析", "Value segmentation"),
        },
        model=ModelFact(
            name="credit",
            version=1,
            digest="sha256:" + "3c" * 32,
            trained_by="user:mo",
            approved_by="user:pia",
            rho=20_312,
            training={"auc_ppm": 768_000, "ks_ppm": 418_000, "brier_ppm": 138_000},
        ),
        budget=(
            BudgetFact("dataset:customers", 500_000, 40_624),
            BudgetFact("dataset:statements", 500_000, 20_312),
            BudgetFact("role:analyst", 200_000, 20_312),
        ),
        releases=(
            ReleaseFact(
                id="9f2c4be1" * 4,
                question="count, mean:bill_cents by month, education",
                purpose="regulatory_reporting",
                rho=20_312,
                epsilon=1_000_000,
                data_version="customers@1,statements@1",
                entry="41",
                cells=_cells(),
            ),
        ),
        batches=(
            BatchFact("customers", 1, 30_000, 29_417, 11, 572),
            BatchFact("notes", 1, 6_000, 5_788, 40, 172),
            BatchFact("statements", 1, 180_000, 176_502, 66, 3_432),
        ),
        rights=(
            RightsFact("access", 2, 2, 0, 0, 0, 0),
            RightsFact("erasure", 3, 1, 1, 0, 1, 0),
            RightsFact("objection", 1, 1, 0, 0, 0, 0),
        ),
        versions={"derived_profile": 1, "derived_score_credit": 1, "customers": 1, "statements": 1},
    )
