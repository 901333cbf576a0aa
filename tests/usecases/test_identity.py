"""One view per customer on real stores: matching, merging, what a merge changes, and undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from fakes.aggregates import PURPOSE, SMALL, approved, logged
from fakes.house import House
from fakes.second_cards import DPIA, bill, customer, enrol_again, everything, merged, subject

from service.domain.links import LinkState
from service.domain.requests import RequestState, Right
from service.errors import ConflictError, DeniedError, UnknownError, UsageError
from service.usecases.access import authorise
from service.usecases.audience import OBJECTED, audience, processable, refusal
from service.usecases.consent import withdraw
from service.usecases.erasure import STEPS, destroy
from service.usecases.identity import list_links, match_people, merge_people, part_link
from service.usecases.package import access_package
from service.usecases.persons import headcount
from service.usecases.profile import PURPOSE as SEGMENTS
from service.usecases.profile import TABLE, build_profiles
from service.usecases.release import request_aggregate, run_aggregate
from service.usecases.rights import run_request
from service.usecases.rows import rows_for_use
from service.usecases.score import TABLE as SCORES

AS_OF = date(2005, 9, 30)


def profiles(house: House) -> pl.DataFrame:
    build_profiles(actor=house.actor("dana"), deps=house.deps, as_of=AS_OF)
    return house.deps.events.scan(TABLE).collect().sort("_sp")


def pseudonym(house: House, number: int) -> bytes:
    return bytes(house.deps.vault.pseudonyms([number]).item(0, "_sp"))


def segmented(house: House) -> tuple[dict[str, str], int]:
    """A customer with a profile and their subject number."""
    known = set(audience("value_segmentation", house.deps)["_subject"].to_list())
    for email in house.emails:
        number = subject(house, "email", email)
        if number in known:
            return customer(house, email), number
    raise AssertionError


def test_a_second_enrolment_is_matched_and_read_as_one_person(house: House) -> None:
    person, main = segmented(house)
    other = enrol_again(house, 1, person)
    bill(house, 1, "2005-09-01", 7_000_000)
    assert other != main
    before = profiles(house)
    people = headcount(house.deps)
    found = match_people(DPIA, actor=house.actor("dana"), deps=house.deps)
    assert (found.merged, found.proposed) == (1, 0)
    assert headcount(house.deps) == people - 1
    after = profiles(house)
    assert after["_sp"].to_list() == before["_sp"].to_list()
    mine = pl.col("_sp") == pl.lit(pseudonym(house, main))
    old, new = before.filter(mine).row(0, named=True), after.filter(mine).row(0, named=True)
    assert new["bill_cents"] > old["bill_cents"]
    assert new["months"] == old["months"]
    assert after.filter(~mine).equals(before.filter(~mine))


def test_rows_that_come_later_under_either_enrolment_are_the_persons(house: House) -> None:
    person, main = segmented(house)
    merged(house, main, enrol_again(house, 1, person))
    before = rows_for_use("statements", house.deps).collect()
    bill(house, 1, "2005-10-01", 100)
    rows = rows_for_use("statements", house.deps).collect()
    mine = pl.col("_sp") == pl.lit(pseudonym(house, main))
    assert rows.filter(mine).height == before.filter(mine).height + 1


def test_an_undone_merge_leaves_everything_as_it_was(house: House) -> None:
    person, main = segmented(house)
    other = enrol_again(house, 1, person)
    bill(house, 1, "2005-09-01", 7_000_000)
    before, rows = profiles(house), everything(house)
    who, used = audience("value_segmentation", house.deps), rows_for_use("statements", house.deps).collect()
    link = merged(house, main, other)
    assert {name: r for name, r in everything(house).items() if name != TABLE} == {
        name: r for name, r in rows.items() if name != TABLE
    }
    assert not profiles(house).equals(before)
    part_link(link.id, actor=house.actor("dana"), deps=house.deps)
    assert profiles(house).equals(before)
    assert everything(house) == rows
    assert audience("value_segmentation", house.deps).equals(who)
    assert rows_for_use("statements", house.deps).collect().equals(used)


def test_a_machine_never_makes_a_parted_pair_again(house: House) -> None:
    person, main = segmented(house)
    link = merged(house, main, enrol_again(house, 1, person))
    part_link(link.id, actor=house.actor("paul"), deps=house.deps)
    assert match_people(DPIA, actor=house.actor("dana"), deps=house.deps).merged == 0
    assert [x.state for x in house.deps.vault.links()] == [LinkState.UNDONE]
    with pytest.raises(ConflictError):
        part_link(link.id, actor=house.actor("paul"), deps=house.deps)
    again = merged(house, link.a, link.b)
    assert (again.id, again.state) == (link.id, LinkState.MERGED)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(house: House) -> None:
    person, _ = segmented(house)
    enrol_again(house, 1, person)
    found = match_people(DPIA, actor=house.actor("dana"), deps=house.deps, dry_run=True)
    assert (found.merged, found.dry_run) == (1, True)
    assert house.deps.vault.links() == ()
    house.deps.audit.seal()
    (entry,) = logged(house, "identity:match")
    assert dict(entry.detail)["dry_run"] == 1


def test_what_is_not_clear_is_left_to_a_person(house: House) -> None:
    person, main = segmented(house)
    enrol_again(house, 1, person, name="欧阳不同", mobile=person["mobile"])
    assert match_people(DPIA, actor=house.actor("dana"), deps=house.deps).merged == 0
    (link,) = list_links(actor=house.actor("paul"), deps=house.deps, state=LinkState.PROPOSED)
    assert link.a == main
    assert link.evidence == ("email:exact", "household:mobile")
    assert headcount(house.deps) == house.deps.vault.pseudonyms().height
    rejected = part_link(link.id, actor=house.actor("paul"), deps=house.deps)
    assert rejected.state is LinkState.REJECTED
    assert match_people(DPIA, actor=house.actor("dana"), deps=house.deps).proposed == 0


def test_a_shared_phone_alone_merges_nobody_not_even_by_hand(house: House) -> None:
    person, main = segmented(house)
    other = enrol_again(house, 1, person, name="欧阳不同", email="a@b.example", mobile=person["mobile"])
    found = match_people(DPIA, actor=house.actor("dana"), deps=house.deps)
    assert (found.merged, found.proposed) == (0, 0)
    with pytest.raises(ConflictError) as refused:
        merged(house, main, other)
    assert refused.value.fields["found"] == "household:mobile"


def test_two_resident_ids_are_two_people_directly_or_through_a_third(house: House) -> None:
    person, main = segmented(house)
    email = next(e for e in house.emails if e != person["email"])
    stranger = subject(house, "email", email)
    with pytest.raises(ConflictError):
        merged(house, main, stranger)
    between = enrol_again(house, 1, person)
    merged(house, main, between)
    with pytest.raises(ConflictError, match="two resident ids"):
        merged(house, stranger, between)


def test_who_merges_needs_the_permission_and_an_impact_assessment(house: House) -> None:
    person, main = segmented(house)
    other = enrol_again(house, 1, person)
    for name in ("ann", "paul", "cora"):
        actor = house.actor(name)
        with pytest.raises(DeniedError):
            merge_people(main, other, DPIA, actor=actor, deps=house.deps)
        with pytest.raises(DeniedError):
            match_people(DPIA, actor=actor, deps=house.deps)
    for dpia in ("", "none at all", "13800000000"):
        with pytest.raises(UsageError):
            merge_people(main, other, dpia, actor=house.actor("dana"), deps=house.deps)
    with pytest.raises(DeniedError):
        list_links(actor=house.actor("ann"), deps=house.deps)
    with pytest.raises(UnknownError):
        part_link("0" * 32, actor=house.actor("dana"), deps=house.deps)
    with pytest.raises(ConflictError):
        merged(house, main, main)
    assert house.deps.vault.links() == ()


def test_the_log_names_kinds_of_evidence_and_no_values(house: House) -> None:
    person, main = segmented(house)
    merged(house, main, enrol_again(house, 1, person))
    house.deps.audit.seal()
    (entry,) = logged(house, "identity:merged")
    assert dict(entry.detail) == {"dpia": DPIA, "evidence": "name:exact,email:exact", "state": "merged"}
    found = house.deps.scanner.scan([person["name"], person["email"], person["mobile"]])
    assert found.hits == ()


def _objects(house: House, number: int) -> None:
    with house.deps.ops() as tx:
        tx.requests.flag(number, OBJECTED, house.clock.now())


STOPS: list[tuple[str, Callable[[House, int], object], str]] = [
    ("restriction", lambda h, n: h.deps.vault.restrict(n), "restricted"),
    ("objection", _objects, "objected_to_automated_decision"),
]


@pytest.mark.parametrize(("stop", "why"), [s[1:] for s in STOPS], ids=[s[0] for s in STOPS])
def test_what_one_enrolment_refuses_holds_for_the_person(
    house: House, stop: Callable[[House, int], object], why: str
) -> None:
    main = subject(house, "email", house.emails[0])
    other = enrol_again(house, 1, customer(house, house.emails[0]))
    link = merged(house, main, other)
    assert refusal(other, "credit_scoring", house.deps) is None  # consent was given under the other one
    stop(house, other)
    assert refusal(main, "credit_scoring", house.deps) == refusal(other, "credit_scoring", house.deps) == why
    assert not {main, other} & set(audience("credit_scoring", house.deps)["_subject"])
    part_link(link.id, actor=house.actor("dana"), deps=house.deps)
    assert refusal(main, "credit_scoring", house.deps) is None


def test_a_withdrawal_through_either_enrolment_ends_the_persons_consent(house: House) -> None:
    person = customer(house, house.emails[0])
    main, other = subject(house, "email", person["email"]), enrol_again(house, 1, person)
    merged(house, main, other)
    assert {main, other} <= set(audience("credit_scoring", house.deps)["_subject"])
    assert (
        withdraw("mobile", "+8613800000001", "credit_scoring", actor=house.actor("cora"), deps=house.deps)
        == 1
    )
    assert refusal(main, "credit_scoring", house.deps) == "withdrawn"
    assert not {main, other} & set(audience("credit_scoring", house.deps)["_subject"])


def test_the_access_copy_holds_every_enrolment(house: House) -> None:
    person, main = segmented(house)
    other = enrol_again(house, 1, person)
    merged(house, main, other)
    package = access_package(other, deps=house.deps)
    rest, rows = package["identifiers_of_merged_enrolments"], package["rows"]
    assert isinstance(rest, list)
    assert isinstance(rows, dict)
    assert [x["identity"]["cn_resident_id"] for x in rest] == [person["resident_id"]]
    assert {"branch", "customers", "statements"} <= set(rows)
    assert package["consents"]


def test_an_erasure_takes_all_enrolments_and_says_so(house: House) -> None:
    person, main = segmented(house)
    other = enrol_again(house, 1, person)
    third = enrol_again(house, 2, person)
    merged(house, main, other)
    merged(house, other, third)
    profiles(house)
    targets = [pseudonym(house, n) for n in (main, other, third)]
    request = house.decided(Right.ERASURE, person["email"])
    done = run_request(request, actor=house.actor("cora"), deps=house.deps).request
    assert done.state is RequestState.DONE
    certificate = (house.settings.certificates / done.certificate).read_text(encoding="utf-8")
    assert person["email"] not in certificate
    restricted = [
        dict(e.detail)["restricted"]
        for e in logged(house, "rights:erase")
        if ("step", "restrict") in e.detail
    ]
    assert restricted == [3]
    assert house.deps.vault.pseudonyms([main, other, third]).is_empty()
    assert house.deps.vault.links() == ()
    assert house.deps.events.residue(targets) == ()
    assert house.deps.scanner.scan([person["email"], person["name"], *targets]).hits == ()


def test_an_erasure_that_dies_between_two_enrolments_goes_on_with_the_rest(house: House) -> None:
    person, main = segmented(house)
    other, third = enrol_again(house, 1, person), enrol_again(house, 2, person)
    merged(house, main, other)
    merged(house, other, third)
    request_id = house.decided(Right.ERASURE, person["email"])
    with house.deps.ops() as tx:
        request = tx.requests.get(request_id)
    for _, step in STEPS[:-1]:
        step(request, house.deps)
    asked = request.subject
    first = next(n for n in (third, main) if n != asked)
    house.deps.vault.destroy(first)  # and here the process dies
    assert destroy(request, house.deps)["left"] == 0
    assert house.deps.vault.pseudonyms([main, other, third]).is_empty()


def test_nobody_is_merged_or_parted_while_being_erased(house: House) -> None:
    person, main = segmented(house)
    other, third = enrol_again(house, 1, person), enrol_again(house, 2, person)
    link = merged(house, main, other)
    request_id = house.decided(Right.ERASURE, person["email"])
    with house.deps.ops() as tx:
        tx.requests.save(replace(tx.requests.get(request_id), state=RequestState.RUNNING))
    with pytest.raises(ConflictError):
        part_link(link.id, actor=house.actor("dana"), deps=house.deps)
    with pytest.raises(ConflictError):
        merged(house, main, third)


def test_derived_rows_of_a_part_are_not_counted_beside_the_persons(house: House) -> None:
    person = customer(house, house.emails[0])
    main, other = subject(house, "email", person["email"]), enrol_again(house, 1, person)
    rows = pl.DataFrame(
        {"_sp": [pseudonym(house, main), pseudonym(house, other)], "score": [1, 2], "_bucket": [0, 0]}
    )
    house.deps.events.replace(SCORES, rows.cast({"_bucket": pl.Int32}))
    link = merged(house, main, other)
    assert rows_for_use(SCORES, house.deps).collect()["score"].to_list() == [1]
    part_link(link.id, actor=house.actor("dana"), deps=house.deps)
    assert rows_for_use(SCORES, house.deps).collect().height == 2


def test_a_merge_asks_for_a_new_answer_and_an_undo_brings_the_old_one_back(house: House) -> None:
    person, main = segmented(house)
    other = enrol_again(house, 1, person)
    ann = house.actor("ann")
    first = run_aggregate(approved(house).id, actor=ann, deps=house.deps)
    link = merged(house, main, other)
    second = run_aggregate(approved(house, {**SMALL}).id, actor=ann, deps=house.deps)
    assert second.data_version != first.data_version
    assert second.data_version.startswith(f"{first.data_version},persons@")
    part_link(link.id, actor=house.actor("dana"), deps=house.deps)
    assert request_aggregate(SMALL, PURPOSE, actor=ann, deps=house.deps).answer == first.answer


def test_a_person_is_found_and_their_profile_is_read_through_any_enrolment(house: House) -> None:
    person, main = segmented(house)
    merged(house, main, enrol_again(house, 1, person))
    profiles(house)
    act = authorise(
        house.deps, house.actor("ann"), "profile:read", purpose=SEGMENTS, data_class="C2", resource=TABLE
    )
    keys = {
        processable(act, SEGMENTS, id_type=id_type, value=value, pseudonym="")
        for id_type, value in (("mobile", "13800000001"), ("email", person["email"]))
    }
    assert len(keys) == 1
    assert house.deps.events.read_subject(TABLE, keys.pop()).height == 1


def test_one_row_per_person_adds_amounts_and_keeps_the_preferred_row(house: House, tmp_path: Path) -> None:
    person, _ = segmented(house)
    one = enrol_again(house, 1, person, education="graduate", limit_cents="1000")
    two = enrol_again(house, 2, person, education="university", limit_cents="500")
    merged(house, two, one)
    (row,) = rows_for_use("branch", house.deps).collect().rows(named=True)
    assert (row["_sp"], row["education"], row["limit_cents"]) == (pseudonym(house, one), "graduate", 1500)
