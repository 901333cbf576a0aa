"""Audit evidence, record of processing, access, models and breach: figures derived again by another way."""

import csv
import io
import json
import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import yaml
from fakes.house import House, furnish, move_in
from fakes.reported import put_to_work
from mutants.reports import clocks_from_now

from audit.entry import Entry
from service.domain.requests import Right
from service.errors import DeniedError, UnknownError, UsageError
from service.ports import Deps, EntryFilter
from service.reporting.document import Answer
from service.reporting.template import load_templates
from service.usecases.identity import match_people
from service.usecases.report import approve_report, build_report
from service.usecases.report_governance import breach_clocks
from service.usecases.report_queries import Incident, Reading
from service.usecases.rights import run_request
from service.usecases.score import score_customer
from service.usecases.tracing import search_log, who_accessed

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "reports"
TYPES = ("compliance_audit", "processing_records", "access", "models", "breach")
TABLES = ("customers", "statements")
#: Tables whose rows rest on noise, and keys that are drawn at random: in a golden file only their shape.
NOISY = re.compile(r"model|grades|fairness-.*|releases")


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = furnish(tmp_path_factory.mktemp("house"), customers=600)
    put_to_work(house)
    people: dict[str, Any] = {"purpose": "credit_scoring", "id_type": "email", "deps": house.deps}
    for email in house.emails[:3]:
        score_customer(value=email, actor=house.actor("rita"), **people)
    for who in ("ann", "max"):
        with pytest.raises(DeniedError):
            score_customer(value=house.emails[0], actor=house.actor(who), **people)
    match_people("DPIA-2026-014", actor=house.actor("dana"), deps=house.deps)
    who_accessed("email", house.emails[0], actor=house.actor("cora"), deps=house.deps)
    search_log(EntryFilter(last=3), actor=house.actor("aud"), deps=house.deps)
    run_request(house.decided(Right.ERASURE, house.emails[0]), actor=house.actor("cora"), deps=house.deps)
    return house


@pytest.fixture
def house(furnished: House, tmp_path: Path) -> House:
    return move_in(furnished, tmp_path)


def drafted(house: House, kind: str, hours: int = 20, tables: tuple[str, ...] = TABLES, **more: Any) -> Path:
    known = house.clock.now() - timedelta(hours=hours)
    breach = {"incident": Incident(tables, known)} if kind == "breach" else {}
    return build_report(kind, actor=house.actor("cora"), deps=house.deps, **breach | more)


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def table(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[f"tables/{name}.csv"].decode())))


def body(files: dict[str, bytes]) -> Any:
    return json.loads(files["report.json"])


def log_of(house: House) -> list[Entry]:
    """The log as it was before the report was built."""
    house.deps.audit.seal()
    return [e for _, e in house.deps.audit.entries()]


def code(kind: str, group: str, words: str) -> str:
    """The code that a template prints as these English words."""
    labels = next(t for t in load_templates() if t.type == kind).labels[group]
    return next((name for name, text in labels.items() if text.en == words), words)


def shape(files: dict[str, bytes]) -> Any:
    """What does not change from one making of the house to the next."""
    found = json.loads(re.sub(r"sha256:[0-9a-f]{64}", "sha256:*", files["report.json"].decode()))
    for one in found["tables"]:
        if NOISY.fullmatch(one["id"]):
            one["rows"] = "noisy"
    for one in found["key_figures"]:
        one["value"] = "noisy" if one["source"]["query"].startswith("scores.") else one["value"]
    return {key: found[key] for key in ("type", "title", "law", "period", "key_figures", "tables", "queries")}


