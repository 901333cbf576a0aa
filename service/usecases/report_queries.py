"""The queries that reports are made of: a registry, and those about how the institution keeps its duties.

A query is a function of a ``Reading`` that yields what it found; a template names it, explains it and says how
it is printed. No row about a person leaves a query: it counts, and hides groups of fewer than ten people.

    @query("rights.by_kind@1")
    def rights_by_kind(reading: Reading) -> Iterator[Answer]:
        yield Answer(rows, inputs=("ops:requests",))
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Any, Final

import polars as pl

from policies.model import Purpose
from service.domain.releases import Release, ReleaseState
from service.domain.requests import RequestState, Right, RightsRequest
from service.errors import ConflictError
from service.ports import Deps, EntryFilter
from service.reporting.document import TOTAL, Answer, Cell, Text
from service.reporting.suppression import people
from service.reporting.words import NOT_APPLICABLE
from service.usecases.budget import accounts
from service.usecases.erasure import parse_outcomes


class Reading:
    """One look at the service for one report; what several queries need is read once.

    Attributes:
        first: first day of the period.
        last: last day of the period.
        at: the instant whose state is told: now, or the end of the last day.
    """

    def __init__(self, first: date, last: date, deps: Deps) -> None:
        self.first, self.last, self.deps = first, last, deps
        midnight = datetime.combine(last, time.max, UTC)
        self.at = min(deps.clock.now(), midnight)
        self.policy = deps.policy.bundle
        self.versions = {name: deps.events.version(name) for name in deps.events.tables()}
        with deps.ops() as tx:
            self.datasets, self.batches, self.releases = tx.datasets.all(), tx.batches.all(), tx.releases.all()
            self.models, self.lines, self.requests = tx.models.all(), tx.budget.lines(), tx.requests.all()
            self.consents = tx.consents.frame().filter(pl.col("given_at") <= self.at)

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

    def released(self) -> tuple[Release, ...]:
        """Noisy answers that left in the period or before."""
        return tuple(r for r in self.releases if r.state is ReleaseState.RELEASED and r.created_at <= self.at)

    def check(self) -> None:
        """Raise ConflictError when a table has moved since the beginning: the numbers would not fit together."""
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
    for batch in filter(lambda b: reading.within(b.at), reading.batches):
        totals.setdefault(batch.dataset, Counter()).update(asdict(batch.counts) | {"batches": 1})
    yield Answer([{"dataset": name, **total} for name, total in sorted(totals.items())], ("ops:batches",))


_NO_BASIS: Final = (
    *("no_consent", "withdrawn", "expired", "not_separate", "restricted", "consent_mismatch"),
    *("no_authorisation", "authorisation_expired", "suppressed", "too_old"),
)


@query("batches.no_basis@1")
def batches_no_basis(reading: Reading) -> Iterator[Answer]:
    """Rows refused at the door, by reason."""
    found: dict[str, Counter[str]] = {}
    for batch in filter(lambda b: reading.within(b.at) and b.counts.refused, reading.batches):
        reasons = Counter({name: n for name, n in batch.reasons.items() if name in _NO_BASIS})
        reasons["other"] += batch.counts.refused - reasons.total()
        found.setdefault(batch.dataset, Counter()).update(reasons)
    rows = [
        {"dataset": name, "reason": reason, "rows": n}
        for name, reasons in sorted(found.items())
        for reason, n in sorted(reasons.items())
        if n
    ]
    yield Answer(rows, ("ops:batches",), figures={"refused": sum(row["rows"] for row in rows)})


def _newest(reading: Reading) -> pl.DataFrame:
    """Each person's newest consent to a purpose, and its state."""
    state = (
        pl.when(pl.col("withdrawn_at") <= reading.at)
        .then(pl.lit("withdrawn"))
        .when(pl.col("valid_until") <= reading.at)
        .then(pl.lit("expired"))
        .otherwise(pl.lit("standing"))
    )
    newest = reading.consents.sort("given_at").group_by("_subject", "purpose").last()
    return newest.with_columns(state=state)


