"""The queries that reports are made of: a registry, and those about how the institution keeps its duties.

A query is a function of a ``Reading`` that yields what it found; a template names it, explains it and
says how it is printed. No row about a person leaves a query: it counts, and hides groups of fewer than ten.

    @query("rights.by_kind@1")
    def rights_by_kind(reading: Reading) -> Iterator[Answer]:
        yield Answer(rows, inputs=("ops:requests",))
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Final

import polars as pl

from policies.model import Purpose
from service.domain.releases import Release, ReleaseState
from service.domain.requests import NEXT, RequestState, Right, RightsRequest
from service.errors import ConflictError
from service.ports import Deps, EntryFilter
from service.profiling.abnormal import abnormal
from service.reporting.document import TOTAL, Answer, Cell, Rows, Text, named
from service.reporting.suppression import people
from service.reporting.words import NOT_APPLICABLE
from service.usecases.audience import audience
from service.usecases.budget import accounts
from service.usecases.erasure import parse_outcomes
from service.usecases.profile import load_behaviour

PURPOSE: Final = "regulatory_reporting"
_ENTRY: Final = ("type", "role", "purpose", "decision", "policy", "actor", "resource", "at", "subjects")
_DETAIL: Final = ("reason", "dpia")
_TYPES: Final = {"at": pl.Datetime("us", "UTC"), "subjects": pl.Int64()}  # any other is text


@dataclass(frozen=True, slots=True)
class Incident:
    """What a breach report is about: the tables concerned, and when the institution came to know."""

    datasets: tuple[str, ...] = ()
    known_at: datetime | None = None


NOTHING: Final = Incident()


class Reading:
    """One look at the service for one report; what several queries need is read once.

    Attributes:
        first: first day of the period.
        last: last day of the period.
        at: the instant whose state is told: now, or the end of the last day.
        incident: of a breach report.
    """

    def __init__(self, first: date, last: date, deps: Deps, incident: Incident = NOTHING) -> None:
        self.incident, self._audiences = incident, dict[str, pl.DataFrame]()
        self.first, self.last, self.deps, self.policy = first, last, deps, deps.policy.bundle
        self.at = min(deps.clock.now(), datetime.combine(last, time.max, UTC))
        self.versions = {name: deps.events.version(name) for name in deps.events.tables()}
        with deps.ops() as tx:
            self.datasets, self.batches = tx.datasets.all(), tx.batches.all()
            self.releases, self.models = tx.releases.all(), tx.models.all()
            self.requests, self.lines = tx.requests.all(), tx.budget.lines()
            self.consents = tx.consents.frame().filter(pl.col("given_at") <= self.at)

    @cached_property
    def behaviour(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Statements and customers of everyone about whom the duty to report allows it."""
        return load_behaviour(self.audience(PURPOSE), self.deps)

    def audience(self, code: str) -> pl.DataFrame:
        """Everyone who may be processed for a purpose; the report is logged as about them."""
        if code not in self._audiences:
            self._audiences[code] = audience(code, self.deps)
        return self._audiences[code]

    @property
    def people(self) -> set[bytes]:
        """Storage pseudonyms of those whose rows were read."""
        return {pseudonym for frame in self._audiences.values() for pseudonym in frame["_sp"]}

    @cached_property
    def log(self) -> pl.DataFrame:
        """Every entry of the log up to the instant: fields and details that are counted by, and its day."""
        told = ((e, dict(e.detail)) for _, e in self.deps.audit.entries() if e.at <= self.at)
        rows = [
            (*(getattr(e, n) for n in _ENTRY), *(str(more.get(n, "")) for n in _DETAIL)) for e, more in told
        ]
        schema = dict.fromkeys((*_ENTRY, *_DETAIL), pl.String()) | _TYPES  # there may be no row
        frame = pl.DataFrame(rows, schema, orient="row")
        return frame.with_columns(day=pl.col("at").dt.date())

    @cached_property
    def flags(self) -> pl.DataFrame:
        """Flagged months of the period."""
        return abnormal(*self.behaviour, self.last).filter(pl.col("month") >= self.first)

    def within(self, at: datetime) -> bool:
        """Whether an instant lies in the period."""
        return self.first <= at.date() <= self.last

    def inputs(self, *tables: str) -> tuple[str, ...]:
        """Tables at the versions that are read."""
        return tuple(f"{name}@{self.versions.get(name, -1)}" for name in tables)

    def title(self, code: str) -> Text:
        """What a purpose is called."""
        known: Purpose | None = self.policy.purposes.get(code)
        return Text(**known.title) if known else Text(code, code)

    @cached_property
    def asked(self) -> tuple[RightsRequest, ...]:
        """Rights requests that were opened in the period."""
        return tuple(r for r in self.requests if self.within(r.opened_at))

    @cached_property
    def answered(self) -> Mapping[str, datetime]:
        """When the certificate of each finished request was recorded, by the request's id."""
        found = self.deps.audit.find(EntryFilter(type=frozenset({"rights:certify"})))
        return {e.resource.removeprefix("rights/"): e.at for _, e in found if e.at <= self.at}

    def released(self) -> tuple[Release, ...]:
        """Noisy answers that left in the period or before."""
        return tuple(r for r in self.releases if r.state is ReleaseState.RELEASED and r.created_at <= self.at)

    def check(self) -> None:
        """Raise ConflictError when a table has moved meanwhile: the numbers would not fit together."""
        if any(self.deps.events.version(name) != version for name, version in self.versions.items()):
            raise ConflictError("data came in while the report was read; build it again")


