"""The report on a real service: a bundle that verifies offline, exact numbers, nothing issued unlogged."""

import csv
import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fakes.house import House, furnish, move_in
from fakes.reported import put_to_work
from mutants.reports import approve_without_asking_who_built

from audit.bundle import verify_bundle
from audit.canonical import digest
from audit.errors import BrokenLinkError
from audit.evidence import parse_place
from service.domain.actors import Actor
from service.domain.requests import Right
from service.errors import ConflictError, DeniedError, StorageError, TamperedError, UnknownError, UsageError
from service.ports import EntryFilter
from service.reporting.template import load_templates
from service.usecases.profile import build_profiles
from service.usecases.report import DRAFT, approve_report, build_report, list_reports, reject_report
from service.usecases.report_queries import Reading
from service.usecases.rights import run_request
from service.usecases.tracing import who_accessed

TYPES = ("behaviour", "rights", "budget", "consent")


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = furnish(tmp_path_factory.mktemp("house"), customers=400)
    put_to_work(house)
    return house


@pytest.fixture
def house(furnished: House, tmp_path: Path) -> House:
    return move_in(furnished, tmp_path)


def drafted(house: House, kind: str = "behaviour", **more: Any) -> Path:
    return build_report(kind, actor=house.actor("cora"), deps=house.deps, **more)


def issued(house: House, kind: str = "behaviour") -> Path:
    return approve_report(drafted(house, kind).name, actor=house.actor("paul"), deps=house.deps)


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def table(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[f"tables/{name}.csv"].decode())))


def report_json(files: dict[str, bytes]) -> Any:
    return json.loads(files["report.json"])


def test_the_bundle_verifies_offline_and_cites_what_it_used(house: House) -> None:
    path = issued(house)
    assert path.name == "behaviour-2026-11-20-1.zip"
    facts = verify_bundle(path.read_bytes(), vkey=house.deps.audit.vkeys()[0])
    log = dict(house.deps.audit.entries())
    assert {log[parse_place(place)].type for place in facts.entries} == {
        "dataset:ingest", "profile:build", "model:train", "model:approve", "score:build", "aggregate:release",
        "report:build", "report:approve",
    }  # fmt: skip
    assert log[parse_place(facts.issue)].type == "report:issue"
    assert facts.predicate["type"] == "behaviour.2021-11-01"
    assert facts.predicate["approvers"] == ["user:paul"]
    assert {"report.zh.pdf", "report.en.pdf", "report.json", "signer.pem", "verify.txt"} <= facts.files.keys()
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_report_that_reads_customers_is_among_their_uses(house: House) -> None:
    drafted(house)
    drafted(house, "budget")
    found = who_accessed("email", house.emails[0], actor=house.actor("cora"), deps=house.deps).entries
    built = [entry for _, entry in found if entry.type == "report:build"]
    assert [entry.resource for entry in built] == ["report/behaviour-2026-11-20-1"]
    assert built[0].subjects > 300


def test_both_pdfs_are_signed(house: House, tmp_path: Path) -> None:
    files = contents(issued(house))
    for name in ("report.zh.pdf", "report.en.pdf"):
        (tmp_path / name).write_bytes(files[name])
        said = subprocess.run(
            ["pdfsig", str(tmp_path / name)], capture_output=True, text=True, check=False
        ).stdout
        assert "Signature is Valid" in said


def test_exact_figures_are_derived_again_from_the_named_tables(house: House) -> None:
    files = contents(issued(house))
    profiles = house.deps.events.scan("derived_profile").collect()
    shown = {row["segment"]: row["customers"] for row in table(files, "segments")}
    assert shown.pop("Total") == str(profiles.height)
    names = {
        "High value": "high_value",
        "Growing": "growing",
        "Steady": "steady",
        "Low activity": "low_activity",
        "At risk": "at_risk",
    }
    for title, customers in shown.items():
        if customers != "suppressed":
            assert int(customers) == profiles.filter(pl.col("segment") == names[title]).height
    source = next(t for t in report_json(files)["tables"] if t["id"] == "segments")["source"]
    assert source["inputs"] == [f"derived_profile@{house.deps.events.version('derived_profile')}"]
    intake = {row["dataset"]: row for row in table(files, "intake")}
    with house.deps.ops() as tx:
        for batch in tx.batches.all():
            assert int(intake[batch.dataset]["rows"]) == batch.counts.rows


