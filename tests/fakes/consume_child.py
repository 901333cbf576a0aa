"""A process that takes a stream in and may be killed."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path

from fakes.intake import STEWARD

from service.settings import load_settings
from service.usecases.consume import consume
from service.wiring import open_nats, open_service


def consume_all(home: Path, url: str, pipe: Connection) -> None:
    """Say so when the service is open and after each micro-batch."""
    deps = open_service(load_settings({}, home=home))
    stream = open_nats(url, "EVENTS", "card.statements")
    pipe.send(0)
    rows = consume(stream, "statements", actor=STEWARD, deps=deps, once=True, limit=400, wait=0.5)
    for number, _ in enumerate(rows, start=1):
        pipe.send(number)
