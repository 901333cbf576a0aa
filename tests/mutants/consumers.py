"""Consumers with the classic mistakes; the tests must notice each."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence

from fakes.streams import MemoryStream

from service.domain.actors import Actor
from service.ports import Deps
from service.ports.streams import Stream
from service.usecases.consume import _MicroBatch, consume
from service.usecases.ingest import take_in


def consume_last_month_only(lines: Sequence[bytes], actor: Actor, deps: Deps) -> None:
    """Keeps a watermark of event time and drops what comes behind it."""
    newest, kept = "", []
    for line in lines:
        month = json.loads(line)["month"]
        newest = max(newest, month)
        if month == newest:
            kept.append(line)
    deque(consume(MemoryStream(kept), "statements", actor=actor, deps=deps, once=True), maxlen=0)


def consume_and_acknowledge(
    stream: Stream, dataset: str, *, actor: Actor, deps: Deps, limit: int, die_before_finish: bool
) -> None:
    """Writes down how far it is only after the batch: what a killed run committed is cut anew."""
    with deps.ops() as tx:
        after = tx.cursors.get(stream.name, dataset).done
    messages = stream.read(after, "", limit, 1.0)
    upto = messages[-1].position
    take_in(
        _MicroBatch(stream, after, upto, deps, messages), dataset, actor=actor, deps=deps, name=stream.name
    )
    if die_before_finish:
        return
    with deps.ops() as tx:
        tx.cursors.begin(stream.name, dataset, upto)
        tx.cursors.finish(stream.name, dataset, upto)
