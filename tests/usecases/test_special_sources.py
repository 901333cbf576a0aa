"""Clicks, surveys, bureau reports, other institutions' data and district tables on a real service."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fakes.clock import FakeClock
from fakes.intake import ANALYST, STEWARD, entries_of, subject_of
from fakes.special import (
    CARDS,
    MOBILES,
    NOTICE,
    PURPOSES,
    RESIDENTS,
    consent,
    open_special,
    page_contracts,
    take,
)

from policies.loader import load_policies
from service.demo.generate import CONTRACTS
from service.domain.actors import Actor
from service.domain.contracts import DatasetContract, Role
from service.domain.odcs import parse_contract
from service.errors import ContractError, DeniedError, UnknownError
from service.ports import Deps
from service.usecases.consent import withdraw
from service.usecases.datasets import add_dataset, check_class, check_features
from service.usecases.package import access_package
from service.usecases.profile import build_profiles
from service.usecases.reference import add_reference, check_districts
from service.usecases.release import (
    approve_aggregate,
    preview_aggregate,
    request_aggregate,
    run_aggregate,
)
from service.usecases.rows import rows_for_use
from service.wiring import load_contract

ROOT = Path(__file__).resolve().parents[2]
POLICIES = load_policies()
CENSUS = "district,population,median_income\n110105,3442000,98000\n310115,5681000,102000.5\n"


@pytest.fixture
def deps(tmp_path: Path, clock: FakeClock) -> Deps:
    """A service with the contracts of the page and three customers who consented to everything."""
    return open_special(tmp_path, clock)


def contract(name: str) -> DatasetContract:
    """A contract of the page."""
    return parse_contract(page_contracts()[name])


def click(number: int, at: str, page: str = "/home") -> dict[str, object]:
    return {"mobile": MOBILES[number], "clicked_at": at, "page": page}


def answer(number: int, notice: str = NOTICE) -> dict[str, object]:
    return {
        "mobile": MOBILES[number], "answered_on": "2026-02-01", "notice": notice,
        "satisfaction": "4", "risk_tolerance": "low",
    }  # fmt: skip


def report(
    number: int, expires_on: str, *, ended_on: str = "2025-06-01", ref: str = "auth/7"
) -> dict[str, object]:
    return {
        "resident_id": RESIDENTS[number], "ended_on": ended_on, "authorisation": ref,
        "expires_on": expires_on, "overdue_cents": 100,
    }  # fmt: skip


def count(name: str, deps: Deps) -> int:
    """Rows that may be used."""
    return rows_for_use(name, deps).collect().height


def every_byte(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()


# The contracts and their classes.


def test_the_page_has_a_contract_for_each_kind_of_source() -> None:
    kinds = {name: contract(name).retention_class for name in page_contracts()}
    assert set(kinds.values()) == {
        "behaviour_log", "survey_answer", "bureau_record", "third_party_record", "demographics",
    }  # fmt: skip
    assert all(POLICIES.datamap[f"dataset:{name}"] == kind for name, kind in kinds.items())


@pytest.mark.parametrize("name", ["app_events", "bureau_reports", "partner_holdings"])
def test_such_data_is_for_its_own_purpose_only(name: str) -> None:
    with pytest.raises(ContractError) as refusal:
        check_class(replace(contract(name), purposes=("contract_performance",)), POLICIES.retention)
    assert refusal.value.fields["purpose"] == "contract_performance"


@pytest.mark.parametrize("name", ["app_events", "risk_survey", "bureau_reports"])
def test_the_class_and_the_roles_it_needs_go_together_only(name: str) -> None:
    whole = contract(name)
    needs = POLICIES.retention[whole.retention_class].needs
    elsewhere = replace(whole, retention_class="demographics")
    without = replace(whole, columns=tuple(c for c in whole.columns if c.role.value != needs[0]))
    for wrong in (elsewhere, without):
        with pytest.raises(ContractError) as refusal:
            check_class(wrong, POLICIES.retention)
        assert refusal.value.fields["role"] == min(needs)


@pytest.mark.parametrize("name", ["app_events", "bureau_reports"])
def test_what_ages_has_a_required_time(name: str) -> None:
    whole = contract(name)
    optional = tuple(replace(c, required=c.role is not Role.EVENT_TIME) for c in whole.columns)
    without = tuple(c for c in whole.columns if c.role is not Role.EVENT_TIME)
    for columns in (optional, without):
        with pytest.raises(ContractError, match="event_time"):
            check_class(replace(whole, columns=columns), POLICIES.retention)


def test_clicks_with_a_date_only_are_refused() -> None:
    document = json.loads(json.dumps(page_contracts()["app_events"]).replace('"timestamp"', '"date"'))
    with pytest.raises(ContractError, match="timestamp"):
        check_class(parse_contract(document), POLICIES.retention)


def test_a_refused_word_comes_with_its_reason_in_both_languages() -> None:
    document: Any = page_contracts()["partner_holdings"]
    document["schema"][0]["properties"][1]["name"] = "taobao_level"
    with pytest.raises(ContractError) as refusal:
        check_features(parse_contract(document), document, POLICIES.denied)
    fields = refusal.value.fields
    assert (fields["feature"], fields["law"]) == ("browsing", "PIPL 6")
    assert fields["why"] == "browsing and e-commerce profiles"
    assert fields["zh"] == "浏览与电商画像"


@pytest.mark.parametrize("key", ["39.9042,116.4074", "https://weibo.com/u/1234567", MOBILES[0]])
def test_a_public_key_that_names_a_person_or_a_place_is_refused(key: str) -> None:
    whole = contract("risk_survey")
    columns = tuple(replace(c, keys=("ok", key)) if c.keys else c for c in whole.columns)
    with pytest.raises(ContractError, match="a key is an identifier"):
        check_features(replace(whole, columns=columns), {}, POLICIES.denied)


# Clicks.


def test_no_raw_address_of_a_page_is_stored(tmp_path: Path, deps: Deps) -> None:
    raw = (
        "https://bank.example/cards/6222021234567890?token=s3cr3tt0ken",
        "/a%3Fphone=13912345678",
        "/x/wang%40mail.example",
    )
    row = take(tmp_path, "app_events", [click(0, "2026-03-01T08:00:00Z", page) for page in raw], deps)
    assert row.counts.admitted == 3
    stored = rows_for_use("app_events", deps).collect()
    assert sorted(stored["page"]) == ["/a", "/cards/:id", "/x/:id"]
    needles = (b"s3cr3tt0ken", b"6222021234567890", b"13912345678", b"wang%40mail", b"wang@mail")
    assert [n for data in every_byte(tmp_path / "home") for n in needles if n in data] == []


def test_features_come_out_with_the_profiles_for_those_who_consent(tmp_path: Path, clock: FakeClock) -> None:
    given = [consent(0, "behaviour_analysis"), consent(1, "behaviour_analysis")]
    deps = open_special(tmp_path, clock, [*given, *(consent(n, "value_segmentation") for n in range(3))])
    document = load_contract(CONTRACTS / "statements.yaml")
    add_dataset(*document, actor=STEWARD, deps=deps)
    statement = {"month": "2026-01-01", "bill_cents": 100, "paid_cents": 50, "pay_status": "revolving"}
    take(tmp_path, "statements", [{"card_no": card, **statement} for card in CARDS], deps)
    times = ("2026-03-01T08:00:00Z", "2026-03-01T08:30:00Z", "2026-03-01T09:00:01Z")
    row = take(tmp_path, "app_events", [click(n, at) for n in range(3) for at in times], deps)
    assert (row.counts.admitted, row.counts.refused) == (6, 3)
    built = build_profiles(actor=STEWARD, deps=deps)
    assert (built.customers, built.sessions) == (3, 2)
    table = rows_for_use("derived_sessions", deps).collect()
    assert table.select("sessions", "clicks", "dwell_seconds").unique().rows() == [(2, 3, 900.0)]
    withdraw("mobile", MOBILES[0], "behaviour_analysis", actor=STEWARD, deps=deps)
    assert build_profiles(actor=STEWARD, deps=deps).sessions == 1
    subject = subject_of(deps, "mobile", MOBILES[1])
    assert subject is not None
    rows = access_package(subject, deps=deps)["rows"]
    assert isinstance(rows, dict)
    assert {"app_events", "derived_sessions"} <= set(rows)
    assert build_profiles(actor=STEWARD, deps=deps, as_of=date(2026, 2, 28)).sessions == 0


def test_clicks_are_used_for_ninety_days(tmp_path: Path, deps: Deps, clock: FakeClock) -> None:
    take(tmp_path, "app_events", [click(0, "2026-03-01T23:59:59Z"), click(0, "2026-03-02T00:00:00Z")], deps)
    clock.advance(timedelta(days=90))
    assert count("app_events", deps) == 1
    clock.advance(timedelta(days=1))
    assert count("app_events", deps) == 0


# Surveys.


def test_an_answer_needs_a_standing_consent_on_its_own_notice(tmp_path: Path, clock: FakeClock) -> None:
    service = "service_improvement"
    given = [
        consent(0, service),
        consent(0, service, "2025-b", given_at="2025-01-01T00:00:00Z"),
        consent(1, service, "2025-b"),
        consent(2, service, withdrawn_at="2026-02-01T00:00:00Z"),
    ]
    deps = open_special(tmp_path, clock, given)
    answers = [
        answer(0),
        answer(0, "2025-b"),
        answer(0, "unknown"),
        answer(1),
        answer(1, "2025-b"),
        answer(2),
    ]
    row = take(tmp_path, "risk_survey", answers, deps)
    assert (row.counts.admitted, row.counts.quarantined) == (3, 0)
    assert dict(row.reasons) == {"consent_mismatch": 2, "withdrawn": 1}


def test_a_consent_to_another_purpose_does_not_bind_an_answer(tmp_path: Path, clock: FakeClock) -> None:
    deps = open_special(
        tmp_path, clock, [consent(0, "value_segmentation"), consent(0, "service_improvement", "b")]
    )
    row = take(tmp_path, "risk_survey", [answer(0)], deps)
    assert dict(row.reasons) == {"consent_mismatch": 1}


# Bureau reports.


def test_a_report_needs_an_authorisation_that_has_not_ended(tmp_path: Path, deps: Deps) -> None:
    rows = [
        report(0, "2026-03-02"), report(0, "2026-03-01"), report(1, "2027-01-01", ref="  "),
        report(2, "2027-01-01", ref=""),
    ]  # fmt: skip
    row = take(tmp_path, "bureau_reports", rows, deps)
    assert row.counts.admitted == 1
    assert dict(row.reasons) == {"authorisation_expired": 1, "no_authorisation": 1, "missing_value": 1}


def test_after_its_last_day_a_report_is_not_used_and_still_the_persons(
    tmp_path: Path, deps: Deps, clock: FakeClock
) -> None:
    take(tmp_path, "bureau_reports", [report(0, "2026-03-04"), report(1, "2026-06-01")], deps)
    clock.advance(timedelta(days=2))
    assert count("bureau_reports", deps) == 2
    clock.advance(timedelta(days=1))
    assert count("bureau_reports", deps) == 1
    assert deps.events.scan("bureau_reports").collect().height == 2  # what a reader that forgets would see
    subject = subject_of(deps, "cn_resident_id", RESIDENTS[0])
    assert subject is not None
    rows = access_package(subject, deps=deps)["rows"]
    assert isinstance(rows, dict)
    assert len(rows["bureau_reports"]) == 1


def test_an_adverse_record_ages_out_after_five_years(tmp_path: Path, deps: Deps, clock: FakeClock) -> None:
    take(tmp_path, "bureau_reports", [report(0, "2040-01-01", ended_on="2021-03-02")], deps)
    assert count("bureau_reports", deps) == 1
    clock.advance(timedelta(days=1))
    assert count("bureau_reports", deps) == 0


def test_a_class_that_the_policies_forgot_gives_no_rows(tmp_path: Path, deps: Deps) -> None:
    take(tmp_path, "bureau_reports", [report(0, "2026-06-01")], deps)
    bundle = replace(deps.policy.bundle, retention={})
    assert count("bureau_reports", replace(deps, policy=type(deps.policy)(bundle))) == 0


def test_no_other_use_case_scans_the_event_store() -> None:
    def scans(path: Path) -> bool:
        calls = (
            n.func for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)
        )
        return any(ast.unparse(f).endswith("events.scan") for f in calls)

    folders = ("usecases", "api", "cli", "demo", "reporting", "scoring", "profiling")
    found = {p.name for folder in folders for p in (ROOT / "service" / folder).rglob("*.py") if scans(p)}
    assert found == {"rows.py", "correction.py"}  # the latter reads places and rules of what was rejected


# Data of other institutions.


def test_other_institutions_data_needs_its_own_separate_consent(tmp_path: Path, clock: FakeClock) -> None:
    others = [consent(1, purpose) for purpose in PURPOSES if purpose != "third_party_data"]
    weak = {**consent(2, "third_party_data"), "kind": "plain"}
    deps = open_special(tmp_path, clock, [consent(0, "third_party_data"), *others, weak])
    rows = [{"mobile": mobile, "holdings_cents": 5} for mobile in MOBILES]
    row = take(tmp_path, "partner_holdings", rows, deps)
    assert row.counts.admitted == 1
    assert dict(row.reasons) == {"no_consent": 1, "not_separate": 1}


# Aggregates over such data.

CLICKS: dict[str, Any] = {
    "dataset": "app_events", "keys": ["month"], "measures": ["count"], "periods": ["2026-03"],
    "rows_per_month": 3, "epsilon": 1_000_000, "delta_exponent": 7,
}  # fmt: skip
HOLDINGS: dict[str, Any] = {
    "dataset": "partner_holdings", "keys": [], "measures": ["sum:holdings_cents"],
    "epsilon": 1_000_000, "delta_exponent": 7,
}  # fmt: skip
PRIVACY = Actor("user:paul", frozenset({"privacy_officer"}))


@pytest.mark.parametrize(
    ("plan", "purpose"), [(CLICKS, "behaviour_analysis"), (HOLDINGS, "third_party_data")]
)
def test_an_aggregate_is_released_under_the_purpose_of_the_data(
    tmp_path: Path, deps: Deps, plan: dict[str, Any], purpose: str
) -> None:
    take(tmp_path, "app_events", [click(n, "2026-03-01T08:00:00Z") for n in range(3)], deps)
    take(tmp_path, "partner_holdings", [{"mobile": mobile, "holdings_cents": 5} for mobile in MOBILES], deps)
    for actor in (ANALYST, PRIVACY):
        preview = preview_aggregate(plan, actor=actor, deps=deps, purpose=purpose).document()
        assert preview["affordable"]
    asked = request_aggregate(plan, purpose, actor=ANALYST, deps=deps)
    approve_aggregate(asked.id, actor=PRIVACY, deps=deps)
    release = run_aggregate(asked.id, actor=ANALYST, deps=deps)
    assert len(json.loads(release.answer)["cells"]) == 1
    (entry,) = entries_of(deps, "aggregate:release")
    assert (entry.purpose, entry.basis, entry.rho) == (purpose, "consent", release.rho)
    with deps.ops() as tx:
        spent = {line.scope: line.spent for line in tx.budget.lines()}
    assert spent == {f"dataset:{plan['dataset']}": release.rho, "actor:user:ann": release.rho}


@pytest.mark.parametrize(
    ("plan", "purpose"),
    [(CLICKS, "service_improvement"), (CLICKS, "third_party_data"), (HOLDINGS, "behaviour_analysis")],
)
def test_an_aggregate_under_another_purpose_is_denied(
    tmp_path: Path, deps: Deps, plan: dict[str, Any], purpose: str
) -> None:
    take(tmp_path, "app_events", [click(0, "2026-03-01T08:00:00Z")], deps)
    with pytest.raises(DeniedError) as refused:
        request_aggregate(plan, purpose, actor=ANALYST, deps=deps)
    assert refused.value.fields["why"] == "not_collected_for_purpose"
    entry = entries_of(deps, "aggregate:request")[-1]
    assert (entry.decision, entry.purpose) == ("deny", purpose)
    with pytest.raises(DeniedError) as refused:
        request_aggregate(plan, "credit_scoring", actor=ANALYST, deps=deps)
    assert refused.value.fields["why"] == "purpose_not_granted"


def test_clicks_without_a_declared_budget_answer_nothing(tmp_path: Path, deps: Deps) -> None:
    take(tmp_path, "app_events", [click(0, "2026-03-01T08:00:00Z")], deps)
    asked = request_aggregate(CLICKS, "behaviour_analysis", actor=ANALYST, deps=deps)
    approve_aggregate(asked.id, actor=PRIVACY, deps=deps)
    rules = tuple(rule for rule in deps.policy.bundle.budgets if rule.scope != "dataset:app_events")
    closed = replace(deps, policy=type(deps.policy)(replace(deps.policy.bundle, budgets=rules)))
    with pytest.raises(UnknownError, match="budget"):
        preview_aggregate(CLICKS, actor=ANALYST, deps=closed, purpose="behaviour_analysis")
    with pytest.raises(UnknownError, match="budget"):
        run_aggregate(asked.id, actor=ANALYST, deps=closed)
    assert entries_of(deps, "aggregate:release") == []


# Values that are refused from every source.


def test_a_position_or_a_profile_sends_its_row_to_quarantine(tmp_path: Path, deps: Deps) -> None:
    refs = ("auth/7", "39.9042,116.4074", "https://weibo.com/u/1234567", "https://item.jd.com/100.html")
    row = take(tmp_path, "bureau_reports", [report(0, "2026-06-01", ref=ref) for ref in refs], deps)
    assert (row.counts.admitted, row.counts.quarantined) == (1, 3)
    kinds = ("geo_point", "social_profile", "shopping_page")
    assert dict(row.reasons) == {f"undeclared_{kind}": 1 for kind in kinds}


# District tables.


def add_census(deps: Deps, text: str = CENSUS, **facts: str) -> pl.DataFrame:
    whole = {"key": "district", "licence": "CC BY 4.0", "source": "Statistics office", **facts}
    return add_reference("census", text.encode(), **whole, actor=STEWARD, deps=deps)


def test_a_district_table_is_kept_with_licence_and_source_and_logged(deps: Deps) -> None:
    assert add_census(deps).rows()[1] == ("310115", 5681000.0, 102000.5)
    document = json.loads((deps.home / "reference" / "census.json").read_text(encoding="utf-8"))
    assert (document["licence"], document["source"]) == ("CC BY 4.0", "Statistics office")
    (entry,) = entries_of(deps, "reference:add")
    assert (entry.resource, entry.detail) == ("reference/census", (("columns", 3), ("rows", 2)))


def test_profiles_get_the_numbers_of_the_customers_district(tmp_path: Path, deps: Deps) -> None:
    document = load_contract(CONTRACTS / "statements.yaml")
    add_dataset(*document, actor=STEWARD, deps=deps)
    statement = {"month": "2026-01-01", "bill_cents": 100, "paid_cents": 50, "pay_status": "revolving"}
    take(tmp_path, "statements", [{"card_no": card, **statement} for card in CARDS], deps)
    build_profiles(actor=STEWARD, deps=deps)
    add_census(deps)
    add_census(deps, "district,population\n999999,2000\n")
    add_census(deps)
    assert build_profiles(actor=STEWARD, deps=deps).customers == 3
    profiles = rows_for_use("derived_profile", deps).collect()
    assert profiles["district_census_median_income"].to_list() == [98000.0] * 3
    assert "district_census_district" not in profiles.columns


def test_only_a_steward_adds_district_tables(deps: Deps) -> None:
    with pytest.raises(DeniedError):
        add_reference(
            "census", CENSUS.encode(), key="district", licence="x", source="y", actor=ANALYST, deps=deps
        )


@pytest.mark.parametrize(
    "facts", [{"licence": ""}, {"source": " "}, {"source": "a\nb"}, {"licence": "x" * 201}]
)
def test_licence_and_source_are_said(deps: Deps, facts: dict[str, str]) -> None:
    with pytest.raises(ContractError, match="licence"):
        add_census(deps, **facts)


@pytest.mark.parametrize("name", ["", "Census", "../census", "a" * 33])
def test_the_name_is_a_plain_one(deps: Deps, name: str) -> None:
    with pytest.raises(ContractError, match="named"):
        add_reference(
            name, CENSUS.encode(), key="district", licence="x", source="y", actor=STEWARD, deps=deps
        )


def test_a_district_table_of_refused_data_is_refused(deps: Deps) -> None:
    with pytest.raises(ContractError) as refusal:
        add_census(deps, CENSUS.replace("median_income", "gps_fixes"))
    assert refusal.value.fields["feature"] == "location"
    with pytest.raises(ContractError):
        add_census(deps, source="web crawler of the house")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("district,population\n110105,999\n", "too few people"),
        ("district,population\n110105,\n", "too few people"),
        ("district,population\n110105,2000\n110105,3000\n", "comes once"),
        ("district,population\n,2000\n", "comes once"),
        ("district,population,who\n110105,2000,Wang\n", "is a number"),
        ("district,population,Who\n110105,2000,1\n", "is a number"),
        ("district,people\n110105,2000\n", "a key and a column population"),
        ("code,population\n110105,2000\n", "a key and a column population"),
        (f"district,population\n{RESIDENTS[0]},2000\n", "an identifier"),
        (f"district,population,phone\n110105,2000,{MOBILES[0]}\n", "an identifier"),
        ("district,population\n", "too few or too many"),
    ],
)
def test_a_table_that_may_describe_a_person_is_refused(text: str, says: str) -> None:
    frame = pl.read_csv(text.encode(), infer_schema=False)
    with pytest.raises(ContractError, match=says) as refusal:
        check_districts(frame, "district")
    assert not {RESIDENTS[0], MOBILES[0], "Wang"} & {str(v) for v in refusal.value.fields.values()}
