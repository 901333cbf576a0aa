"""Processes that take a stream in and may be killed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from fakes.intake import STEWARD

from service.domain.contracts import DatasetContract
from service.ports import Chunk, Connector
from service.ports.streams import Stream
from service.settings import load_settings
from service.usecases.consume import consume
from service.wiring import open_service


def consume_all(home: Path, stream: Stream, pipe: Connection) -> None:
    """Say so when the service is open and after each micro-batch."""
    deps = open_service(load_settings({}, home=home))
    pipe.send(0)
    rows = consume(stream, "statements", actor=STEWARD, deps=deps, once=True, limit=400, wait=1.0)
    for number, _ in enumerate(rows, start=1):
        pipe.send(number)


def consume_and_stand_still(home: Path, stream: Stream, pipe: Connection) -> None:
    """Say so when the second micro-batch was read and is not committed, and stay there until killed."""
    deps = open_service(load_settings({}, home=home))
    stopping = replace(deps, connector=_Stopping(deps.connector, pipe))  # type: ignore[arg-type]  # the rest is passed through
    for _ in consume(stream, "statements", actor=STEWARD, deps=stopping, once=True, limit=100, wait=1.0):
        pass


class _Stopping:
    """A connector that stands still at the second micro-batch."""

    def __init__(self, connector: Connector, pipe: Connection) -> None:
        self._connector, self._pipe, self._count = connector, pipe, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._connector, name)

    def lines(self, text: str, contract: DatasetContract) -> Iterator[Chunk]:
        """As the real one, once."""
        self._count += 1
        if self._count > 1:
            self._pipe.send("read")
            signal.pause()
        return self._connector.lines(text, contract)
