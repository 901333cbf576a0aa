"""Stored states move exactly as the state tables say: every pair is tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from itertools import product
from typing import Any

import pytest
from fakes.ops_rows import a_model, a_release, a_request

from service.adapters.sql import tables
from service.domain import models, releases, requests
from service.errors import ConflictError
from service.ports import Ops


def pairs(following: Mapping[Any, frozenset[Any]]) -> list[tuple[Any, Any, bool]]:
    """Every pair of states, and whether the second may be saved over the first."""
    return [(a, b, a == b or b in following[a]) for a, b in product(following, following)]


def outcome(save: Any, value: object) -> bool:
    """Whether the save was accepted."""
    try:
        save(value)
    except ConflictError:
        return False
    return True


def test_release_states(ops: Ops) -> None:
    with ops() as tx:
        for number, (stored, wanted, allowed) in enumerate(pairs(releases.NEXT)):
            tx.releases.add(a_release(id=f"{number}", state=stored))
            saved = outcome(tx.releases.save, a_release(id=f"{number}", state=wanted, data_version="a@1"))
            assert saved is allowed
            assert tx.releases.get(f"{number}").state is (wanted if allowed else stored)


def test_request_states(ops: Ops) -> None:
    with ops() as tx:
        for number, (stored, wanted, allowed) in enumerate(pairs(requests.NEXT)):
            tx.requests.add(a_request(id=f"{number}", state=stored))
            assert outcome(tx.requests.save, a_request(id=f"{number}", state=wanted, steps="a")) is allowed
            assert tx.requests.get(f"{number}").state is (wanted if allowed else stored)


def test_model_states(ops: Ops) -> None:
    with ops() as tx:
        for number, (stored, wanted, allowed) in enumerate(pairs(models.NEXT)):
            tx.models.add(a_model(version=number, state=stored))
            assert outcome(tx.models.save, a_model(version=number, state=wanted)) is allowed
            assert tx.models.get("credit", number).state is (wanted if allowed else stored)


@pytest.mark.parametrize("following", [releases.NEXT, requests.NEXT, models.NEXT])
def test_every_state_has_an_entry_and_no_way_back(following: Mapping[StrEnum, frozenset[StrEnum]]) -> None:
    states = type(next(iter(following)))
    assert set(following) == set(states)

    def reach(state: StrEnum) -> set[StrEnum]:
        return set().union(*({after} | reach(after) for after in following[state]))

    assert all(state not in reach(state) for state in following)


def test_a_save_that_ignores_the_state_table_would_be_caught(ops: Ops) -> None:
    mutant = dict.fromkeys(releases.NEXT, frozenset(releases.NEXT))
    assert [p for p in pairs(mutant) if p not in pairs(releases.NEXT)] != []


@pytest.mark.parametrize(
    ("table", "domain"),
    [
        (tables.RELEASE, releases.Release),
        (tables.RIGHTS_REQUEST, requests.RightsRequest),
        (tables.MODEL, models.Model),
    ],
)
def test_tables_hold_every_field_of_their_type(table: Any, domain: Any) -> None:
    assert set(table.columns.keys()) == {field.name for field in fields(domain)}
