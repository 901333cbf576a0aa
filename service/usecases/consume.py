"""Take a stream in: micro-batches of messages, each exactly once.

The cursor alone says how far a stream is taken in. Before a micro-batch is taken in its range is written
down; a killed run finishes exactly that range first. The id of the batch comes from the range, so what was
committed already is found and not read again: no row twice, none lost, whatever the broker repeats.

A message that cannot be a row stops nothing. It is a rejected row: ``not_json``, ``too_large``,
``duplicate_key``, ``unknown_field``, ``missing_value``. The others are read as a JSON lines file is read, so
that the rows are those of a batch rebuild from the same lines.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from service.domain.actors import Actor
from service.domain.batches import REJECTED
from service.domain.contracts import DatasetContract
from service.errors import ConflictError
from service.ports import BatchRow, Chunk, Deps
from service.ports.streams import Message, Stream
from service.usecases.ingest import take_in

LIMIT: Final = 10_000  # messages in a micro-batch
WAIT: Final = 5.0  # seconds to fill one
MAX_MESSAGE: Final = 1 << 20  # bytes


@dataclass(slots=True)
class Consumed:
    """What a run took in: rows = admitted + quarantined + refused."""

    batches: int = 0
    rows: int = 0
    admitted: int = 0
    quarantined: int = 0
    refused: int = 0
    position: str = ""

    def add(self, row: BatchRow, upto: str) -> None:
        """Count a batch."""
        self.batches, self.position = self.batches + 1, upto
        for name in ("rows", "admitted", "quarantined", "refused"):
            setattr(self, name, getattr(self, name) + getattr(row.counts, name))


def consume(
    stream: Stream,
    dataset: str,
    *,
    actor: Actor,
    deps: Deps,
    once: bool = False,
    limit: int = LIMIT,
    wait: float = WAIT,
    tell: Callable[[Consumed], None] = lambda _: None,
) -> Consumed:
    """Take a stream into a dataset.

    Args:
        stream: where the messages come from.
        dataset: name of a registered dataset.
        actor: needs ``dataset:ingest``.
        deps: the service.
        once: stop when the stream is empty; else go on until the process is told to stop.
        limit: messages in a micro-batch.
        wait: seconds after which a micro-batch is taken in although it is not full.
        tell: told after each micro-batch.

    Raises:
        ConflictError: another consumer has gone on, or the stream was made anew.
        StorageError: the broker or a store is not available; run again when it is.
        And what ``take_in`` raises.
    """
    done = Consumed()
    while True:
        with deps.ops() as tx:
            cursor = tx.cursors.get(stream.name, dataset)
        messages, upto = None, cursor.pending
        if not upto:
            messages = _newer(stream.read(cursor.done, "", limit, wait), cursor.done)
            if not messages and once:
                return done
            if not messages:
                continue
            upto = messages[-1].position
            _begin(stream.name, dataset, cursor.done, upto, deps)
        batch = _MicroBatch(stream, cursor.done, upto, deps, messages)
        row = take_in(batch, dataset, actor=actor, deps=deps, name=stream.name)
        with deps.ops() as tx:
            tx.cursors.finish(stream.name, dataset, upto)
        done.add(row, upto)
        tell(done)


def _begin(name: str, dataset: str, after: str, upto: str, deps: Deps) -> None:
    with deps.ops() as tx:
        tx.cursors.begin(name, dataset, upto)
        if tx.cursors.get(name, dataset).done != after:  # now locked: nobody can go on meanwhile
            raise ConflictError("another consumer reads this stream: run one at a time")


def _newer(messages: list[Message], after: str) -> list[Message]:
    """In order, each position once, none that was taken in: a broker may deliver again."""
    floor = int(after or -1)
    found = {int(m.position): m for m in messages if int(m.position) > floor}
    return [found[position] for position in sorted(found)]


@dataclass(slots=True)
class _MicroBatch:
    """``service.ports.Source``: the messages behind ``after`` up to ``upto``; read only if they are needed."""

    stream: Stream
    after: str
    upto: str
    deps: Deps
    messages: list[Message] | None = None

    @property
    def digest(self) -> str:
        """Of the range: positions never change, and what is behind them may be gone from the broker."""
        place = json.dumps([self.stream.name, self.after, self.upto])
        return hashlib.sha256(place.encode()).hexdigest()

    @property
    def facts(self) -> tuple[tuple[str, str | int], ...]:
        return (("after", self.after), ("upto", self.upto))

    def chunks(self, contract: DatasetContract) -> Iterator[Chunk]:
        """The rows that can be typed, as the file connector types them, then the messages that are no rows."""
        if self.messages is None:
            everything = self.stream.read(self.after, self.upto, 0, WAIT)
            self.messages = [m for m in _newer(everything, self.after) if int(m.position) <= int(self.upto)]
        sorted_out = _Sorted(contract)
        for number, message in enumerate(self.messages, start=1):
            sorted_out.add(number, message.data)
        self.messages = []
        with tempfile.TemporaryDirectory(prefix="fiduciary-") as folder:
            path = Path(folder, "messages.jsonl")
            path.write_bytes(b"\n".join(sorted_out.lines))
            numbers = pl.Series("_row", [0, *sorted_out.numbers], dtype=pl.UInt32)
            for chunk in self.deps.connector.open(path).chunks(contract) if sorted_out.lines else ():
                typed, rejected = (
                    frame.with_columns(numbers.gather(frame["_row"]))
                    for frame in (chunk.frame, chunk.rejected)
                )
                yield Chunk(typed, rejected, chunk.done)
        if sorted_out.bad:
            schema = {c.name: pl.String() for c in contract.columns}  # TODO
            yield Chunk(pl.DataFrame(), pl.DataFrame(), 1.0)


@dataclass(slots=True)
class _Sorted:
    pass
