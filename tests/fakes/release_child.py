"""A process that runs a release and stops, alive, at a chosen point, so that it can be killed there."""

from __future__ import annotations

import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from fakes.clock import FakeClock
from fakes.fuses import Fuse, WatchedEvents

from service.adapters.sql.ops import SqlOps
from service.adapters.trail import LogTrail
from service.domain.actors import Actor
from service.settings import load_settings
from service.usecases.release import run_aggregate
from service.wiring import open_service

Point = Literal["before reading", "entry durable"]
POINTS: tuple[Point, ...] = ("before reading", "entry durable")


class _Stop:
    """Says that the point is reached, then waits to be killed."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def __call__(self) -> None:
        self._pipe.send("here")
        time.sleep(60)


class _StoppingTrail(LogTrail):
    def __init__(self, inner: LogTrail, stop: _Stop) -> None:
        super().__init__(inner._logs, inner._index, inner._keys)
        self._stop = stop

    def relay(self) -> None:
        """Move the outbox into the log, then stop."""
        super().relay()
        self._stop()


def run_and_stop(home: Path, release_id: str, actor: Actor, point: Point, pipe: Connection) -> None:
    """Run until the point is reached."""
    deps = open_service(load_settings({}, home=home), clock=FakeClock())
    stop = _Stop(pipe)
    if point == "before reading":
        deps = replace(deps, events=WatchedEvents(home / "events", deps.events.n_buckets, Fuse(), stop))
    else:
        assert isinstance(deps.audit, LogTrail)
        assert isinstance(deps.ops, SqlOps)
        ops = SqlOps(deps.ops.engine, _StoppingTrail(deps.audit, stop).relay)
        deps = replace(deps, ops=ops)
    run_aggregate(release_id, actor=actor, deps=deps)
