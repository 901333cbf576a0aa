"""A behaviour report from facts that are small and fixed: what the pages, charts and files are tested on."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from service.domain.logs import Head
from service.profiling.abnormal import RULES
from service.profiling.segments import SEGMENTS
from service.reporting.customers import flag_rows, grade_rows, month_rows, segment_rows
from service.reporting.document import Answer, Cell, Provenance, Report, Text, named
from service.reporting.suppression import people, safe_share
from service.reporting.template import Template, choose, fill, load_templates

Answers = dict[str, tuple[Answer, ...]]
RELEASE = "9f2c4be1" * 4


def provenance() -> Provenance:
    """A report of 2005."""
    return Provenance(
        institution=Text("示例消费金融有限公司", "Example Consumer Finance Ltd"),
        period=(date(2005, 4, 1), date(2005, 9, 30)),
        as_of=datetime(2026, 1, 15, 9, 30, tzinfo=UTC),
        currency="TWD",
        logs=(
            Head("governance", 2026, "fiduciary.example/log/governance/2026", 128, "ab" * 32),
            Head("access", 2026, "fiduciary.example/log/access/2026", 64, "cd" * 32),
        ),
        policy="sha256:" + "5e" * 32,
        number="2026-01-15/1",
    )


def profiles() -> pl.DataFrame:
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


def scores() -> pl.DataFrame:
    rows = (("A", 10_480, 1_031, 668), ("B", 4_102, 697, 622), ("C", 2_466, 636, 577), ("D", 1_709, 668, 524))
    parts = [(g, n, bad, score) for g, n, bad, score in (*rows, ("E", 2_608, 1_657, 448))]
    return pl.concat(
        pl.DataFrame({"grade": [g] * n, "bad": [1] * bad + [0] * (n - bad)}).with_columns(
            score=pl.lit(score).cast(pl.Int64), expected=pl.lit(bad / n + 0.01)
        )
        for g, n, bad, score in parts
    )


def cells() -> list[tuple[Cell, ...]]:
    levels = ("graduate school", "university", "high school", "other")
    return [
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
    ]


def months() -> pl.DataFrame:
    """Six months of statements."""
    return pl.DataFrame(
        {
            "month": [date(2005, m, 1) for m in range(4, 10)],
            "statements": [28_914, 28_930, 28_951, 28_960, 28_977, 28_990],
            "late": [2_990, 2_861, 3_388, 4_061, 4_274, 6_591],
            "bill_cents": [112_400_000_000 + 2_000_000_000 * i for i in range(6)],
            "paid_cents": [15_200_000_000 + 130_000_000 * i for i in range(6)],
        }
    )


def flags() -> pl.DataFrame:
    """Every rule with the customers and months it flagged; one of them flagged few."""
    return pl.DataFrame(
        {
            "rule": [r.id for r in RULES],
            "limit": [float(r.limit) for r in RULES],
            "customers": [4_501, 793, 861, 2_299, 7, 5_948],
            "months": [6_145, 1_421, 1_724, 2_866, 8, 6_209],
        }
    )


def behaviour() -> Template:
    """The template."""
    return choose(load_templates(), "behaviour", date(2026, 1, 15))


def customer_answers(people_: pl.DataFrame, scored: pl.DataFrame, *, version: int = 1) -> Answers:
    """What the queries about customers would say of these frames."""
    at_risk = people_.filter(pl.col("segment") == "at_risk").height
    shares: dict[str, Cell] = {"customers": people(people_.height)}
    shares["at_risk"] = safe_share(at_risk, people_.height)
    aml, read = pl.col("rule") == "overpayment@1", ("statements@1", "customers@1")
    overdue = {"overdue": month_rows(months())[-1]["late_share"]}
    found = {
        "segments.by_band@1": Answer(segment_rows(people_), (f"derived_profile@{version}",), figures=shares),
        "scores.by_grade@1": Answer(
            grade_rows(scored),
            ("derived_score_credit@1", "customers@1"),
            figures={"customers": scored.height},
        ),
        "statements.by_month@1": Answer(month_rows(months()), ("statements@1",), figures=overdue),
        "fraud.by_rule@1": Answer(flag_rows(flags().filter(~aml)), read),
        "aml.by_rule@1": Answer(flag_rows(flags().filter(aml)), read),
        "aml.by_month@1": Answer(named("month customers", [("2005-08", 412), ("2005-09", None)]), read),
        "aml.records@1": Answer(
            named(
                "dataset rows oldest years law", [("statements", 180_000, date(2005, 4, 1), 10, "AML Law 34")]
            ),
            ("statements@1",),
        ),
    }
    return {name: (answer,) for name, answer in found.items()}


def governance_answers() -> Answers:
    """What the queries about duties would say."""
    intake = [(1, 30_000, 29_417, 11, 572), (1, 6_000, 5_788, 40, 172), (1, 180_000, 176_502, 66, 3_432)]
    consents = [
        (Text("信用评分", "Credit scoring"), 21_365, 1_204, 611),
        (Text("服务改进", "Service improvement"), 23_940, None, 402),
        (Text("客户价值分析", "Value segmentation"), 26_145, 980, 388),
    ]
    rights = [("access", 2, 2, 0, 0, 0, 0), ("erasure", 3, 1, 1, 0, 1, 0), ("objection", 1, 1, 0, 0, 0, 0)]
    budget = [("dataset:customers", 500_000, 40_624), ("role:analyst", 200_000, 20_312)]
    card = [("name", "credit v1"), ("digest", "sha256:" + "3c" * 16 + "…"), ("people", "user:mo / user:pia")]
    card += [("rho", "0.0203"), ("auc_ppm", "0.768"), ("ks_ppm", "0.418"), ("brier_ppm", "0.138")]
    question = "count, mean:bill_cents by month, education of statements"
    listed = (RELEASE, question, Text("向监管机构报送", "Reporting"), 1_000_000, 20_312, "3f" * 16)
    found = {
        "batches.by_dataset@1": Answer(
            named(
                "dataset batches rows admitted quarantined refused",
                [
                    (name, *row)
                    for name, row in zip(("customers", "notes", "statements"), intake, strict=True)
                ],
            ),
            ("ops:batches",),
        ),
        "consents.by_purpose@1": Answer(
            named("purpose standing withdrawn expired", consents), ("ops:consents",)
        ),
        "rights.by_kind@1": Answer(
            named("right opened done refused expired open late", rights),
            ("ops:requests",),
            figures={"opened": 6},
        ),
        "budget.lines@1": Answer(
            named("scope cap spent left share", [(s, c, n, c - n, n / c) for s, c, n in budget]),
            ("ops:budget",),
        ),
        "model.card@1": Answer(named("fact value", card), ("model:credit@1",), "private"),
        "releases.list@1": Answer(
            named("id question purpose epsilon rho entry", [listed]),
            ("ops:releases",),
            "private",
            {"releases": 1},
        ),
        "release.answer@1": Answer(
            named("key measure estimate low high", cells()),
            (f"release:{RELEASE}", "customers@1", "statements@1"),
            "private",
            part=RELEASE[:12],
        ),
    }
    return {name: (answer,) for name, answer in found.items()}


def answers() -> Answers:
    """Everything that the behaviour report asks."""
    return customer_answers(profiles(), scores()) | governance_answers()


def report(given: Answers | None = None, told: Provenance | None = None) -> Report:
    """The behaviour report of these answers."""
    return fill(behaviour(), given or answers(), told or provenance())
