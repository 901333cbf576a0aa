"""Retention with one seeded bug each: stores that expire wrongly, and a day that ends too early."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl

from service.adapters.events import delta
from service.adapters.events.store import DeltaEventStore
from service.domain.contracts import DatasetContract
from service.ports import Clock, Deps


class ForgetsToPurge(DeltaEventStore):
    """Rewrites the buckets and leaves the old files where they are."""

    def _rewrite(
        self, name: str, buckets: Iterable[int], survivors: Callable[[pl.DataFrame], pl.DataFrame]
    ) -> int:
        """Rewrite only."""
        removed = 0
        for bucket in buckets:
            table = self._tables.open(name)
            rows = delta.scan(table, [bucket]).collect()
            kept = survivors(rows)
            delta.rewrite(table, kept, bucket)
            removed += rows.height - kept.height
        return removed


class KeepsOldTotals(DeltaEventStore):
    """Rows that stay keep the totals that they had among rows that are gone."""

    def expire(
        self, name: str, keep: pl.Expr, contract: DatasetContract | None = None, *, dry_run: bool = False
    ) -> int:
        """Expire as if no row had totals."""
        return super().expire(name, keep, None if contract else contract, dry_run=dry_run)


class _Tomorrow:
    """A clock that is a day ahead."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        """This time tomorrow."""
        return self._clock.now() + timedelta(days=1)


def a_day_early(deps: Deps) -> Deps:
    """The service as a job sees it whose days are off by one."""
    return replace(deps, clock=_Tomorrow(deps.clock))


def forgetful(deps: Deps) -> Deps:
    """The service with a store that forgets to purge."""
    return replace(deps, events=ForgetsToPurge(deps.home / "events", deps.events.n_buckets))
