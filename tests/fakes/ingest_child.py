"""A process that takes a statements file in and may be killed."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path

from fakes.intake import STEWARD

from service.settings import load_settings
from service.usecases.ingest import ingest
from service.wiring import open_service


def take_in(home: Path, file: Path, pipe: Connection) -> None:
    """Say so when the service is open, then ingest."""
    deps = open_service(load_settings({}, home=home))
    pipe.send("ready")
    ingest(file, "statements", actor=STEWARD, deps=deps)
