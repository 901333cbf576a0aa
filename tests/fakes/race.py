"""Many threads in many processes that charge one scope of the budget at the same time.

``run_race`` starts the processes; this file is also what each of them runs.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fakes.clock import START
from sqlalchemy import Engine, select

from service.adapters.sql.engine import make_engine
from service.adapters.sql.ops import SqlOps
from service.adapters.sql.tables import BUDGET_CHARGE, BUDGET_SCOPE
from service.errors import BudgetExceededError

ROOT = Path(__file__).resolve().parents[2]
Charge = Callable[[Engine, str, str, int, datetime], None]


@dataclass(frozen=True)
class Outcome:
    """What the racers were told, and what the database says afterwards."""

    granted: int
    refused: int
    charged: int
    spent: int


@dataclass(frozen=True)
class _Job:
    url: str
    scope: str
    rho: int
    threads: int


def charge(engine: Engine, charge_id: str, scope: str, rho: int, at: datetime) -> None:
    """Charge through the real ledger."""
    with SqlOps(engine, lambda: None)() as tx:
        tx.budget.charge(charge_id, (scope,), rho, at)


def run_race(url: str, variant: str, *, scope: str, rho: int, processes: int, threads: int) -> Outcome:
    """Race ``processes`` x ``threads`` callers of ``module:function``, each asking three times."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"}
    command = [sys.executable, __file__, url, variant, scope, str(rho), str(processes), str(threads)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    told: list[str] = json.loads(run.stdout)
    engine = make_engine(url)
    with engine.begin() as connection:
        charges = connection.execute(select(BUDGET_CHARGE.c.rho)).all()
        spent = connection.execute(
            select(BUDGET_SCOPE.c.spent).where(BUDGET_SCOPE.c.scope == scope)
        ).scalar_one()
    engine.dispose()
    return Outcome(
        granted=told.count("granted"),
        refused=told.count("refused"),
        charged=sum(row.rho for row in charges),
        spent=spent,
    )


def _ask(spend: Charge, job: _Job, number: int) -> list[str]:
    """One process: its own engine, its threads, three requests each."""
    engine = make_engine(job.url)
    told: list[str] = []

    def ask(thread: int) -> None:
        for attempt in range(3):
            try:
                spend(engine, f"{number}-{thread}-{attempt}", job.scope, job.rho, START)
                told.append("granted")
            except BudgetExceededError:
                told.append("refused")

    callers = [threading.Thread(target=ask, args=(thread,)) for thread in range(job.threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    engine.dispose()
    return told


def _main() -> None:
    url, variant, scope, rho, processes, threads = sys.argv[1:]
    job = _Job(url, scope, int(rho), int(threads))
    module, _, function = variant.partition(":")
    spend: Charge = getattr(importlib.import_module(module), function)
    context = multiprocessing.get_context("fork")  # the imports are slow and done once
    start, results = context.Barrier(int(processes)), context.SimpleQueue()

    def race(number: int) -> None:
        start.wait()
        results.put(_ask(spend, job, number))

    racers = [context.Process(target=race, args=(number,)) for number in range(int(processes))]
    for racer in racers:
        racer.start()
    told = [word for _ in racers for word in results.get()]
    for racer in racers:
        racer.join()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    _main()
