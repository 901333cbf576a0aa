"""A whole release as a data user runs it: policy, ledger, vault, consent, bounding, noise, log, answer.

``benchmarks.aggregate`` measures the arithmetic alone. Here everything is in: most of the time goes into the
vault, which opens every living subject's keys to know whose rows may be read.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.aggregate import plain_polars
from benchmarks.report import Row, cpu_seconds
from service.demo.run import PLAN, run_demo
from service.domain.actors import Actor
from service.ports import Deps
from service.settings import load_settings
from service.usecases.release import approve_aggregate, request_aggregate, run_aggregate
from service.wiring import open_service

ANALYST = Actor("user:ann", frozenset({"analyst"}))
APPROVER = Actor("user:paul", frozenset({"privacy_officer"}))


def run() -> list[Row]:
    """The demo's 30,000 customers; each run is another plan, so that none is answered from the store."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "demo"
        run_demo(home, progress=lambda _step, _percent: None)
        deps = open_service(load_settings({}, home=home))
        ours = statistics.median(_runs(deps))
        tables = {name: deps.events.scan(name) for name in ("statements", "customers")}
        plain = cpu_seconds(lambda: plain_polars(tables), 5)
    return [
        Row(
            what="a whole release: policy, ledger, consent, noise, log; 180,000 rows, 30,000 subjects",
            ours=f"{ours * 1e3:.0f} CPU ms",
            peer=f"plain polars over the same files: {plain * 1e3:.0f} CPU ms",
            ratio=ours / plain,
            target="stated, no bar",
            met=True,
        )
    ]


def _runs(deps: Deps) -> Iterator[float]:
    for epsilon in range(50_000, 100_000, 10_000):
        asked = request_aggregate(
            PLAN | {"epsilon": epsilon}, "regulatory_reporting", actor=ANALYST, deps=deps
        )
        approve_aggregate(asked.id, actor=APPROVER, deps=deps)
        yield cpu_seconds(lambda: run_aggregate(asked.id, actor=ANALYST, deps=deps), 1)  # noqa: B023 - run at once