Query = Callable[[Reading], Iterator[Answer]]
QUERIES: Final[dict[str, Query]] = {}


def query(name: str) -> Callable[[Query], Query]:
    """Register a query under ``subject.what@version``; one whose meaning changes gets a new version."""

    def add(function: Query) -> Query:
        QUERIES[name] = function
        return function

    return add


@query("batches.by_dataset@1")
def batches_by_dataset(reading: Reading) -> Iterator[Answer]:
    """Rows in, admitted, quarantined and refused."""
    totals: dict[str, Counter[str]] = {}
    for batch in (b for b in reading.batches if reading.within(b.at)):
        totals.setdefault(batch.dataset, Counter()).update(asdict(batch.counts) | {"batches": 1})
    refused = sum(total["refused"] for total in totals.values())
    rows: Rows = [{"dataset": name, **total} for name, total in sorted(totals.items())]
    yield Answer(rows, ("ops:batches",), figures={"refused": refused})


def _consents(reading: Reading, *keys: str) -> Answer:
    """People by the state of their newest consent to each purpose."""
    withdrawn, expired = (pl.col(name) <= reading.at for name in ("withdrawn_at", "valid_until"))
    state = pl.when(withdrawn).then(pl.lit("withdrawn")).when(expired).then(pl.lit("expired"))
    newest = reading.consents.sort("given_at").group_by("_subject", "purpose").last()
    newest = newest.with_columns(state=state.otherwise(pl.lit("standing")))
    states = [(pl.col("state") == s).sum().alias(s) for s in ("standing", "withdrawn", "expired")]
    found = newest.group_by("purpose", *keys).agg(states).sort("purpose", *keys).iter_rows()
    rows = [
        (reading.title(code), *(people(n) if isinstance(n, int) else n for n in row)) for code, *row in found
    ]
    standing = newest.filter(pl.col("state") == "standing")["_subject"].n_unique()
    figures = {"people": people(newest["_subject"].n_unique()), "standing": people(standing)}
    columns = " ".join(("purpose", *keys, "standing withdrawn expired"))
    return Answer(named(columns, rows), ("ops:consents",), figures=figures)


@query("consents.by_purpose@1")
def consents_by_purpose(reading: Reading) -> Iterator[Answer]:
    """By purpose."""
    yield _consents(reading)


@query("consents.by_notice@1")
def consents_by_notice(reading: Reading) -> Iterator[Answer]:
    """By purpose, strength of consent and version of the notice that was shown."""  # PIPL 14
    yield _consents(reading, "kind", "notice")


@query("consents.by_month@1")
def consents_by_month(reading: Reading) -> Iterator[Answer]:
    """People who gave, and who withdrew, a consent in each month of the period."""
    found: dict[str, dict[str, Cell]] = {}
    for name, column in (("given", "given_at"), ("withdrawn", "withdrawn_at")):
        day = pl.col(column).dt.date()
        acts = reading.consents.filter(day.is_between(reading.first, reading.last))
        months = acts.group_by(day.dt.strftime("%Y-%m")).agg(pl.col("_subject").n_unique())
        for month, n in months.iter_rows():
            found.setdefault(month, {"month": month, "given": 0, "withdrawn": 0})[name] = people(n)
    yield Answer([row for _, row in sorted(found.items())], ("ops:consents",))


@query("rights.by_kind@1")
def rights_by_kind(reading: Reading) -> Iterator[Answer]:
    """Requests opened in the period, by right and state; a number of requests tells nothing of a person."""
    rows: list[tuple[Cell, ...]] = []
    for right in Right:
        mine = [r for r in reading.asked if r.right is right]
        states = Counter(r.state for r in mine)
        late = sum(r.due_at < reading.at and bool(NEXT[r.state]) for r in mine)
        ended = [states[s] for s in (RequestState.DONE, RequestState.REFUSED, RequestState.EXPIRED)]
        rows.append((right.value, states.total(), *ended, states.total() - sum(ended), late))
    columns, figures = "right opened done refused expired open late", {"opened": len(reading.asked)}
    yield Answer(named(columns, rows), ("ops:requests",), figures=figures)


