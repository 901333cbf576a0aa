"""Every cell of the decision matrix against an independent oracle, and every rule against its mutants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

import pytest
from fakes import access_oracle as oracle
from fakes.access_oracle import Cell
from fakes.policy_examples import failing_examples, load_examples

from policies.enforcer import Enforcer
from policies.loader import load_policies
from policies.model import ANY_PURPOSE, CLASSES, AccessRequest, PolicyBundle, Rule

BUNDLE = load_policies()
CELLS = {
    permission: tuple(cells)
    for permission, cells in groupby(oracle.cells(), key=lambda cell: cell.permission)
}


def ask(enforcer: Enforcer, cell: Cell) -> tuple[bool, str]:
    resource, _, action = cell.permission.partition(":")
    decision = enforcer.decide(
        AccessRequest(
            actor="user:ann",
            roles=cell.roles,
            resource=resource,
            action=action,
            data_class=cell.data_class,
            purpose=cell.purpose,
            facts=cell.facts,
        )
    )
    return decision.allow, decision.reason


@pytest.mark.parametrize("permission", sorted(BUNDLE.permissions))
def test_every_cell_is_decided_as_the_oracle_says(permission: str) -> None:
    enforcer = Enforcer(BUNDLE)
    assert [cell for cell in CELLS[permission] if ask(enforcer, cell) != oracle.decide(cell)] == []


def test_every_example_is_decided_as_written() -> None:
    assert failing_examples(BUNDLE, load_examples()) == ()


def test_the_matrix_has_cells_of_every_outcome() -> None:
    outcomes = {oracle.decide(cell)[1] for cells in CELLS.values() for cell in cells}
    assert outcomes == {
        "allowed",
        "no_rule",
        "purpose_not_granted",
        "class_too_high",
        "condition_failed",
        "denied_by_rule",
    }


def mutants(rule: Rule) -> Iterator[tuple[str, Rule | None]]:
    """The rule dropped, turned round, wider and narrower in every field."""
    yield "dropped", None
    yield "turned", replace(rule, eft="deny" if rule.eft == "allow" else "allow")
    for code in ("-", *BUNDLE.purposes):
        if code not in rule.purposes and ANY_PURPOSE not in rule.purposes:
            yield f"also for {code}", replace(rule, purposes=(*rule.purposes, code))
    if len(rule.purposes) > 1:
        for code in rule.purposes:
            yield f"not for {code}", replace(rule, purposes=tuple(p for p in rule.purposes if p != code))
    for data_class in CLASSES:
        if data_class != rule.max_class:
            yield f"up to {data_class}", replace(rule, max_class=data_class)
    other = "none" if rule.condition != "none" else "not_requester"
    yield f"condition {other}", replace(rule, condition=other)


def survives(rule: Rule, mutant: Rule | None) -> bool:
    """Whether no cell shows the change. Rules about other permissions cannot match and are left out."""
    rules = [mutant if r.id == rule.id else r for r in BUNDLE.rules if r.permission == rule.permission]
    kept = tuple(r for r in rules if r is not None)
    others = tuple(r for r in BUNDLE.rules if r.permission != rule.permission)
    enforcer = Enforcer(replace(BUNDLE, rules=kept or others))
    nearest_first = sorted(CELLS[rule.permission], key=lambda cell: rule.role not in cell.roles)
    return all(ask(enforcer, cell) == oracle.decide(cell) for cell in nearest_first)


@pytest.mark.parametrize("permission", sorted(BUNDLE.permissions))
def test_no_mutant_of_a_rule_survives(permission: str) -> None:
    survivors = [
        (rule.id, name)
        for rule in BUNDLE.rules
        if rule.permission == permission
        for name, mutant in mutants(rule)
        if survives(rule, mutant)
    ]
    assert survivors == []


def test_the_mutation_test_notices_a_change_that_does_nothing() -> None:
    rule = BUNDLE.rules[0]
    assert survives(rule, rule)


def test_a_rule_set_without_the_four_eyes_condition_fails_an_example() -> None:
    def weaker(bundle: PolicyBundle) -> PolicyBundle:
        return replace(bundle, rules=tuple(replace(rule, condition="none") for rule in bundle.rules))

    assert len(failing_examples(weaker(BUNDLE), load_examples())) == 2
