"""A process that runs the retention job and is killed: by itself at a chosen step, or by its parent."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

import polars as pl
from fakes.clock import FakeClock
from fakes.intake import STEWARD
from mutants.retentions import ForgetsToPurge

from service.domain.contracts import DatasetContract
from service.ports import Deps
from service.settings import load_settings
from service.usecases.retention import run_retention
from service.wiring import open_service

STEPS = ("logged", "rewritten", "")  # "" only when the parent kills


class DyingEvents(ForgetsToPurge):
    """The real store, whose process dies when a removal is logged, or rewritten but not purged."""

    step = ""

    def expire(
        self, name: str, keep: pl.Expr, contract: DatasetContract | None = None, *, dry_run: bool = False
    ) -> int:
        """Die on the way to the end."""
        if not dry_run and self.step == "logged":
            os.kill(os.getpid(), signal.SIGKILL)
        removed = super().expire(name, keep, contract, dry_run=dry_run)
        if not dry_run and self.step == "rewritten":
            os.kill(os.getpid(), signal.SIGKILL)
        return removed


def retain(home: Path, at: datetime, step: str, pipe: Connection) -> None:
    """Say so when the service is open, then run the job."""
    deps = open_service(load_settings({}, home=home), clock=FakeClock(at))
    if step:
        deps = dying(deps, step)
    pipe.send("ready")
    run_retention(actor=STEWARD, deps=deps)


def dying(deps: Deps, step: str) -> Deps:
    """The same service with the store that kills."""
    events = DyingEvents(deps.home / "events", deps.events.n_buckets)
    events.step = step
    return replace(deps, events=events)
