"""A process that takes a statements file in and may be killed."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from fakes.intake import STEWARD

from service.adapters.connectors.files import FileConnector
from service.adapters.events.store import DeltaEventStore
from service.ports import Deps
from service.settings import load_settings
from service.usecases.ingest import ingest
from service.wiring import open_service


def take_in(home: Path, file: Path, pipe: Connection) -> None:
    """Say so when the service is open, then ingest."""
    deps = in_many_chunks(open_service(load_settings({}, home=home)))
    pipe.send("ready")
    ingest(file, "statements", actor=STEWARD, deps=deps)


def in_many_chunks(deps: Deps) -> Deps:
    """The same service, which reads a file in small chunks and sets each aside on disk."""
    events = DeltaEventStore(deps.home / "events", deps.events.n_buckets, in_memory=0)
    return replace(deps, connector=FileConnector(block=20_000), events=events)