def _by_state(reading: Reading, *keys: str) -> list[dict[str, Cell]]:
    states = [(pl.col("state") == s).sum().alias(s) for s in ("standing", "withdrawn", "expired")]
    rows = _newest(reading).group_by(keys).agg(states).sort(keys).to_dicts()
    return [
        {k: people(v) if isinstance(v, int) else v for k, v in row.items()}
        | {"purpose": reading.title(row["purpose"])}
        for row in rows
    ]


@query("consents.by_purpose@1")
def consents_by_purpose(reading: Reading) -> Iterator[Answer]:
    """People by the state of their newest consent to each purpose."""
    newest = _newest(reading)
    standing = newest.filter(pl.col("state") == "standing")["_subject"].n_unique()
    figures = {"people": people(newest["_subject"].n_unique()), "standing": people(standing)}
    yield Answer(_by_state(reading, "purpose"), ("ops:consents",), figures=figures)


@query("consents.by_notice@1")
def consents_by_notice(reading: Reading) -> Iterator[Answer]:
    """The same by strength of consent and version of the notice that was shown."""
    yield Answer(_by_state(reading, "purpose", "kind", "notice"), ("ops:consents",))


@query("consents.by_month@1")
def consents_by_month(reading: Reading) -> Iterator[Answer]:
    """People who gave, and who withdrew, a consent in each month of the period."""
    counts: dict[str, dict[str, Cell]] = {}
    for name, column in (("given", "given_at"), ("withdrawn", "withdrawn_at")):
        day = pl.col(column).dt.date()
        acts = reading.consents.filter(day.is_between(reading.first, reading.last), pl.col(column) <= reading.at)
        months = acts.group_by(month=day.dt.strftime("%Y-%m")).agg(n=pl.col("_subject").n_unique())
        for month, n in months.iter_rows():
            counts.setdefault(month, {"given": 0, "withdrawn": 0})[name] = people(n)
    yield Answer([{"month": month, **row} for month, row in sorted(counts.items())], ("ops:consents",))


_ENDED: Final = frozenset({RequestState.DONE, RequestState.REFUSED, RequestState.EXPIRED})


@query("rights.by_kind@1")
def rights_by_kind(reading: Reading) -> Iterator[Answer]:
    """Requests opened in the period, by right and state; a number of requests tells nothing of a person."""
    rows = []
    for right in Right:
        mine = [r for r in reading.requests if r.right is right and reading.within(r.opened_at)]
        states = Counter(r.state for r in mine)
        still = [r for r in mine if r.state not in _ENDED]
        rows.append(
            {
                "right": right.value,
                "opened": len(mine),
                **{s.value: states[s] for s in _ENDED},
                "open": len(still),
                "late": sum(r.due_at < reading.at for r in still),
            }
        )
    yield Answer(rows, ("ops:requests",), figures={"opened": sum(row["opened"] for row in rows)})


def _answered(reading: Reading) -> Mapping[str, datetime]:
    """When the certificate of each finished request was recorded, by the request's id."""
    entries = reading.deps.audit.find(EntryFilter(type=frozenset({"rights:certify"})))
    return {entry.resource.removeprefix("rights/"): entry.at for _, entry in entries if entry.at <= reading.at}


def _clocks(requests: Iterable[RightsRequest], ended: Mapping[str, datetime], at: datetime) -> dict[str, Cell]:
    """The verified ones: an unverified request sets no clock running."""  # PIPL 50, GDPR 12(3)
    mine = [r for r in requests if r.state not in {RequestState.OPENED, RequestState.EXPIRED}]
    took = [(ended[r.id] - r.opened_at) / timedelta(days=1) for r in mine if r.id in ended]
    in_time = sum(ended[r.id] <= r.due_at for r in mine if r.id in ended)
    overdue = sum(r.id not in ended and r.due_at < at for r in mine)
    due = len(took) + overdue
    return {
        "verified": len(mine),
        "in_time": in_time,
        "late": len(took) - in_time,
        "running": len(mine) - due,
        "overdue": overdue,
        "kept": in_time / due if due else NOT_APPLICABLE,
        "median_days": round(median(took), 1) if took else NOT_APPLICABLE,
        "longest_days": round(max(took), 1) if took else NOT_APPLICABLE,
    }


