"""Profiles, the credit model and scores on a real service: who may, who may not, and what is written down."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from fakes.house import House, furnish, move_in
from fakes.scorecards import assess
from fakes.vaults import purpose_pseudonyms

from audit.entry import Entry
from service.domain.models import ModelState
from service.domain.requests import Right
from service.errors import (
    BudgetExceededError,
    ConflictError,
    DeniedError,
    FiduciaryError,
    UnknownError,
    UsageError,
)
from service.scoring.scorecard import PROTECTED, parse_scorecard
from service.usecases.audience import audience, find_subject, storage_pseudonym
from service.usecases.consent import withdraw
from service.usecases.model import approve_model, train_model
from service.usecases.profile import build_profiles, load_behaviour, read_profile
from service.usecases.rights import run_request
from service.usecases.score import Assessment, build_scores, score_customer

SCORING, SEGMENTS = "credit_scoring", "value_segmentation"


@pytest.fixture(scope="module")
def model_house(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = furnish(tmp_path_factory.mktemp("house"), customers=400)
    train_model(actor=house.actor("max"), deps=house.deps)
    approve_model("credit", 1, actor=house.actor("paul"), deps=house.deps)
    build_profiles(actor=house.actor("max"), deps=house.deps)
    build_scores(actor=house.actor("max"), deps=house.deps)
    return house


@pytest.fixture
def house(model_house: House, tmp_path: Path) -> House:
    return move_in(model_house, tmp_path)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> House:
    return furnish(tmp_path_factory.mktemp("bare"), customers=120)


def read(house: House, email: str, who: str = "rita") -> Assessment:
    return score_customer(SCORING, id_type="email", value=email, actor=house.actor(who), deps=house.deps)


def entries(house: House, event: str) -> list[Entry]:
    return [e for _, e in house.deps.audit.entries() if e.type == event]


def subject_of(house: House, email: str) -> int:
    return find_subject(SCORING, id_type="email", value=email, pseudonym="", deps=house.deps)


def with_profile(house: House) -> str:
    """A customer who consented to both scoring and value analysis."""
    members = house.deps.events.scan("derived_profile").select("_sp").collect()["_sp"].to_list()
    return next(e for e in house.emails if storage_pseudonym(subject_of(house, e), house.deps) in members)


def test_a_score_comes_with_four_reasons_and_one_entry(house: House) -> None:
    got = read(house, house.emails[0])
    assert len(got.reasons) == 4
    assert all(r.zh and r.en for r in got.reasons)
    entry = entries(house, "score:read")[-1]
    assert (entry.subjects, entry.purpose, entry.basis, entry.decision) == (1, SCORING, "consent", "allow")
    assert len(entry.tag) == 32


def test_the_served_score_is_the_models_own(house: House) -> None:
    email = with_profile(house)
    with house.deps.ops() as tx:
        card = parse_scorecard(tx.models.get("credit").document)
    pseudonym = storage_pseudonym(subject_of(house, email), house.deps)
    features = house.deps.events.read_subject("derived_profile", pseudonym)
    one = assess(card, features.row(0, named=True))
    got = read(house, email)
    assert (got.score, got.grade) == (one.score, one.grade)
    assert [(r.code, r.lost) for r in got.reasons] == [(r.code, r.lost) for r in one.reasons]


def test_the_purposes_pseudonym_finds_the_same_customer(house: House) -> None:
    email = house.emails[1]
    subject = subject_of(house, email)
    mine, other = (
        purpose_pseudonyms(house.deps.vault, house.deps.keyring, [subject], purpose)[0].hex()
        for purpose in (SCORING, SEGMENTS)
    )
    rita = house.actor("rita")
    assert score_customer(SCORING, pseudonym=mine, actor=rita, deps=house.deps) == read(house, email)
    with pytest.raises(UnknownError):
        score_customer(SCORING, pseudonym=other, actor=rita, deps=house.deps)


def test_two_reads_of_one_customer_cannot_be_linked_in_the_log(house: House) -> None:
    for _ in range(2):
        read(house, house.emails[0])
    tags = [e.tag for e in entries(house, "score:read")]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("who", ["ann", "max", "paul", "cora", "dana", "aud"])
def test_nobody_but_the_risk_officer_reads_scores(house: House, who: str) -> None:
    with pytest.raises(DeniedError):
        read(house, house.emails[0], who)
    assert entries(house, "score:read")[-1].decision == "deny"


@pytest.mark.parametrize("purpose", [SEGMENTS, "regulatory_reporting", "marketing", ""])
def test_a_score_is_not_served_for_another_purpose(house: House, purpose: str) -> None:
    with pytest.raises(DeniedError):
        score_customer(
            purpose, id_type="email", value=house.emails[0], actor=house.actor("rita"), deps=house.deps
        )


def test_an_objection_to_automated_decisions_stops_reading_and_building(house: House) -> None:
    email = house.emails[0]
    run_request(house.decided(Right.OBJECTION, email), actor=house.actor("cora"), deps=house.deps)
    with pytest.raises(DeniedError) as caught:
        read(house, email)
    assert caught.value.fields["why"] == "objected_to_automated_decision"
    assert dict(entries(house, "score:read")[-1].detail)["reason"] == "objected_to_automated_decision"
    before = house.deps.events.scan("derived_score_credit").collect().height
    assert build_scores(actor=house.actor("max"), deps=house.deps).customers == before - 1


def test_a_withdrawn_consent_is_effective_at_the_next_read(house: House) -> None:
    email = house.emails[0]
    read(house, email)
    house.clock.advance(timedelta(seconds=1))
    withdraw("email", email, SCORING, actor=house.actor("dana"), deps=house.deps)
    with pytest.raises(DeniedError) as caught:
        read(house, email)
    assert caught.value.fields["why"] == "withdrawn"


def test_a_restricted_customer_is_out_of_every_audience(house: House) -> None:
    email = house.emails[0]
    subject = subject_of(house, email)
    house.deps.vault.restrict(subject)
    for purpose in house.deps.policy.bundle.purposes:
        assert subject not in audience(purpose, house.deps)["_subject"].to_list()
    with pytest.raises(DeniedError):
        read(house, email)


@pytest.mark.parametrize(
    ("id_type", "value", "pseudonym", "error"),
    [
        ("email", "nobody@example.org", "", UnknownError),
        ("email", "not an address", "", UsageError),
        ("shoe_size", "44", "", UsageError),
        ("email", "", "", UsageError),
        ("email", "", "zz", UsageError),
        ("email", "", "00", UsageError),
        ("email", "", "00" * 16, UnknownError),
        ("email", "a@example.org", "00" * 16, UsageError),
    ],
)
def test_a_wrong_address_is_refused_without_echo(
    house: House, id_type: str, value: str, pseudonym: str, error: type[FiduciaryError]
) -> None:
    with pytest.raises(error) as caught:
        score_customer(
            SCORING,
            id_type=id_type,
            value=value,
            pseudonym=pseudonym,
            actor=house.actor("rita"),
            deps=house.deps,
        )
    assert not value or value not in str(caught.value)


def test_without_an_approved_model_nobody_is_scored(bare: House, tmp_path: Path) -> None:
    house = move_in(bare, tmp_path)
    with pytest.raises(ConflictError):
        build_scores(actor=house.actor("max"), deps=house.deps)
    train_model(actor=house.actor("max"), deps=house.deps)
    with pytest.raises(ConflictError, match="no model is approved"):
        read(house, house.emails[0])


def test_a_new_model_makes_old_scores_stale(house: House) -> None:
    train_model(actor=house.actor("max"), deps=house.deps)
    approve_model("credit", 2, actor=house.actor("paul"), deps=house.deps)
    with house.deps.ops() as tx:
        assert tx.models.get("credit", 1).state is ModelState.RETIRED
    with pytest.raises(ConflictError, match="another model"):
        read(house, house.emails[0])


def test_a_model_is_never_approved_by_its_trainer_nor_twice(house: House) -> None:
    train_model(actor=house.actor("max"), deps=house.deps)
    both = replace(house.actor("max"), roles=frozenset({"modeller", "privacy_officer"}))
    with pytest.raises(DeniedError):
        approve_model("credit", 2, actor=both, deps=house.deps)
    approve_model("credit", 2, actor=house.actor("paul"), deps=house.deps)
    with pytest.raises(ConflictError):
        approve_model("credit", 2, actor=house.actor("paul"), deps=house.deps)
    with pytest.raises(UnknownError):
        approve_model("credit", 9, actor=house.actor("paul"), deps=house.deps)


def test_training_is_paid_and_logged_and_stops_at_the_cap(bare: House, tmp_path: Path) -> None:
    house = move_in(bare, tmp_path)
    model = train_model(actor=house.actor("max"), deps=house.deps)
    with house.deps.ops() as tx:
        spent = {line.scope: line.spent for line in tx.budget.lines()}
    assert spent == dict.fromkeys(("actor:user:max", "dataset:customers", "dataset:statements"), model.rho)
    assert [e.rho for e in entries(house, "model:train")] == [model.rho]
    with pytest.raises(BudgetExceededError):
        train_model(actor=house.actor("max"), deps=house.deps, epsilon_micro=3_000_000)
    with house.deps.ops() as tx:
        assert {line.scope: line.spent for line in tx.budget.lines()} == spent
        assert len(tx.models.all()) == 1
    with pytest.raises(UsageError):
        train_model(actor=house.actor("max"), deps=house.deps, epsilon_micro=0)


def test_protected_attributes_reach_neither_the_model_nor_the_reader(house: House) -> None:
    with house.deps.ops() as tx:
        document = json.loads(tx.models.get("credit").document)
    assert PROTECTED.isdisjoint(f["name"] for f in document["features"])
    for frame in load_behaviour(audience(SCORING, house.deps), house.deps):
        assert PROTECTED.isdisjoint(frame.columns)


def test_profiles_hold_exactly_those_who_consented(house: House) -> None:
    allowed = audience(SEGMENTS, house.deps)["_sp"]
    table = house.deps.events.scan("derived_profile").collect()
    assert table["_sp"].is_in(allowed.implode()).all()
    assert table["_sp"].n_unique() == table.height
    buckets = [house.deps.events.bucket_of(sp) for sp in table["_sp"].to_list()]
    assert table["_bucket"].to_list() == buckets


def test_a_profile_is_read_by_an_analyst_and_by_nobody_else(house: House) -> None:
    email = with_profile(house)
    got = read_profile(id_type="email", value=email, actor=house.actor("ann"), deps=house.deps)
    assert got.segment in {"high_value", "growing", "steady", "low_activity", "at_risk"}
    entry = entries(house, "profile:read")[-1]
    assert (entry.subjects, entry.purpose, entry.basis, len(entry.tag)) == (1, SEGMENTS, "consent", 32)
    with pytest.raises(DeniedError):
        read_profile(id_type="email", value=email, actor=house.actor("rita"), deps=house.deps)
    house.clock.advance(timedelta(seconds=1))
    withdraw("email", email, SEGMENTS, actor=house.actor("dana"), deps=house.deps)
    with pytest.raises(DeniedError):
        read_profile(id_type="email", value=email, actor=house.actor("ann"), deps=house.deps)


def test_an_earlier_as_of_date_uses_no_later_month(house: House) -> None:
    first = house.deps.events.scan("statements").select(pl.col("month").min()).collect().item()
    build_profiles(actor=house.actor("max"), deps=house.deps, as_of=first)
    assert house.deps.events.scan("derived_profile").collect()["months"].to_list()[:3] == [1, 1, 1]
