"""Contracts in force: what they name exists, and a new version fits the rows that are there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.batches import ledger_contract
from fakes.clock import FakeClock
from fakes.contract_documents import format_contract
from fakes.intake import ANALYST, STEWARD, entries_of, open_intake

from policies.loader import load_policies
from service.demo.generate import CONTRACTS
from service.domain.contracts import Column, DatasetContract, Kind, Role
from service.errors import ConflictError, ContractError, DeniedError
from service.ports import Deps
from service.usecases.datasets import add_dataset, check_contract, check_features, check_successor
from service.wiring import load_contract

LEDGER = ledger_contract()
EXTRA = Column("channel", Role.FREE_TEXT, Kind.STRING, "C2")


@pytest.fixture
def deps(tmp_path: Path, clock: FakeClock) -> Deps:
    """A service with the demo's three datasets."""
    return open_intake(tmp_path / "home", clock)


def added(deps: Deps) -> list[str]:
    """Datasets logged as added."""
    return [entry.resource for entry in entries_of(deps, "dataset:add") if entry.decision == "allow"]


def test_a_contract_is_put_in_force_and_logged(deps: Deps) -> None:
    assert add_dataset(LEDGER, "{}", actor=STEWARD, deps=deps) == LEDGER
    with deps.ops() as tx:
        assert tx.datasets.get("ledger") == LEDGER
    assert added(deps)[-1] == "dataset/ledger"


def test_the_same_contract_again_changes_nothing(deps: Deps) -> None:
    add_dataset(LEDGER, "{}", actor=STEWARD, deps=deps)
    add_dataset(LEDGER, "{}", actor=STEWARD, deps=deps)
    assert added(deps).count("dataset/ledger") == 1


def test_a_draft_is_not_put_in_force(deps: Deps) -> None:
    with pytest.raises(ContractError) as refusal:
        add_dataset(LEDGER, '{"status": "draft"}', actor=STEWARD, deps=deps)
    assert refusal.value.fields["at"] == "/status"
    assert "dataset/ledger" not in added(deps)


def test_a_newer_version_with_the_same_columns_takes_over(deps: Deps) -> None:
    newer = replace(LEDGER, version="1.10.0", digest="sha256:newer", title="Ledger, explained")
    add_dataset(replace(LEDGER, version="1.9.0"), "{}", actor=STEWARD, deps=deps)
    add_dataset(newer, "{}", actor=STEWARD, deps=deps)
    with deps.ops() as tx:
        assert tx.datasets.get("ledger") == newer


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1.0.0"},
        {"version": "0.9.9"},
        {"version": "2.0.0", "columns": (*LEDGER.columns, EXTRA)},
        {"version": "2.0.0", "columns": LEDGER.columns[:2]},
        {"version": "2.0.0", "row_per_subject": True},
        {"version": "2.0.0", "creates_subjects": True},
    ],
)
def test_a_version_that_is_not_newer_or_does_not_fit_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConflictError):
        check_successor(LEDGER, replace(LEDGER, digest="sha256:other", **change))  # type: ignore[arg-type]  # fields by name


def test_a_refused_version_leaves_the_one_in_force(deps: Deps) -> None:
    add_dataset(LEDGER, "{}", actor=STEWARD, deps=deps)
    with pytest.raises(ConflictError):
        add_dataset(replace(LEDGER, digest="sha256:other"), "{}", actor=STEWARD, deps=deps)
    with deps.ops() as tx:
        assert tx.datasets.get("ledger") == LEDGER
    assert added(deps).count("dataset/ledger") == 1


def contracts_that_promise_too_much() -> list[DatasetContract]:
    """Contracts that name what the policies do not know, or hold two identifiers of one type."""
    second = Column("other_card", Role.DIRECT_IDENTIFIER, Kind.STRING, "C2", "bank_card")
    return [
        replace(LEDGER, purposes=("world_domination",)),
        replace(LEDGER, purposes=()),
        replace(LEDGER, retention_class="forever"),
        replace(LEDGER, columns=(*LEDGER.columns, second)),
    ]


@pytest.mark.parametrize("contract", contracts_that_promise_too_much())
def test_a_contract_must_name_what_the_policies_know(contract: DatasetContract) -> None:
    with pytest.raises(ContractError):
        check_contract(contract, frozenset(LEDGER.purposes), frozenset({LEDGER.retention_class}))


def test_adding_needs_permission(deps: Deps) -> None:
    with pytest.raises(DeniedError):
        add_dataset(LEDGER, "{}", actor=ANALYST, deps=deps)
    with deps.ops() as tx:
        assert "ledger" not in {contract.name for contract in tx.datasets.all()}


def described(column: str, **words: object) -> str:
    """The ledger's document with words about one of its columns, or about the table or itself."""
    document = json.loads(json.dumps(format_contract(LEDGER)))
    (table,) = document["schema"]
    places = {"dataset": document, "table": table} | {p["name"]: p for p in table["properties"]}
    places[column].update(words)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("column", "feature", "law"),
    [
        ("wechat_friends", "social_network", "PIPL 6"),
        ("device_contacts", "contacts", "PIPL 6"),
        ("crawler_hits", "crawled", "PIPL 6"),
        ("ip_location", "location", "PIPL 28"),
        ("browsing_minutes", "browsing", "PIPL 6"),
        ("willingness_to_pay", "willingness_to_pay", "PIPL 24(1)"),
    ],
)
def test_a_column_that_no_dataset_may_hold_is_refused_by_name(
    deps: Deps, column: str, feature: str, law: str
) -> None:
    contract = replace(LEDGER, columns=(*LEDGER.columns, replace(EXTRA, name=column)))
    with pytest.raises(ContractError) as refused:
        add_dataset(contract, "{}", actor=STEWARD, deps=deps)
    fields = refused.value.fields
    assert (fields["column"], fields["feature"], fields["law"]) == (column, feature, law)
    with deps.ops() as tx:
        assert "ledger" not in {known.name for known in tx.datasets.all()}


@pytest.mark.parametrize(
    ("place", "words", "column"),
    [
        ("cents", {"description": "What the customer spent while under GPS tracking."}, "cents"),
        ("cents", {"businessName": "电商消费等级"}, "cents"),
        ("table", {"description": "手机通讯录"}, "dataset"),
        ("dataset", {"description": {"purpose": "Prices by willingness to pay."}}, "dataset"),
        ("dataset", {"tags": ["crawler"]}, "dataset"),
    ],
)
def test_descriptions_are_read_too(deps: Deps, place: str, words: dict[str, object], column: str) -> None:
    with pytest.raises(ContractError) as refused:
        add_dataset(LEDGER, described(place, **words), actor=STEWARD, deps=deps)
    assert refused.value.fields["column"] == column


def test_names_and_titles_of_datasets_are_read_too() -> None:
    denied = load_policies().denied
    for contract in (replace(LEDGER, name="social_network"), replace(LEDGER, title="客户行踪")):
        with pytest.raises(ContractError):
            check_features(contract, {}, denied)


def test_the_contracts_of_the_demo_hold_nothing_denied() -> None:
    denied, paths = load_policies().denied, sorted(CONTRACTS.glob("*.yaml"))
    assert len(paths) == 3
    for path in paths:
        contract, document = load_contract(path)
        check_features(contract, json.loads(document), denied)
