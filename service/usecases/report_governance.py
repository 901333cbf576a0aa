"""The queries about how the institution governs itself: the log, the rules and contracts in force, a breach.

Of the log, acts are counted, not people: staff appear as a number, customers as how often one was touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta

import polars as pl

from service.domain.contracts import Role
from service.reporting.document import Answer, Cell, Text, named
from service.reporting.suppression import people
from service.reporting.words import NOT_APPLICABLE
from service.usecases.persons import aliases_of, as_one
from service.usecases.report_queries import Reading, query
from service.usecases.rows import rows_held

_HOUR = timedelta(hours=1)


def _counted(reading: Reading, *keys: str) -> Answer:
    """Acts of the period by these keys."""
    acts = reading.log.filter(pl.col("day").is_between(reading.first, reading.last))
    staff, touched = pl.col("actor").n_unique(), pl.col("subjects").sum()
    found = acts.group_by(keys).agg(entries=pl.len(), staff=staff, people=touched).sort(keys)
    titles: dict[str, Cell] = {code: Text(**title) for code, title in reading.policy.role_titles.items()}
    titles |= {code: reading.title(code) for code in reading.policy.purposes} | {"": NOT_APPLICABLE}
    rows = [
        {key: titles.get(str(cell), cell) for key, cell in row.items()} | {"people": people(row["people"])}
        for row in found.iter_rows(named=True)
    ]
    figures = {"entries": acts.height, "denied": acts.filter(pl.col("decision") == "deny").height}
    return Answer(rows, ("log:access",), figures=figures)


@query("log.acts@1")
def log_acts(reading: Reading) -> Iterator[Answer]:
    """By type, decision and reason of a refusal."""  # PIPL 54
    yield _counted(reading, "type", "decision", "reason")


@query("log.roles@1")
def log_roles(reading: Reading) -> Iterator[Answer]:
    """By type, role, purpose, decision and reason of a refusal."""  # PIPL 51
    yield _counted(reading, "type", "role", "purpose", "decision", "reason")


def _spans(entries: pl.DataFrame, *keys: str) -> Answer:
    """First and last day, and number, of the entries with the same keys."""
    day, last = pl.col("day"), pl.col("day").max().alias("last")
    found = entries.group_by(keys).agg(day.min().alias("first"), last, pl.len().alias("entries"))
    figures = {"found": entries[keys[0]].n_unique()}
    return Answer(found.sort("first", *keys).to_dicts(), ("log:access",), figures=figures)


@query("policy.versions@1")
def policy_versions(reading: Reading) -> Iterator[Answer]:
    """The rules that decided, by the digest in each entry since the log began."""
    yield _spans(reading.log.filter(pl.col("policy") != ""), "policy")


@query("assessments.list@1")
def assessments_list(reading: Reading) -> Iterator[Answer]:
    """Impact assessments that acts named since the log began."""  # PIPL 55, 56
    yield _spans(reading.log.filter(pl.col("dpia") != ""), "dpia", "type")


@query("approvals.list@1")
def approvals_list(reading: Reading) -> Iterator[Answer]:
    """Models that were approved before they decided on anyone."""  # PIPL 55
    approved = (pl.col("type") == "model:approve") & (pl.col("decision") == "allow")
    yield _spans(reading.log.filter(approved), "resource", "actor")


@query("policy.purposes@1")
def policy_purposes(reading: Reading) -> Iterator[Answer]:
    """Purposes, their lawful basis, and the datasets that were collected for them."""  # GDPR 30
    rows: list[tuple[Cell, ...]] = []
    for code, p in reading.policy.purposes.items():
        sets = ", ".join(c.name for c in reading.datasets if code in c.purposes)
        kind, auto = p.consent_kind or NOT_APPLICABLE, str(p.automated_decision)
        rows.append((reading.title(code), p.basis, kind, auto, sets or NOT_APPLICABLE, p.law))
    figures = {"purposes": len(rows)}
    yield Answer(named("purpose basis consent automated datasets law", rows), ("policy",), figures=figures)


@query("policy.retention@1")
def policy_retention(reading: Reading) -> Iterator[Answer]:
    """What is kept, for how long, and where it lies."""
    rows: list[tuple[Cell, ...]] = []
    for rule in reading.policy.retention.values():
        years, days = rule.keep_days // 365 or NOT_APPLICABLE, rule.use_days or NOT_APPLICABLE
        rows.append((Text(**rule.title), rule.outcome, years, days, ", ".join(rule.covers), rule.law))
    yield Answer(named("class outcome years days places law", rows), ("policy",))


@query("policy.roles@1")
def policy_roles(reading: Reading) -> Iterator[Answer]:
    """What each role may do and the highest class it reaches; a star marks what needs a second person."""
    rows: list[tuple[Cell, ...]] = []
    for code, title in reading.policy.role_titles.items():
        mine = [r for r in reading.policy.rules if r.role == code and r.eft == "allow"]
        may = sorted({r.permission + "*" * (r.condition != "none") for r in mine})
        rows.append((Text(**title), ", ".join(may), max((r.max_class for r in mine), default=NOT_APPLICABLE)))
    yield Answer(named("role permissions class", rows), ("policy",))


def _held(reading: Reading) -> dict[str, pl.LazyFrame]:
    """The tables about people, of a breach those concerned, with merged enrolments as one person."""
    contracts, aliases = {c.name: c for c in reading.datasets}, aliases_of(reading.deps)
    found = {n: rows_held(n, reading.deps) for n in sorted(reading.incident.datasets or reading.versions)}
    return {n: as_one(f, contracts.get(n), aliases) for n, f in found.items() if "_sp" in f.collect_schema()}


def _pseudonyms(reading: Reading) -> tuple[dict[str, pl.Series], int]:
    """Whose rows they are, by table, and how many people that is in all of them."""
    held = {name: frame.select("_sp").collect()["_sp"] for name, frame in _held(reading).items()}
    return held, pl.concat([pl.Series("_sp", [], pl.Binary), *held.values()]).drop_nulls().n_unique()


@query("data.people@1")
def data_people(reading: Reading) -> Iterator[Answer]:
    """Rows and people of each table as it lies on disk."""
    held, everyone = _pseudonyms(reading)
    counts = [(name, rows.len(), people(rows.drop_nulls().n_unique())) for name, rows in held.items()]
    rows = [(name, None if who is None else n, who) for name, n, who in counts]
    figures = {"people": people(everyone), "tables": len(rows)}
    yield Answer(named("table rows people", rows), reading.inputs(*held), figures=figures)


@query("data.columns@1")
def data_columns(reading: Reading) -> Iterator[Answer]:
    """Columns of each table by what they are, which says how they are stored, and their highest class."""
    held, rows = _held(reading), []
    for contract in (c for c in reading.datasets if c.name in held):
        for role, mine in ((role, contract.with_role(role)) for role in Role):
            said = ", ".join(c.name for c in mine), max((c.data_class for c in mine), default="")
            rows += [(contract.name, role.value, *said)] if mine else []
    yield Answer(named("table role columns class", rows), ("ops:datasets",))


@query("breach.clocks@1")
def breach_clocks(reading: Reading) -> Iterator[Answer]:
    """What each law wants to be told of a breach, by when, how long that still is, and the grade by people.

    Where the people are fewer than the grade begins with, other criteria are left to a person's judgement.
    """
    known, affected = (reading.incident.known_at or reading.at).astimezone(UTC), _pseudonyms(reading)[1]
    rows, running = [], []
    for law in reading.policy.jurisdictions.values():  # PIPL 57, GDPR 33
        grades = {"none": 0} | {grade: least for grade, least in law.grades.items() if least <= affected}
        for n in (n for n in law.notices if n.since <= known.date()):
            due, short = known + n.hours * _HOUR, affected < law.grades.get(n.grade, 0)
            left = max((due - reading.at) / _HOUR, 0.0)
            states = {"not_begun": n.start != "known", "judge": short, "at_once": not n.hours}
            state = next((s for s, so in states.items() if so), "running" if left else "overdue")
            running += [left] if state == "running" else []
            when = (NOT_APPLICABLE,) * 2 if state == "not_begun" else (f"{due:%Y-%m-%d %H:%M}", left)
            grade = max(grades, key=grades.__getitem__) if n.grade else NOT_APPLICABLE
            rows.append((Text(**n.title), Text(**n.law), n.start, n.hours, *when, state, grade))
    figures: dict[str, Cell] = {"known": f"{known:%Y-%m-%d %H:%M}", "next": min(running, default=0.0)}
    found = named("what law start hours due left state grade", rows)
    yield Answer(found, ("policy", "clock"), figures=figures)
