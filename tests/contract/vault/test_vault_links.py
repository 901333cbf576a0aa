"""Links between subjects: kept, replaced, gone with either end; and who is restricted with whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fakes.vaults import VaultHome, enrol, person

from service.adapters.sql.vault import SqlVault
from service.domain.links import Link, LinkState
from service.errors import FiduciaryError

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)


def link(a: int, b: int, state: LinkState = LinkState.MERGED) -> Link:
    return Link(
        f"{a:016x}{b:016x}", a, b, state, 930, ("email:close", "name:exact"), "user:dana", AT, "DPIA-1"
    )


def test_a_link_is_read_as_it_was_saved_and_the_newest_decision_stands(
    vault: SqlVault, home: VaultHome
) -> None:
    a, b = enrol(vault, 1, 2)
    vault.save_links([link(a, b)])
    assert home.open().links() == (link(a, b),)
    undone = replace(link(a, b), state=LinkState.UNDONE)
    vault.save_links([undone])
    assert vault.links() == (undone,)


def test_a_merge_without_an_assessment_cannot_be_stored(vault: SqlVault) -> None:
    a, b = enrol(vault, 1, 2)
    for bad in (replace(link(a, b), dpia=""), link(a, a), link(a, 99)):
        with pytest.raises(FiduciaryError):
            vault.save_links([bad])
    assert vault.links() == ()


def test_restriction_holds_for_all_of_a_person_while_merged(vault: SqlVault) -> None:
    a, b, c, d = enrol(vault, 1, 2, 3, 4)
    vault.save_links([link(a, b), link(b, c), link(c, d, LinkState.PROPOSED)])
    before = vault.standing()
    vault.restrict(c)
    assert vault.restricted() == {a, b, c}
    assert vault.standing() != before
    vault.save_links([link(b, c, LinkState.UNDONE)])
    assert vault.restricted() == {c}


def test_a_destroyed_subject_takes_its_links_along(vault: SqlVault) -> None:
    a, b, c = enrol(vault, 1, 2, 3)
    vault.save_links([link(a, b), link(b, c), link(a, c, LinkState.REJECTED)])
    vault.destroy(b)
    assert vault.links() == (link(a, c, LinkState.REJECTED),)


def test_all_identifiers_are_read_of_the_living_and_of_those_named(vault: SqlVault) -> None:
    a, b, c = enrol(vault, 1, 2, 3)
    vault.destroy(b)
    (everyone,) = vault.identifiers()
    assert set(everyone) == {a, c}
    assert everyone[a] == {**{k: v for k, v in person(1).items() if k != "bank_card"}, "name": "Person 1"}
    assert [list(block) for block in vault.identifiers([c, b])] == [[c]]