def test_the_noisy_answer_is_the_stored_one_and_stands_apart(house: House) -> None:
    files = contents(issued(house))
    with house.deps.ops() as tx:
        release = tx.releases.all()[0]
    rows = table(files, f"release-{release.id[:12]}")
    answer = json.loads(release.answer)
    assert len(rows) == len(answer["cells"]) * len(answer["measures"])
    assert rows[0]["estimate"] == str(answer["cells"][0]["count"]["value"])
    private = {t["id"] for t in report_json(files)["tables"] if t["basis"] == "private"}
    assert private == {"model", "releases", f"release-{release.id[:12]}"}


@pytest.mark.parametrize("kind", TYPES)
def test_the_same_state_gives_the_same_draft_to_the_byte(house: House, tmp_path: Path, kind: str) -> None:
    twin_home = tmp_path / "twin"
    twin_home.mkdir()
    twin = move_in(house, twin_home)
    assert drafted(house, kind).read_bytes() == drafted(twin, kind).read_bytes()


def test_what_is_issued_is_what_was_approved(house: House) -> None:
    draft = contents(drafted(house))
    bundle = contents(approve_report("behaviour-2026-11-20-1", actor=house.actor("paul"), deps=house.deps))
    for name in ("report.zh.pdf", "report.en.pdf"):
        assert bundle[name].startswith(draft[name])
    rest = {n: d for n, d in draft.items() if not n.endswith(".pdf") and n != "manifest.json"}
    assert {n: bundle[n] for n in rest} == rest


Approve = Callable[..., Path]


def one_person_suffices(approve: Approve, house: House) -> bool:
    """Whether somebody who may build and approve can issue what they built themselves."""
    both = Actor("user:both", frozenset({"compliance_officer", "privacy_officer"}))
    draft = build_report("budget", actor=both, deps=house.deps)
    try:
        return approve(draft.name, actor=both, deps=house.deps).name.endswith("-1.zip")
    except DeniedError:
        return False


def test_nobody_approves_an_own_report_whatever_their_roles(house: House) -> None:
    assert not one_person_suffices(approve_report, house)
    assert not one_person_suffices(reject_report, house)
    refused = [e for _, e in house.deps.audit.find(EntryFilter(type=frozenset({"report:approve"})))]
    assert [(e.decision, e.actor) for e in refused] == [("deny", "user:both")] * 2


def test_an_approval_that_does_not_ask_who_built_is_caught(house: House) -> None:
    assert one_person_suffices(approve_without_asking_who_built, house)


@pytest.mark.parametrize("who", ["cora", "ann", "max", "rita", "dana", "aud"])
def test_only_the_privacy_officer_approves_reports(house: House, who: str) -> None:
    draft = drafted(house, "budget")
    for judge in (approve_report, reject_report):
        with pytest.raises(DeniedError):
            judge(draft.name, actor=house.actor(who), deps=house.deps)
    assert [p.name for p in draft.parent.iterdir()] == [draft.name]


