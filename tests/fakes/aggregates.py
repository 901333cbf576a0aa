"""Asking the furnished house for an aggregate, and what must hold whatever went wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fakes.house import House

from audit.entry import Entry, parse_entry
from service.adapters.trail import LogTrail
from service.demo.run import PLAN
from service.domain.actors import Actor
from service.domain.releases import Release, ReleaseState
from service.ports import Deps
from service.usecases.release import approve_aggregate, request_aggregate

PURPOSE: Final = "regulatory_reporting"
SMALL: Final[dict[str, Any]] = {**PLAN, "measures": ["count"], "keys": ["month"]}
Run = Callable[[str, Actor, Deps], Release]


def approved(house: House, plan: dict[str, Any] = SMALL, purpose: str = PURPOSE) -> Release:
    """A request of ann's that paul has approved."""
    asked = request_aggregate(plan, purpose, actor=house.actor("ann"), deps=house.deps)
    return approve_aggregate(asked.id, actor=house.actor("paul"), deps=house.deps)


def spent(house: House, scope: str = "dataset:statements") -> int:
    """Micro-rho spent in a scope."""
    with house.deps.ops() as tx:
        return sum(line.spent for line in tx.budget.lines((scope,)))


def stored(house: House, release_id: str) -> Release:
    """The release as the database has it."""
    with house.deps.ops() as tx:
        return tx.releases.get(release_id)


def logged(house: House, event: str) -> list[Entry]:
    """Entries of one type, in order."""
    return [entry for _, entry in house.deps.audit.entries() if entry.type == event]


def digest(answer: str) -> str:
    """What an entry says of an answer."""
    return "sha256:" + hashlib.sha256(answer.encode()).hexdigest()


@dataclass
class Watch:
    """Looks at the service from outside and notes what must never be seen."""

    house: House
    release: Release

    def __post_init__(self) -> None:
        self.faults: list[str] = []

    def reading(self) -> None:
        """Rows are about to be read."""
        if spent(self.house) < self.release.rho:
            self.faults.append("rows are read for a release that is not paid")

    def returned(self, release: Release) -> None:
        """A caller holds this."""
        if release.answer and not self._is_logged(release.answer):
            self.faults.append("an answer left without a durable entry")

    def rested(self) -> None:
        """Nothing runs any more."""
        found = stored(self.house, self.release.id)
        paid = spent(self.house)
        if paid not in {0, self.release.rho}:
            self.faults.append("paid more than once, or in part")
        if found.answer and not self._is_logged(found.answer) and not self._waits(found.answer):
            self.faults.append("an answer is stored that neither the log nor the outbox knows")
        if found.state in {ReleaseState.CHARGED, ReleaseState.RELEASED} and paid != self.release.rho:
            self.faults.append("the state says paid, the ledger does not")
        if found.state is ReleaseState.APPROVED and paid:
            self.faults.append("the ledger says paid, the state does not")

    def _is_logged(self, answer: str) -> bool:
        return self._records(answer, logged(self.house, "aggregate:release"))

    def _waits(self, answer: str) -> bool:
        trail = self.house.deps.audit
        assert isinstance(trail, LogTrail)
        with trail._index() as index:
            return self._records(answer, [parse_entry(data) for data in index.waiting()])

    def _records(self, answer: str, entries: list[Entry]) -> bool:
        return any(e.payload == digest(answer) and e.rho == self.release.rho for e in entries)
