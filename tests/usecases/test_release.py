"""Aggregates from preview to answer, on real stores."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from fakes.aggregates import PURPOSE, SMALL, approved, digest, logged, spent, stored
from fakes.house import House

from service.demo.run import PLAN
from service.domain.actors import Actor
from service.domain.contracts import DatasetContract
from service.domain.releases import ReleaseState
from service.errors import BudgetExceededError, ConflictError, DeniedError, UnknownError, UsageError
from service.usecases.audience import audience
from service.usecases.ingest import ingest
from service.usecases.question import budget_scopes, public_facts, read_question
from service.usecases.release import (
    approve_aggregate,
    preview_aggregate,
    request_aggregate,
    run_aggregate,
)
from service.usecases.tags import PEOPLE
from service.usecases.users import add_user


def test_the_main_question_is_answered_with_intervals(house: House) -> None:
    ann = house.actor("ann")
    release = run_aggregate(approved(house, PLAN).id, actor=ann, deps=house.deps)
    answer = json.loads(release.answer)
    assert release.state is ReleaseState.RELEASED
    assert answer["keys"] == ["month", "customers.education"]
    assert len(answer["cells"]) == 6 * 5
    for cell in answer["cells"]:
        for measure in answer["measures"]:
            figure = cell[measure]
            assert figure["low"] <= figure["value"] <= figure["high"]
    assert (answer["rho"], answer["epsilon"], answer["delta_exponent"]) == (release.rho, 1_000_000, 7)
    assert answer["data_version"] == release.data_version == "customers@1,statements@1"
    assert answer["plan"] == json.loads(release.plan)


def test_counts_are_near_the_truth(house: House) -> None:
    plan = {**SMALL, "epsilon": 2_000_000}
    release = run_aggregate(approved(house, plan).id, actor=house.actor("ann"), deps=house.deps)
    truth = house.deps.events.scan("statements").collect().group_by("month").len()
    exact = {month.strftime("%Y-%m"): n for month, n in truth.rows()}
    for cell in json.loads(release.answer)["cells"]:
        assert abs(cell["count"]["value"] - exact[cell["month"]]) < 60  # 9 sigma


def test_a_preview_costs_nothing_and_tells_the_cost(house: House) -> None:
    before = len(list(house.deps.audit.entries()))
    preview = preview_aggregate(PLAN, actor=house.actor("ann"), deps=house.deps)
    document = json.loads(json.dumps(preview.document()))
    assert 20_000 < document["rho"] < 20_300
    assert [line["scope"] for line in document["scopes"]] == [
        "dataset:customers", "dataset:statements", "actor:user:ann"
    ]  # fmt: skip
    assert document["affordable"]
    assert [a["measure"] for a in document["accuracy"]] == ["count", "sum:bill_cents", "mean:bill_cents"]
    assert document["bounds"] == {"bill_cents": [-2_000_000, 50_000_000]}
    assert spent(house) == 0
    assert len(list(house.deps.audit.entries())) == before


def test_the_previewed_half_width_is_the_one_of_the_answer(house: House) -> None:
    preview = preview_aggregate(SMALL, actor=house.actor("ann"), deps=house.deps)
    release = run_aggregate(approved(house).id, actor=house.actor("ann"), deps=house.deps)
    for cell in json.loads(release.answer)["cells"]:
        count = cell["count"]
        assert abs((count["high"] - count["low"]) / 2 - preview.accuracy[0].half_width) <= 1


def test_a_preview_shows_what_was_spent(house: House) -> None:
    ann = house.actor("ann")
    release = run_aggregate(approved(house).id, actor=ann, deps=house.deps)
    costly = {**SMALL, "epsilon": 4_000_000}
    preview = preview_aggregate(costly, actor=ann, deps=house.deps, purpose=PURPOSE)
    assert {line.spent for line in preview.scopes} == {release.rho}
    assert not preview.document()["affordable"]


def test_a_release_is_logged_with_everything_it_stands_on(house: House) -> None:
    release = run_aggregate(approved(house).id, actor=house.actor("ann"), deps=house.deps)
    (entry,) = logged(house, "aggregate:release")
    assert entry.id == release.entry
    assert (entry.actor, entry.role, entry.purpose) == ("user:ann", "analyst", PURPOSE)
    assert (entry.basis, entry.policy) == ("legal_obligation", house.deps.policy.bundle.digest)
    assert (entry.rho, entry.subjects, entry.payload) == (release.rho, 0, digest(release.answer))
    detail = dict(entry.detail)
    assert (house.deps.home / PEOPLE / entry.id).stat().st_size == 8 * 300
    assert str(detail.pop("people")).startswith("sha256:")
    assert detail == {"plan": release.plan_digest, "data_version": release.data_version}


def test_asking_again_returns_the_stored_answer_at_no_cost(house: House) -> None:
    ann = house.actor("ann")
    release = run_aggregate(approved(house).id, actor=ann, deps=house.deps)
    paid = spent(house)
    assert run_aggregate(release.id, actor=ann, deps=house.deps) == release
    assert request_aggregate(SMALL, PURPOSE, actor=ann, deps=house.deps) == release
    turned = {**SMALL, "periods": list(reversed(SMALL["periods"]))}
    assert request_aggregate(turned, PURPOSE, actor=ann, deps=house.deps) == release
    assert spent(house) == paid
    assert [e.rho for e in logged(house, "aggregate:replay")] == [0, 0, 0]


def test_two_approved_requests_of_one_plan_are_paid_once(house: House) -> None:
    first, second = approved(house), approved(house)
    ann = house.actor("ann")
    answer = run_aggregate(first.id, actor=ann, deps=house.deps)
    assert run_aggregate(second.id, actor=ann, deps=house.deps) == answer
    assert spent(house) == first.rho


def test_a_new_data_version_is_a_new_release(house: House) -> None:
    ann, dana = house.actor("ann"), house.actor("dana")
    first = run_aggregate(approved(house).id, actor=ann, deps=house.deps)
    header, row, *_ = (house.source / "statements.csv").read_text(encoding="utf-8").splitlines()
    late = house.source / "late.csv"
    late.write_text(f"{header}\n{row}\n", encoding="utf-8")
    ingest(late, "statements", actor=dana, deps=house.deps)
    second = run_aggregate(approved(house).id, actor=ann, deps=house.deps)
    assert second.id != first.id
    assert second.data_version != first.data_version
    assert spent(house) == 2 * first.rho


def test_another_person_must_approve(house: House) -> None:
    asked = request_aggregate(SMALL, PURPOSE, actor=house.actor("ann"), deps=house.deps)
    both = Actor("user:ann", frozenset({"analyst", "privacy_officer"}))
    for actor in (house.actor("ann"), both):
        with pytest.raises(DeniedError):
            approve_aggregate(asked.id, actor=actor, deps=house.deps)
    with pytest.raises(ConflictError):
        run_aggregate(asked.id, actor=house.actor("ann"), deps=house.deps)
    assert stored(house, asked.id).state is ReleaseState.REQUESTED
    assert [e.decision for e in logged(house, "aggregate:approve")] == ["deny", "deny"]


def test_an_approval_happens_once(house: House) -> None:
    release = approved(house)
    assert (release.approver, release.state) == ("user:paul", ReleaseState.APPROVED)
    with pytest.raises(ConflictError):
        approve_aggregate(release.id, actor=house.actor("paul"), deps=house.deps)


def test_a_colleague_of_the_same_role_may_run_it_and_the_requester_pays(house: House) -> None:
    release = approved(house)
    bob = Actor("user:bob", frozenset({"analyst"}))
    add_user(bob, actor=Actor("user:admin", frozenset({"admin"})), deps=house.deps)
    run_aggregate(release.id, actor=bob, deps=house.deps)
    assert spent(house, "actor:user:ann") == release.rho
    assert spent(house, "actor:user:bob") == 0


@pytest.mark.parametrize("name", ["paul", "cora", "dana", "aud", "rita"])
def test_nobody_else_may_run_it(house: House, name: str) -> None:
    release = approved(house)
    with pytest.raises(DeniedError):
        run_aggregate(release.id, actor=house.actor(name), deps=house.deps)
    assert (spent(house), logged(house, "aggregate:run")[-1].decision) == (0, "deny")


def test_a_request_beyond_the_budget_says_what_is_left(house: House) -> None:
    ann = house.actor("ann")
    first = run_aggregate(approved(house).id, actor=ann, deps=house.deps)
    costly = approved(house, {**SMALL, "epsilon": 9_000_000})
    with pytest.raises(BudgetExceededError) as refused:
        run_aggregate(costly.id, actor=ann, deps=house.deps)
    fields = refused.value.fields
    assert refused.value.exit_code == 4
    assert (fields["scope"], fields["left"]) == ("actor:user:ann", 100_000 - first.rho)
    assert fields["requested"] == costly.rho
    assert stored(house, costly.id).state is ReleaseState.APPROVED
    assert spent(house) == first.rho
    entry = logged(house, "aggregate:run")[-1]
    assert (entry.decision, dict(entry.detail)["reason"]) == ("deny", "budget_exceeded")


def test_the_budget_runs_out_exactly(house: House) -> None:
    ann = house.actor("ann")
    releases = [approved(house, {**SMALL, "epsilon": 1_000_000 + n}) for n in range(5)]
    price = releases[0].rho
    for release in releases[: 100_000 // price]:
        run_aggregate(release.id, actor=ann, deps=house.deps)
    with pytest.raises(BudgetExceededError):
        run_aggregate(releases[100_000 // price].id, actor=ann, deps=house.deps)
    assert spent(house, "actor:user:ann") <= 100_000


def test_a_consent_purpose_reads_only_those_who_consented(house: House) -> None:
    plan = {**SMALL, "dataset": "customers", "keys": [], "periods": []}
    ann = house.actor("ann")
    counts = {}
    for purpose in (PURPOSE, "value_segmentation"):
        release = run_aggregate(approved(house, plan, purpose).id, actor=ann, deps=house.deps)
        counts[purpose] = json.loads(release.answer)["cells"][0]["count"]["value"]
    assert release.data_version == "customers@1,consent@value_segmentation"
    consented = audience("value_segmentation", house.deps).height
    stock = house.deps.events.scan("customers").select(pl.len()).collect().item()
    assert consented + 40 < stock  # 8 sigma apart
    assert abs(counts["value_segmentation"] - consented) < 40
    assert abs(counts[PURPOSE] - stock) < 40


def test_a_restricted_customer_is_left_out(house: House) -> None:
    plan = {**SMALL, "dataset": "customers", "keys": [], "periods": []}
    for subject in house.deps.vault.pseudonyms()["_subject"].to_list():
        house.deps.vault.restrict(subject)
    release = run_aggregate(approved(house, plan).id, actor=house.actor("ann"), deps=house.deps)
    assert json.loads(release.answer)["cells"][0]["count"]["value"] < 40


def test_data_is_used_for_what_it_was_collected_for(house: House) -> None:
    ann = house.actor("ann")
    with pytest.raises(DeniedError) as refused:
        request_aggregate(SMALL, "service_improvement", actor=ann, deps=house.deps)
    assert refused.value.fields["why"] == "not_collected_for_purpose"
    assert logged(house, "aggregate:request")[-1].decision == "deny"


@pytest.mark.parametrize("purpose", ["marketing", "", "credit_scoring"])
def test_an_unknown_or_ungranted_purpose_is_refused(house: House, purpose: str) -> None:
    with pytest.raises(DeniedError):
        request_aggregate(SMALL, purpose, actor=house.actor("ann"), deps=house.deps)


@pytest.mark.parametrize(
    ("change", "why", "at"),
    [
        ({"measures": ["median:bill_cents"]}, "plan_syntax", "measures[0]"),
        ({"keys": ["customers.sex"]}, "not_a_category", "keys[0]"),
        ({"keys": ["customers.resident_id"]}, "unknown_column", "keys[0]"),
        ({"dataset": "payroll"}, "unknown_table", "dataset"),
        ({"epsilon": 10}, "privacy_loss", "epsilon"),
    ],
)
def test_a_plan_that_cannot_be_answered_says_where(
    house: House, change: dict[str, Any], why: str, at: str
) -> None:
    with pytest.raises(UsageError) as refused:
        request_aggregate({**PLAN, **change}, PURPOSE, actor=house.actor("ann"), deps=house.deps)
    assert refused.value.fields == {"why": why, "at": at}


def test_who_may_not_ask_does_not_learn_what_exists(house: House) -> None:
    for plan in (SMALL, {**SMALL, "dataset": "payroll"}):
        with pytest.raises(DeniedError):
            request_aggregate(plan, PURPOSE, actor=house.actor("dana"), deps=house.deps)


def test_unknown_releases_are_unknown(house: House) -> None:
    with pytest.raises(UnknownError):
        run_aggregate("0" * 32, actor=house.actor("ann"), deps=house.deps)


def contracts(house: House) -> tuple[DatasetContract, ...]:
    with house.deps.ops() as tx:
        return tx.datasets.all()


def test_a_dataset_without_a_declared_budget_cannot_be_spent_from(house: House) -> None:
    question = read_question(PLAN, contracts(house))
    rules = [r for r in house.deps.policy.bundle.budgets if r.scope != "dataset:statements"]
    with pytest.raises(UnknownError) as refused:
        budget_scopes(question.query.datasets, "user:ann", "analyst", rules)
    assert refused.value.fields["scope"] == "dataset:statements"


def test_protected_attributes_and_identifiers_are_no_keys(house: House) -> None:
    facts = {c.name: public_facts(c) for c in contracts(house)}
    assert set(facts["customers"].categories) == {"education", "age_band", "default_next_month"}
    assert {"sex", "marriage"} <= facts["customers"].columns
    assert not {"resident_id", "name", "mobile", "email", "card_no"} & facts["customers"].columns


def test_the_class_of_a_question_is_the_highest_it_touches(house: House) -> None:
    assert read_question(PLAN, contracts(house)).data_class == "C2"
    bare = {**PLAN, "dataset": "customers", "keys": [], "measures": ["count"], "periods": []}
    assert read_question(bare, contracts(house)).data_class == "C1"


def test_time_does_not_refill_a_budget(house: House) -> None:
    run_aggregate(approved(house).id, actor=house.actor("ann"), deps=house.deps)
    before = spent(house)
    house.clock.advance(timedelta(days=400))
    preview_aggregate(SMALL, actor=house.actor("ann"), deps=house.deps)
    assert spent(house) == before > 0