def test_a_changed_draft_is_not_approved_even_by_a_byte(house: House) -> None:
    draft = drafted(house, "budget")
    good = draft.read_bytes()
    for place in (0, len(good) // 2, len(good) - 1):
        draft.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(TamperedError):
            approve_report(draft.name, actor=house.actor("paul"), deps=house.deps)
    draft.write_bytes(good)
    assert approve_report(draft.name, actor=house.actor("paul"), deps=house.deps).exists()


def test_a_draft_of_another_report_under_this_name_is_not_approved(house: House) -> None:
    first, second = drafted(house, "budget"), drafted(house, "budget")
    shutil.copyfile(second, first)
    with pytest.raises(TamperedError):
        approve_report(first.name, actor=house.actor("paul"), deps=house.deps)


def test_a_report_is_issued_once(house: House) -> None:
    draft = drafted(house, "budget")
    data = draft.read_bytes()
    bundle = approve_report(draft.name, actor=house.actor("paul"), deps=house.deps)
    with pytest.raises(UnknownError):
        approve_report(draft.name, actor=house.actor("paul"), deps=house.deps)
    issued_bytes = bundle.read_bytes()
    draft.write_bytes(data)  # as a process leaves it that is killed before it takes the draft away
    for judge in (approve_report, reject_report):
        with pytest.raises(ConflictError):
            judge(draft.name, actor=house.actor("paul"), deps=house.deps)
    assert bundle.read_bytes() == issued_bytes


@pytest.mark.parametrize("name", ["", "budget", "../keys/root.key", "budget-2026-11-20-1.zip", "*"])
def test_only_a_draft_is_approved(house: House, name: str) -> None:
    drafted(house, "budget")
    with pytest.raises(UnknownError):
        approve_report(name, actor=house.actor("paul"), deps=house.deps)


def test_a_rejected_draft_is_kept_logged_and_never_issued(house: House) -> None:
    draft = drafted(house, "rights")
    data = draft.read_bytes()
    kept = reject_report(draft.name, actor=house.actor("paul"), deps=house.deps)
    assert (kept.name, kept.read_bytes()) == ("rights-2026-11-20-1.rejected.zip", data)
    with pytest.raises(UnknownError):
        approve_report(draft.name, actor=house.actor("paul"), deps=house.deps)
    assert drafted(house, "rights").name == "rights-2026-11-20-2.draft.zip"
    ((_, entry),) = house.deps.audit.find(EntryFilter(type=frozenset({"report:reject"})))
    assert (entry.actor, entry.payload) == ("user:paul", digest(data))


def test_the_list_says_what_became_of_each_report(house: House) -> None:
    listed = partial(list_reports, actor=house.actor("aud"), deps=house.deps)
    assert listed() == []
    bundle, kept = issued(house, "budget"), drafted(house, "rights")
    data = kept.read_bytes()
    drafts = [drafted(house, "rights") for _ in range(10)]
    rejected = reject_report(kept.name, actor=house.actor("paul"), deps=house.deps)
    (bundle.parent / "notes.zip").write_bytes(b"")  # no report
    (bundle.parent / bundle.name.replace(".zip", DRAFT)).write_bytes(data)  # of a killed process
    states = [(row["name"], row["type"], row["state"]) for row in listed()]
    assert states == [
        *((path.name, "rights", "draft") for path in reversed(drafts)),  # -11 comes before -2
        (rejected.name, "rights", "rejected"),
        (bundle.name, "budget", "issued"),
    ]
    assert {row["date"] for row in listed()} == {"2026-11-20"}
    assert listed()[-2]["size"] == len(data)
    entries = house.deps.audit.find(EntryFilter(type=frozenset({"report:read"})))
    assert [(e.decision, e.resource) for _, e in entries] == [("allow", "report")] * 4


@pytest.mark.parametrize("who", ["ann", "max", "rita", "dana", "admin"])
def test_the_list_is_for_those_who_read_reports(house: House, who: str) -> None:
    actor = Actor("user:admin", frozenset({"admin"})) if who == "admin" else house.actor(who)
    with pytest.raises(DeniedError):
        list_reports(actor=actor, deps=house.deps)


@pytest.mark.parametrize("kind", TYPES)
def test_every_table_is_there_as_parquet_with_the_same_rows(house: House, kind: str) -> None:
    files = contents(drafted(house, kind))
    names = {name.removesuffix(".csv") for name in files if name.endswith(".csv")}
    assert names == {name.removesuffix(".parquet") for name in files if name.endswith(".parquet")}
    for name in names:
        rows = [[*row.values()] for row in csv.DictReader(io.StringIO(files[f"{name}.csv"].decode()))]
        frame = pl.read_parquet(files[f"{name}.parquet"])
        hidden = [len(keys) for keys in frame["_suppressed"].to_list()]
        assert hidden == [row.count("suppressed") for row in rows]


def test_without_a_report_key_nothing_is_approved(house: House) -> None:
    draft = drafted(house, "budget")
    with pytest.raises(StorageError, match="report key"):
        approve_report(draft.name, actor=house.actor("paul"), deps=replace(house.deps, signer=None))
    assert draft.exists()


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_is_built_approved_and_verified(house: House, kind: str) -> None:
    path = issued(house, kind)
    facts = verify_bundle(path.read_bytes(), vkey=house.deps.audit.vkeys()[0])
    assert str(facts.predicate["type"]).startswith(f"{kind}.")
    assert facts.predicate["template"] == next(t.digest for t in load_templates() if t.type == kind)
    body = report_json(contents(path))
    assert all(table["rows"] or table["id"] in {"outcomes", "months"} for table in body["tables"])


def test_an_unknown_type_names_those_there_are(house: House) -> None:
    with pytest.raises(UnknownError) as error:
        drafted(house, "astrology")
    assert "behaviour.2021-11-01" in str(error.value.fields["there_are"])


def test_the_template_in_force_on_the_last_day_is_taken_unless_told(house: House) -> None:
    early = date(2005, 9, 30)
    with pytest.raises(UnknownError):
        drafted(house, until=early)
    body = report_json(contents(drafted(house, until=early, template=date(2021, 11, 1))))
    assert body["period"] == ["2005-04-01", "2005-09-30"]


def test_a_period_leaves_out_what_is_not_in_it(house: House) -> None:
    form = date(2021, 11, 1)
    draft = drafted(house, since=date(2005, 6, 1), until=date(2005, 8, 31), template=form)
    files = contents(draft)
    assert [row["month"] for row in table(files, "months")] == ["2005-06", "2005-07", "2005-08"]
    assert report_json(files)["period"] == ["2005-06-01", "2005-08-31"]
    with pytest.raises(ConflictError):
        drafted(house, since=date(2020, 1, 1), template=form)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (date(2026, 11, 19), date(2026, 11, 18)),
        (None, date(2026, 11, 21)),
        (date(2026, 11, 21), None),
    ],
)
def test_a_period_that_cannot_be_is_refused(house: House, since: date | None, until: date | None) -> None:
    assert house.clock.now().date() == date(2026, 11, 20)
    before = len(list((house.settings.home / "report").iterdir()))
    with pytest.raises(UsageError, match="period") as refused:
        drafted(house, "rights", since=since, until=until)
    assert refused.value.fields == {"today": "2026-11-20"}
    assert len(list((house.settings.home / "report").iterdir())) == before