@pytest.mark.parametrize("kind", TYPES)
def test_the_report_is_the_golden_one(house: House, kind: str) -> None:
    golden, found = GOLDEN / f"{kind}.json", shape(contents(drafted(house, kind)))
    if os.environ.get("WRITE_GOLDEN"):  # after a change that is wanted; then read the difference
        golden.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert found == json.loads(golden.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", TYPES)
def test_nobody_but_a_second_person_issues_it(house: House, kind: str) -> None:
    draft = drafted(house, kind)
    with pytest.raises(DeniedError):
        approve_report(draft.name, actor=house.actor("cora"), deps=house.deps)
    assert draft.name.endswith(".draft.zip")
    drawn = contents(draft)["report.json"]
    issued = approve_report(draft.name, actor=house.actor("paul"), deps=house.deps)
    assert contents(issued)["report.json"] == drawn


@pytest.mark.parametrize("kind", TYPES)
def test_no_identifier_and_no_pseudonym_is_in_it(house: House, kind: str) -> None:
    files = b"".join(contents(drafted(house, kind)).values())
    pseudonyms = house.deps.vault.pseudonyms()["_sp"].to_list()
    assert not [email for email in house.emails if email.encode() in files]
    assert not [one for one in pseudonyms if one in files or one.hex().encode() in files]


@pytest.mark.parametrize("kind", TYPES)
def test_exact_and_private_figures_stand_apart(house: House, kind: str) -> None:
    private = {t["id"] for t in body(contents(drafted(house, kind)))["tables"] if t["basis"] == "private"}
    assert private == {"models": {"model"}, "compliance_audit": {"releases"}}.get(kind, set())


def laws(kind: str, pattern: str) -> Iterator[str]:
    template = next(t for t in load_templates() if t.type == kind)
    for section in template.sections:
        assert section.law is not None
        found = re.search(pattern, section.law.en)
        if found:
            yield found[1]


def test_the_items_stand_in_the_order_of_the_law() -> None:
    articles = [int(n) for n in laws("compliance_audit", r"PIPL (\d+)")]
    assert articles == [
        *(13, 17, 17, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 38, 47, 44, 48),  # of processing
        *(51, 51, 51, 52, 55, 51, 57, 58, 58, 58),  # of the institution
    ]  # fmt: skip
    sections = next(t for t in load_templates() if t.type == "compliance_audit").sections
    for place, section in enumerate(sections, 1):  # the annex's other numbers are not verified
        assert ("item" in str(section.law)) == (place in {10, 12})
    assert list(laws("compliance_audit", r"Guidelines item (\d+)")) == ["10", "12"]
    assert "".join(laws("processing_records", r"30\(1\)\((\w)\)")) == "abcdefg"
    assert list(laws("breach", r"PIPL 57\(1\) (\d)")) == ["1", "1", "2", "3"]


def test_an_item_without_evidence_says_so_and_shows_none() -> None:
    template = next(t for t in load_templates() if t.type == "compliance_audit")
    bare = [s for s in template.sections if not s.tables]
    en, zh = "No evidence. The institution attaches its own. ", "没有证据。须由机构另附。"
    assert all(s.text and s.text.en.startswith(en) and s.text.zh.startswith(zh) for s in bare)
    assert [s.id for s in template.sections if s.text and "No evidence" in s.text.en] == [s.id for s in bare]
    assert {"joint", "entrusted", "abroad", "training", "plan", "incidents"} <= {s.id for s in bare}


def test_acts_are_those_of_the_log(house: House) -> None:
    log = log_of(house)
    files = contents(drafted(house, "access"))
    allowed = Counter(e.type for e in log if e.decision == "allow")
    shown = {code("access", "acts", r["type"]): int(r["entries"]) for r in table(files, "allowed")}
    assert shown == allowed
    touched = Counter[str]()
    for entry in log:
        touched[entry.type] += entry.subjects * (entry.decision == "allow")
    for row in table(files, "allowed"):
        n = touched[code("access", "acts", row["type"])]
        assert row["people"] == ("suppressed" if 0 < n < 10 else str(n))
    refused = [e for e in log if e.decision == "deny"]
    assert sum(int(r["entries"]) for r in table(files, "refused")) == len(refused)
    assert int(table(files, "refused")[0]["staff"]) == len({e.actor for e in refused})
    values = [figure["value"] for figure in body(files)["key_figures"][:2]]
    assert values == [len(log), len(refused)]


def test_re_identifications_are_told_by_role_and_decision(house: House) -> None:
    log = log_of(house)
    rows = table(contents(drafted(house, "access")), "persons")
    said = {(r["type"], r["role"], r["decision"]): int(r["entries"]) for r in rows}
    roles = house.deps.policy.bundle.role_titles
    for kind, words in (
        ("score:read", "One person's score read"),
        ("audit:trace", "Log traced for one person"),
    ):
        for decision, shown in (("allow", "Allowed"), ("deny", "Refused")):
            mine = Counter(e.role for e in log if (e.type, e.decision) == (kind, decision))
            for role, n in mine.items():
                assert said[words, roles[role]["en"] if role else "", shown] == n
    assert said["One person's score read", "Risk officer", "Allowed"] == 3


def test_the_record_holds_what_rules_and_contracts_say(house: House) -> None:
    files = contents(drafted(house, "processing_records"))
    rules = yaml.safe_load((ROOT / "policies" / "purposes.yaml").read_text(encoding="utf-8"))["purposes"]
    assert [r["purpose"] for r in table(files, "purposes")] == [p["title"]["en"] for p in rules.values()]
    assert [r["law"] for r in table(files, "purposes")] == [p["law"] for p in rules.values()]
    for path in (house.source / "contracts").glob("*.yaml"):
        contract = yaml.safe_load(path.read_text(encoding="utf-8"))
        columns = {c["name"] for c in contract["schema"][0]["properties"]}
        told = [r["columns"].split(", ") for r in table(files, "columns") if r["table"] == path.stem]
        assert sorted(name for names in told for name in names) == sorted(columns)
    assert [(r["dpia"], r["type"]) for r in table(files, "assessments")] == [
        ("DPIA-2026-014", "Identities matched")
    ]
    assert [r["resource"] for r in table(files, "approvals")] == ["model/credit/1"]


def test_rows_and_people_are_those_on_disk_and_small_groups_are_hidden(house: House) -> None:
    rows = table(contents(drafted(house, "processing_records")), "people")
    assert {"customers", "statements", "notes", "derived_profile"} <= {r["table"] for r in rows}
    for row in rows:
        frame = house.deps.events.scan(row["table"]).collect()
        people = len({sp for sp in frame["_sp"].to_list() if sp is not None})
        small = 0 < people < 10
        assert row["people"] == ("suppressed" if small else str(people))
        assert row["rows"] == ("suppressed" if small else str(frame.height))


def test_without_an_assessment_the_register_is_empty(tmp_path: Path) -> None:
    house = furnish(tmp_path, customers=60)
    found = body(contents(drafted(house, "processing_records")))
    assert [t["rows"] for t in found["tables"] if t["id"] in {"assessments", "approvals"}] == [[], []]
    assert found["key_figures"][2]["value"] == 0


def test_fairness_is_derived_again_row_by_row(house: House) -> None:
    files = contents(drafted(house, "models"))
    scores = house.deps.events.scan("derived_score_credit").collect()
    customers = house.deps.events.scan("customers").collect()
    grade = dict(zip(scores["_sp"].to_list(), scores["grade"].to_list(), strict=True))
    for attribute in ("sex", "age_band", "marriage"):
        people, good = Counter[str](), Counter[str]()
        for sp, group in customers.select("_sp", attribute).iter_rows():
            if sp in grade:
                people[group] += 1
                good[group] += grade[sp] in {"A", "B"}
        rows = table(files, f"fairness-{attribute}")
        rates = {r["group"]: float(r["rate"]) for r in rows if r["rate"] != "suppressed"}
        assert {code("models", "groups", r["group"]) for r in rows} == set(people)
        for row in rows:
            group = code("models", "groups", row["group"])
            if row["customers"] != "suppressed":
                assert int(row["customers"]) == people[group]
            if row["rate"] != "suppressed":
                assert float(row["rate"]) == good[group] / people[group]
                best = max(rates.values())
                assert row["ratio"] == (str(float(row["rate"]) / best) if best else "")
                assert float(row["difference"]) == pytest.approx(float(row["rate"]) - max(rates.values()))
                assert not 0 < good[group] < 10
                assert not 0 < people[group] - good[group] < 10
            assert people[group] >= 10 or row["customers"] == "suppressed"


def test_the_inventory_is_the_registry(house: House) -> None:
    (row,) = table(contents(drafted(house, "models")), "registry")
    with house.deps.ops() as tx:
        (model,) = tx.models.all()
    assert (row["model"], row["state"], row["digest"]) == ("credit v1", "Approved", model.digest)
    assert (row["trained_by"], row["approved_by"], int(row["rho"])) == ("user:max", "user:paul", model.rho)


Clocks = Callable[[Reading], Iterator[Answer]]
GDPR, PIPL, CRITICAL, OTHERS = "GDPR 33(1)", "PIPL 57", "1 h", "4 h"
SINCE = datetime(2025, 11, 1, tzinfo=UTC)


def clocks(query: Clocks, house: House, hours: float, deps: Deps | None = None) -> dict[str, dict[str, Any]]:
    """Rows by law, those that several have by their term."""
    incident = Incident(TABLES, house.clock.now() - timedelta(hours=hours))
    (answer,) = query(Reading(date.min, house.clock.now().date(), deps or house.deps, incident))
    rows: list[Any] = list(answer.rows)
    known = {GDPR, PIPL}
    return {r["law"].en if r["law"].en in known else f"{r['hours']} h": r for r in rows}


def graded(house: House, larger: int, **more: int) -> Deps:
    """The house with other bounds for the number of people affected."""
    bundle = house.deps.policy.bundle
    law = replace(bundle.jurisdictions["cn_pipl"], grades={"larger": larger, **more})
    bundle = replace(bundle, jurisdictions={**bundle.jurisdictions, "cn_pipl": law})
    return replace(house.deps, policy=SimpleNamespace(bundle=bundle))  # type: ignore[arg-type]


def ticks(query: Clocks, house: House) -> bool:
    """Whether the 72 hours run from the time of knowledge."""
    found = [clocks(query, house, hours)[GDPR] for hours in (0, 20, 71.5, 72, 80)]
    expected = [(72.0, "running"), (52.0, "running"), (0.5, "running"), (0.0, "overdue"), (0.0, "overdue")]
    return [(row["left"], row["state"]) for row in found] == expected


def test_the_clocks_run_from_the_time_of_knowledge(house: House) -> None:
    assert ticks(breach_clocks, house)
    assert clocks(breach_clocks, house, 5)[PIPL]["state"] == "at_once"


def test_a_clock_that_starts_with_the_report_is_caught(house: House) -> None:
    assert not ticks(clocks_from_now, house)


@pytest.mark.parametrize(
    ("hours", "critical", "others"),
    [
        (0, (1.0, "running"), (4.0, "running")),
        (0.5, (0.5, "running"), (3.5, "running")),
        (1, (0.0, "overdue"), (3.0, "running")),
        (3.75, (0.0, "overdue"), (0.25, "running")),
        (4, (0.0, "overdue"), (0.0, "overdue")),
    ],
)
def test_an_incident_of_the_grade_is_reported_within_one_and_four_hours(
    house: House, hours: float, critical: tuple[float, str], others: tuple[float, str]
) -> None:
    found = clocks(breach_clocks, house, hours, graded(house, 1))
    assert (found[CRITICAL]["left"], found[CRITICAL]["state"]) == critical
    assert (found[OTHERS]["left"], found[OTHERS]["state"]) == others
    assert (found["720 h"]["left"], found["720 h"]["due"], found["720 h"]["state"]) == ("–", "–", "not_begun")


def test_the_first_page_tells_the_next_term(house: House) -> None:
    for hours, left in ((0.5, 0.5), (2, 2.0), (5, 67.0), (80, 0.0)):
        incident = Incident(TABLES, house.clock.now() - timedelta(hours=hours))
        (answer,) = breach_clocks(Reading(date.min, house.clock.now().date(), graded(house, 1), incident))
        assert answer.figures["next"] == left


def test_the_grade_begins_with_its_bound_and_too_few_people_leave_it_to_a_person(house: House) -> None:
    people = pl.concat([house.deps.events.scan(n).select("_sp").collect() for n in TABLES])["_sp"].n_unique()
    for larger, state, grade in ((people, "running", "larger"), (people + 1, "judge", "none")):
        row = clocks(breach_clocks, house, 3, graded(house, larger))[OTHERS]
        assert (row["left"], row["state"], row["grade"]) == (1.0, state, grade)
    bounds = {"serious": people - 1, "very_serious": people + 1}
    assert clocks(breach_clocks, house, 0, graded(house, 1, **bounds))[OTHERS]["grade"] == "serious"
    assert clocks(breach_clocks, house, 0)[GDPR]["grade"] == "–"
    assert house.deps.policy.bundle.jurisdictions["cn_pipl"].grades == {
        "larger": 1_000_000, "serious": 10_000_000, "very_serious": 100_000_000,
    }  # fmt: skip


def test_the_instant_counts_and_not_the_offset_it_is_told_in(house: House) -> None:
    china, day = timezone(timedelta(hours=8)), house.clock.now().date()
    for known in (SINCE, SINCE - timedelta(minutes=1), house.clock.now() - timedelta(hours=20)):
        told = [
            next(iter(breach_clocks(Reading(date.min, day, house.deps, Incident(TABLES, at)))))
            for at in (known, known.astimezone(china))
        ]
        assert told[0] == told[1]
        assert told[1].figures["known"] == f"{known:%Y-%m-%d %H:%M}"


def test_an_instant_before_all_time_is_refused(house: House) -> None:
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(UsageError, match="time of knowledge"):
        build_report("breach", actor=house.actor("cora"), deps=house.deps, incident=Incident(TABLES, early))


def test_a_law_that_was_not_yet_in_force_sets_no_clock(house: House) -> None:
    before = (house.clock.now() - SINCE) / timedelta(hours=1)
    assert set(clocks(breach_clocks, house, before)) == {PIPL, CRITICAL, OTHERS, "720 h", GDPR}
    assert set(clocks(breach_clocks, house, before + 0.01)) == {PIPL, GDPR}


def test_the_deadlines_in_the_draft_are_counted_from_knowledge(house: House) -> None:
    files = contents(drafted(house, "breach", hours=20))
    rows = {r["hours"]: r for r in table(files, "clocks")}
    due = {h: house.clock.now() + timedelta(hours=h - 20) for h in (0, 1, 4, 72)}
    assert list(rows) == ["0", "1", "4", "720", "72"]
    assert {h: rows[str(h)]["due"] for h in due} == {h: f"{at:%Y-%m-%d %H:%M}" for h, at in due.items()}
    assert (rows["72"]["left"], body(files)["key_figures"][2]["value"]) == ("52.0", 52.0)


def test_a_breach_counts_the_people_of_the_tables_that_were_named(house: House) -> None:
    found = body(contents(drafted(house, "breach", tables=("notes",))))
    notes = house.deps.events.scan("notes").collect()["_sp"].n_unique()
    assert found["key_figures"][0]["value"] == notes
    both = body(contents(drafted(house, "breach", tables=("notes", "customers"))))
    everyone = pl.concat([house.deps.events.scan(n).select("_sp").collect() for n in ("notes", "customers")])
    assert both["key_figures"][0]["value"] == everyone["_sp"].n_unique()
    listed = {row[0] for t in found["tables"] if t["id"] == "columns" for row in t["rows"]}
    assert listed == {"notes"}


def test_a_breach_needs_tables_and_a_time_and_no_other_report_takes_them(house: House) -> None:
    now = house.clock.now()
    cora = house.actor("cora")
    for incident in (Incident(), Incident(TABLES), Incident((), now), Incident(TABLES, now + timedelta(1))):
        with pytest.raises(UsageError):
            build_report("breach", incident=incident, actor=cora, deps=house.deps)
    with pytest.raises(UsageError):
        build_report("budget", incident=Incident(TABLES, now), actor=cora, deps=house.deps)
    with pytest.raises(UnknownError):
        build_report("breach", incident=Incident(("nothing",), now), actor=cora, deps=house.deps)
    assert now.tzinfo is UTC
    assert not list((house.settings.home / "report").glob("*.zip"))