def _clocks(reading: Reading, *rights: Right) -> tuple[Cell, ...]:
    """Verified requests against their deadlines: an unverified one sets no clock running."""  # GDPR 12(3)
    waiting = (RequestState.OPENED, RequestState.EXPIRED)
    mine = [r for r in reading.asked if r.right in rights and r.state not in waiting]
    done = [(r, reading.answered[r.id]) for r in mine if r.id in reading.answered]
    in_time = sum(at <= r.due_at for r, at in done)
    overdue = sum(r.id not in reading.answered and r.due_at < reading.at for r in mine)
    due, days = len(done) + overdue, [(at - r.opened_at) / timedelta(days=1) for r, at in done]
    kept, longest = in_time / due if due else NOT_APPLICABLE, max(days) if days else NOT_APPLICABLE
    return len(mine), in_time, len(done) - in_time, len(mine) - due, overdue, kept, longest


@query("rights.deadlines@1")
def rights_deadlines(reading: Reading) -> Iterator[Answer]:
    """Verified requests of the period against their statutory deadlines."""  # PIPL 50
    parts = [*((right.value, _clocks(reading, right)) for right in Right), (TOTAL, _clocks(reading, *Right))]
    columns = "right verified in_time late running overdue kept days"
    rows = named(columns, [(name, *clocks) for name, clocks in parts])
    yield Answer(rows, ("ops:requests", "log:rights:certify"), figures=rows[-1])


@query("rights.by_month@1")
def rights_by_month(reading: Reading) -> Iterator[Answer]:
    """Requests opened and answered by month of the period."""
    opened = Counter(f"{r.opened_at:%Y-%m}" for r in reading.asked)
    answered = Counter(f"{at:%Y-%m}" for at in reading.answered.values() if reading.within(at))
    rows = [(month, opened[month], answered[month]) for month in sorted(opened | answered)]
    yield Answer(named("month opened answered", rows), ("ops:requests", "log:rights:certify"))


@query("rights.outcomes@1")
def rights_outcomes(reading: Reading) -> Iterator[Answer]:
    """What erasure requests decided for each class of data, and under which law."""  # PIPL 47(1)
    decided = [r.decision for r in reading.asked if r.right is Right.ERASURE and r.decision]
    found = Counter((o.data_class, o.outcome, o.law) for text in decided for o in parse_outcomes(text))
    titles = {name: Text(**rule.title) for name, rule in reading.policy.retention.items()}
    rows = [(titles.get(name, name), *how, n) for (name, *how), n in sorted(found.items())]
    yield Answer(named("class outcome law requests", rows), ("ops:requests",))


@query("budget.lines@1")
def budget_lines(reading: Reading) -> Iterator[Answer]:
    """Every scope of the ledger."""
    found = accounts(reading.lines, reading.policy.budgets)
    rows: Rows = [{**asdict(a), "share": a.spent / a.cap} for a in found]
    figures = {"most_used": max((a.spent / a.cap for a in found), default=0.0)}
    yield Answer(rows, ("ops:budget",), figures=figures)


@query("budget.by_purpose@1")
def budget_by_purpose(reading: Reading) -> Iterator[Answer]:
    """Charges on record by dataset and purpose, and what the ledger has beyond them."""
    lines = (line for line in reading.lines if line.scope.startswith("dataset:"))
    ledger = {line.scope.removeprefix("dataset:"): line for line in lines}
    sums = {(name, ""): Counter(rho=line.spent) for name, line in ledger.items()}  # paid, without a result
    # what was read (nothing until it is charged), for what purpose, what was paid for, and rho
    charges = [(r.data_version, r.purpose, "releases", r.rho) for r in reading.releases]
    charges += [
        (json.loads(m.document)["training"]["data"], m.purpose, "models", m.rho) for m in reading.models
    ]
    for versions, purpose, what, rho in charges:
        for name in ledger.keys() & {version.partition("@")[0] for version in versions.split(",")}:
            sums.setdefault((name, purpose), Counter()).update({what: 1, "rho": rho})
            sums[name, ""]["rho"] -= rho
    rows: list[tuple[Cell, ...]] = []
    for (name, code), n in sorted(sums.items()):
        if n["rho"]:
            title, share = reading.title(code) if code else "no_result", n["rho"] / ledger[name].cap
            rows.append((name, title, n["releases"], n["models"], n["rho"], share))
    figures = {"releases": len(reading.released()), "models": len(reading.models)}
    found = named("dataset purpose releases models rho share", rows)
    yield Answer(found, ("ops:budget", "ops:releases", "ops:models"), figures=figures)