@pytest.mark.parametrize("kind", ["rights", "access", "consent", "compliance_audit", "processing_records"])
def test_a_report_may_end_before_the_log_began(house: House, kind: str) -> None:
    last = date(2026, 1, 5)
    body = report_json(contents(drafted(house, kind, until=last)))
    assert body["period"] == ["2026-01-05", "2026-01-05"]


def test_data_that_comes_in_meanwhile_stops_the_report(house: House) -> None:
    reading = Reading(date.min, date(2026, 11, 20), house.deps)
    reading.check()
    build_profiles(actor=house.actor("max"), deps=house.deps)
    with pytest.raises(ConflictError, match="while the report was read"):
        reading.check()


def test_rights_are_held_against_their_deadlines(house: House) -> None:
    kept, late, open_ = house.emails[:3]
    run_request(house.decided(Right.ACCESS, kept), actor=house.actor("cora"), deps=house.deps)
    slow = house.decided(Right.ERASURE, late)
    house.decided(Right.OBJECTION, open_)
    house.clock.advance(timedelta(days=40))
    run_request(slow, actor=house.actor("cora"), deps=house.deps)
    rows = {row["right"]: row for row in table(contents(drafted(house, "rights")), "deadlines")}
    said = {name: (row["in_time"], row["late"], row["overdue"]) for name, row in rows.items()}
    assert said["Access"] == ("1", "0", "0")
    assert said["Erasure"] == ("0", "1", "0")
    assert said["Objection to automated decisions"] == ("0", "0", "1")
    assert rows["Total"]["kept"] == str(1 / 3)
    assert float(rows["Erasure"]["days"]) == pytest.approx(40)
    assert rows["Restriction"]["kept"] == ""


