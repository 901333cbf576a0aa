"""A gate that does not see repeated rows, and a consumer that stops for good at a bad micro-batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from service.adapters.events.stage import DeltaStage
from service.adapters.events.store import DeltaEventStore
from service.domain.actors import Actor
from service.domain.contracts import DatasetContract
from service.ports import Deps
from service.ports.streams import Stream
from service.usecases.consume import WAIT, _Ranges
from service.usecases.export import pull


class BlindStore(DeltaEventStore):
    """Repeated rows are known in the commit only, when it is too late to refuse."""

    @contextmanager
    def stage(self, batch_id: str, contract: DatasetContract) -> Iterator[DeltaStage]:
        """A stage that counts none before."""
        with super().stage(batch_id, contract) as stage:
            stage.duplicates = _none  # type: ignore[method-assign]  # the seeded bug
            yield stage


def _none() -> Iterator[pl.DataFrame]:
    return iter(())


def consume_and_stop(stream: Stream, dataset: str, *, actor: Actor, deps: Deps) -> None:
    """Takes the whole stream, but treats quality as a file's: refused, and its range stays pending."""
    while pull(_Ranges(stream, deps, 10, WAIT), dataset, actor=actor, deps=deps):
        pass
