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
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from service.domain.actors import Actor
from service.domain.batches import DTYPES, rejected
from service.domain.contracts import DatasetContract
from service.errors import DriftError, QualityError
from service.ports import BatchRow, Chunk, Deps
from service.ports.streams import Message, Stream
from service.usecases.export import pull

LIMIT: Final = 10_000  # messages in a micro-batch
WAIT: Final = 5.0  # seconds to fill one
_ASIDE: Final = (DriftError, QualityError)  # what a stream sent stays as it is: no use to read it again
MAX_MESSAGE: Final = 1 << 20  # bytes
_ONE_LINE: Final = bytes.maketrans(b"\r\n", b"  ")  # between tokens; within a string JSON escapes them


def consume(
    stream: Stream,
    dataset: str,
    *,
    actor: Actor,
    deps: Deps,
    once: bool = False,
    limit: int = LIMIT,
    wait: float = WAIT,
) -> Iterator[BatchRow]:
    """Take a stream into a dataset, micro-batch by micro-batch.

    Args:
        stream: where the messages come from.
        dataset: name of a registered dataset.
        actor: needs ``dataset:ingest``.
        deps: the service.
        once: stop when the stream is empty; else go on until the process is told to stop.
        limit: messages in a micro-batch.
        wait: seconds after which a micro-batch is taken in although it is not full.

    Yields:
        Each micro-batch, once it counts as done.

    Raises:
        ConflictError: another consumer has gone on, or the stream was made anew.
        StorageError: the broker or a store is not available; run again when it is.
        DriftError: the micro-batch is in quarantine as a whole; the next run goes on behind it.
        QualityError: so is this one, which is below the contract's ``minimumQuality``.
    """
    ranges = _Ranges(stream, deps, limit, wait)
    overtaken = "another consumer reads this stream: run one at a time"
    while True:
        row = pull(ranges, dataset, actor=actor, deps=deps, overtaken=overtaken, aside=_ASIDE)
        if row is not None:
            yield row
        elif once:
            return


@dataclass(slots=True)
class _Ranges:
    """``service.ports.exports.Export``: a stream in ranges of a micro-batch each; the newest is kept."""

    stream: Stream
    deps: Deps
    limit: int
    wait: float
    newest_read: list[Message] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.stream.name

    def newest(self, after: str, contract: DatasetContract) -> str:  # noqa: ARG002 - a contract says nothing of it
        self.newest_read = _newer(self.stream.read(after, "", self.limit, self.wait), after)
        return self.newest_read[-1].position if self.newest_read else ""

    def rows(self, after: str, upto: str) -> _MicroBatch:
        read = self.newest_read if self.newest_read and self.newest_read[-1].position == upto else None
        return _MicroBatch(self.stream, after, upto, self.deps, read)


def _newer(messages: list[Message], after: str) -> list[Message]:
    """In order, each position once, none that was taken in: a broker may deliver again."""
    floor = int(after or -1)
    found = {int(m.position): m for m in messages if int(m.position) > floor}
    return [found[position] for position in sorted(found)]


@dataclass(slots=True)
class _MicroBatch:
    """``service.ports.Source``: messages behind ``after`` up to ``upto``; read only if they are needed."""

    stream: Stream
    after: str
    upto: str
    deps: Deps
    messages: list[Message] | None

    @property
    def digest(self) -> str:
        """Of the range: a position never changes its message, and the broker may drop it meanwhile."""
        place = json.dumps([self.stream.name, self.after, self.upto])
        return hashlib.sha256(place.encode()).hexdigest()

    @property
    def facts(self) -> tuple[tuple[str, str | int], ...]:
        name = re.sub(r"[^A-Za-z0-9._:-]", "_", self.stream.name)[:256]
        return (("after", self.after), ("stream", name), ("upto", self.upto))

    def chunks(self, contract: DatasetContract) -> Iterator[Chunk]:
        """The rows, read as a JSON lines file is; then the messages that are no rows."""
        if self.messages is None:
            self.messages = _newer(self.stream.read(self.after, self.upto, 0, WAIT), self.after)
        verdicts = [_verdict(m.data, contract) for m in self.messages]
        good = [n for n, (rule, _) in enumerate(verdicts) if not rule]
        numbers = pl.Series([0, *(n + 1 for n in good)], dtype=pl.UInt32)
        lines = b"\n".join(self.messages[n].data.translate(_ONE_LINE) for n in good).decode("utf-8")
        for chunk in self.deps.connector.lines(lines, contract) if good else ():
            frames = (chunk.frame, chunk.rejected)
            typed, unread = (frame.with_columns(_row=numbers.gather(frame["_row"])) for frame in frames)
            yield Chunk(typed, unread, chunk.done)
        found = pl.DataFrame(verdicts, {"rule": pl.String(), "column": pl.String()}, orient="row")
        bad = found.with_row_index("_row", offset=1).filter(pl.col("rule") != "")
        schema = {"_row": pl.UInt32(), **{c.name: DTYPES[c.kind] for c in contract.columns}}
        yield Chunk(pl.DataFrame(schema=schema), rejected(bad), 1.0)


def _verdict(data: bytes, contract: DatasetContract) -> tuple[str, str]:
    """Rule and column by which a message is no row, empty when it is one as far as can be seen here."""
    if len(data) > MAX_MESSAGE:
        return "too_large", ""
    try:
        text = data.decode("utf-8")
        pairs = json.loads(text, object_pairs_hook=list, parse_constant=_finite, parse_float=_finite)
        json.dumps(pairs, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        return "not_json", ""
    if not text.lstrip().startswith("{"):
        return "not_json", ""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        return "duplicate_key", ""
    if not {column.name for column in contract.columns}.issuperset(names):
        return "unknown_field", ""  # its name is not repeated: it may be anything
    missing = (c.name for c in contract.columns if c.required and c.name not in names)
    return next((("missing_value", name) for name in missing), ("", ""))


def _finite(number: str) -> float:
    """NaN, Infinity and numbers beyond the range are not JSON."""
    if not math.isfinite(float(number)):
        raise ValueError
    return float(number)