def test_the_budget_statement_agrees_with_the_ledger(house: House) -> None:
    rows = table(contents(drafted(house, "budget")), "purposes")
    with house.deps.ops() as tx:
        lines = {line.scope: line.spent for line in tx.budget.lines()}
        tx.budget.charge("lost", ("dataset:customers",), 7, house.clock.now())
    for name in ("customers", "statements"):
        assert sum(int(row["rho"]) for row in rows if row["dataset"] == name) == lines[f"dataset:{name}"]
    assert {row["purpose"] for row in rows} == {"Credit scoring", "Reporting to the regulator"}
    after = table(contents(drafted(house, "budget")), "purposes")
    assert [row["rho"] for row in after if row["purpose"] == "Paid, without a result"] == ["7"]


def test_the_consent_statement_counts_people_by_their_newest_consent(house: House) -> None:
    files = contents(drafted(house, "consent"))
    with house.deps.ops() as tx:
        newest = tx.consents.frame().sort("given_at").group_by("_subject", "purpose").last()
    for row in table(files, "consents"):
        shown = [row[state] for state in ("standing", "withdrawn", "expired")]
        title = {p.title["en"]: p.code for p in house.deps.policy.bundle.purposes.values()}[row["purpose"]]
        total = newest.filter(pl.col("purpose") == title).height
        if "suppressed" not in shown:
            assert sum(map(int, shown)) == total


def test_reports_are_numbered_and_never_overwritten(house: House) -> None:
    first = issued(house)
    before = first.read_bytes()
    assert issued(house).name == "behaviour-2026-11-20-2.zip"
    assert first.read_bytes() == before


@pytest.mark.parametrize("who", ["ann", "max", "rita", "paul", "dana", "aud"])
def test_only_the_compliance_officer_builds_reports(house: House, who: str) -> None:
    with pytest.raises(DeniedError):
        build_report("behaviour", actor=house.actor(who), deps=house.deps)
    assert not list((house.settings.home / "report").glob("*.zip"))


def test_without_profiles_there_is_no_report(tmp_path: Path) -> None:
    house = furnish(tmp_path, customers=60)
    with pytest.raises(UnknownError):
        drafted(house)


def test_an_unreadable_report_key_stops_the_report(house: House) -> None:
    issued(house)
    (house.settings.keys / "report.pem").chmod(0o644)
    with pytest.raises(StorageError):
        issued(house)
    left = {p.name for p in (house.settings.home / "report").iterdir()}
    assert left == {"behaviour-2026-11-20-1.zip", "behaviour-2026-11-20-2.draft.zip"}


def test_rights_requests_are_counted_and_an_erased_customer_is_in_no_figure(house: House) -> None:
    before = contents(issued(house))
    run_request(house.decided(Right.ERASURE, house.emails[0]), actor=house.actor("cora"), deps=house.deps)
    after = contents(issued(house))
    erasure = next(row for row in table(after, "rights") if row["right"] == "Erasure")
    assert (erasure["opened"], erasure["done"]) == ("1", "1")
    total = [int(table(files, "grades")[-1]["customers"]) for files in (before, after)]
    assert total[0] - total[1] == 1


def test_no_identifier_is_in_the_bundle(house: House) -> None:
    data = issued(house).read_bytes()
    assert not [email for email in house.emails if email.encode() in data]


def test_any_changed_byte_breaks_the_bundle(house: House) -> None:
    data = bytearray(issued(house).read_bytes())
    for place in range(0, len(data), len(data) // 40):
        data[place] ^= 1
        with pytest.raises(BrokenLinkError):
            verify_bundle(bytes(data))
        data[place] ^= 1


def test_poppler_is_there_for_these_tests() -> None:
    assert shutil.which("pdfsig")