@query("rights.deadlines@1")
def rights_deadlines(reading: Reading) -> Iterator[Answer]:
    """Verified requests of the period against their statutory deadlines."""
    ended, all_ = _answered(reading), [r for r in reading.requests if reading.within(r.opened_at)]
    rows = [
        {"right": right.value, **_clocks([r for r in all_ if r.right is right], ended, reading.at)}
        for right in Right
    ]
    total = _clocks(all_, ended, reading.at)
    yield Answer([*rows, {"right": TOTAL, **total}], ("ops:requests", "log:rights:certify"), figures=total)


@query("rights.by_month@1")
def rights_by_month(reading: Reading) -> Iterator[Answer]:
    """Requests opened and answered by month of the period."""
    opened = Counter(f"{r.opened_at:%Y-%m}" for r in reading.requests if reading.within(r.opened_at))
    answered = Counter(f"{at:%Y-%m}" for at in _answered(reading).values() if reading.within(at))
    months = sorted(opened | answered)
    rows = [{"month": m, "opened": opened[m], "answered": answered[m]} for m in months]
    yield Answer(rows, ("ops:requests", "log:rights:certify"))


@query("rights.outcomes@1")
def rights_outcomes(reading: Reading) -> Iterator[Answer]:
    """What erasure requests decided for each class of data, and under which law."""  # PIPL 47(1)
    decided = [r.decision for r in reading.requests if reading.within(r.opened_at) and r.right is Right.ERASURE]
    outcomes = [o for decision in decided if decision for o in parse_outcomes(decision)]
    found = Counter((o.data_class, o.outcome, o.law) for o in outcomes)
    titles = {name: Text(**rule.title) for name, rule in reading.policy.retention.items()}
    rows = [
        {"class": titles.get(name, Text(name, name)), "outcome": outcome, "law": law, "requests": n}
        for (name, outcome, law), n in sorted(found.items())
    ]
    yield Answer(rows, ("ops:requests",))


@query("budget.lines@1")
def budget_lines(reading: Reading) -> Iterator[Answer]:
    """Every scope of the ledger."""
    rows = [
        {**asdict(account), "share": account.spent / account.cap if account.cap else None}
        for account in accounts(reading.lines, reading.policy.budgets)
    ]
    yield Answer(rows, ("ops:budget",), figures={"scopes": len(rows)})


def _charges(reading: Reading) -> Iterator[tuple[str, str, str, int]]:
    """Dataset, purpose, what it was (release or model) and rho of everything that was paid and is on record."""
    paid = {ReleaseState.CHARGED, ReleaseState.RELEASED}
    for release in (r for r in reading.releases if r.state in paid):
        for name in release.data_version.split(","):
            yield name.partition("@")[0], release.purpose, "releases", release.rho
    for model in reading.models:
        for name in str(dict(json.loads(model.document)["training"])["data"]).split(","):
            yield name.partition("@")[0], model.purpose, "models", model.rho


@query("budget.by_purpose@1")
def budget_by_purpose(reading: Reading) -> Iterator[Answer]:
    """Charges on record by dataset and purpose, and what the ledger has beyond them."""
    ledger = {line.scope: line for line in reading.lines if line.scope.startswith("dataset:")}
    sums: dict[tuple[str, str], Counter[str]] = {}
    for name, purpose, what, rho in _charges(reading):
        if f"dataset:{name}" in ledger:
            sums.setdefault((name, purpose), Counter()).update({what: 1, "rho": rho})
    rows: list[dict[str, Any]] = []
    for scope, line in sorted(ledger.items()):
        dataset = scope.partition(":")[2]
        own = {purpose: n for (name, purpose), n in sorted(sums.items()) if name == dataset}
        rest = line.spent - sum(n["rho"] for n in own.values())
        own |= {"": Counter(rho=rest)} if rest else {}  # paid for, and no result on record
        for purpose, n in own.items():
            counts = {"releases": n["releases"], "models": n["models"], "rho": n["rho"]}
            title = reading.title(purpose) if purpose else "no_result"
            rows.append({"dataset": dataset, "purpose": title, **counts, "share": n["rho"] / line.cap})
    figures = {"releases": len(reading.released()), "models": len(reading.models)}
    yield Answer(rows, ("ops:budget", "ops:releases", "ops:models"), figures=figures)
