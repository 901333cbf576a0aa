"""The logs over the years: evidence across shards, pruning after its time and not before it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from fakes.aggregates import approved
from fakes.audit_shards import take_entries
from fakes.house import House, furnish, move_in
from fakes.mutated import mutated
from fakes.reported import put_to_work

import service.usecases.retention
from audit.bundle import verify_bundle
from audit.certificate import verify_certificate
from audit.errors import BrokenLinkError
from audit.evidence import parse_place
from audit.logdir import end_rotation
from audit.verify_shards import verify_logs
from policies.enforcer import Enforcer
from service.adapters.trail import LogTrail
from service.domain.actors import Actor
from service.domain.requests import Right
from service.errors import AuditUnavailableError, ConflictError, TamperedError
from service.ports import EntryFilter
from service.usecases.doctor import check_log
from service.usecases.profile import build_profiles
from service.usecases.release import run_aggregate
from service.usecases.report import approve_report, build_report
from service.usecases.retention import check_pruned, run_retention
from service.usecases.rights import run_request
from service.usecases.tags import PEOPLE
from service.usecases.tracing import search_log, who_accessed
from service.usecases.users import rotate_key

YEAR = timedelta(days=366)
BASE = "fiduciary.example/log"


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = furnish(tmp_path_factory.mktemp("house"), customers=300)
    put_to_work(house)
    return house


@pytest.fixture
def house(furnished: House, tmp_path: Path) -> House:
    """The year is 2026, and both logs have entries."""
    house = move_in(furnished, tmp_path)
    look(house)
    return house


def look(house: House) -> None:
    """An entry of the access log."""
    search_log(EntryFilter(last=1), actor=house.actor("aud"), deps=house.deps)


def act(house: House) -> None:
    """Entries of the governance log, one of them about people."""
    build_profiles(actor=house.actor("max"), deps=house.deps)


def people(house: House) -> set[str]:
    return {path.name for path in (house.settings.home / PEOPLE).iterdir()}


def shards(house: House) -> list[str]:
    return [head.origin.removeprefix(f"{BASE}/") for head in house.deps.audit.heads()]


def checked(house: House) -> dict[str, object]:
    return check_log(
        house.settings.log, lambda: house.deps, now=house.clock.now(), progress=lambda *_: None, rebuild=False
    )


def over(house: House) -> dict[str, int]:
    """What the retention job finds over in the logs, and removes."""
    found = run_retention(actor=house.actor("dana"), deps=house.deps)
    return {e.resource: e.counts["entries"] for e in found if e.resource.startswith("log/")}


def test_a_report_of_one_year_approved_in_the_next_proves_the_entries_of_both(house: House) -> None:
    draft = build_report("behaviour", actor=house.actor("cora"), deps=house.deps)
    house.clock.advance(timedelta(days=60))
    bundle = approve_report(draft.name, actor=house.actor("paul"), deps=house.deps).read_bytes()
    facts = verify_bundle(bundle, vkey=house.deps.audit.vkeys()[0])
    assert facts.origin == f"{BASE}/governance/2027"
    assert {parse_place(place).origin for place in facts.entries} == {
        f"{BASE}/governance/2026", f"{BASE}/governance/2027",
    }  # fmt: skip
    places = [at for at in range(len(bundle)) if bundle.startswith(b"governance/2026", at)]
    for at in range(places[0], len(bundle), max(1, (len(bundle) - places[0]) // 300)):
        broken = bytes([*bundle[:at], bundle[at] ^ 1, *bundle[at + 1 :]])
        with pytest.raises(BrokenLinkError):
            verify_bundle(broken, vkey=house.deps.audit.vkeys()[0])


def test_a_certificate_cites_what_was_done_a_year_before(house: House) -> None:
    request = house.decided(Right.OBJECTION, house.emails[0])
    house.clock.advance(timedelta(days=41))
    done = run_request(request, actor=house.actor("cora"), deps=house.deps).request
    data = (house.settings.certificates / done.certificate).read_bytes()
    facts = verify_certificate(data, vkey=house.deps.audit.vkeys()[0])
    assert facts.certify.startswith(f"{BASE}/governance/202")


def test_what_is_logged_later_is_found_and_listed_with_what_was_before(house: House) -> None:
    for _ in range(3):
        house.clock.advance(YEAR)
        look(house)
    ann = house.actor("ann")
    run_aggregate(approved(house).id, actor=ann, deps=house.deps)
    assert shards(house) == [
        "governance/2026", "governance/2029", "access/2026", "access/2027", "access/2028", "access/2029",
    ]  # fmt: skip
    found = house.deps.audit.find(EntryFilter(type=frozenset({"audit:read"})))
    assert [place.origin[-11:] for place, _ in found] == [
        f"access/{year}" for year in (2026, 2027, 2028, 2029)
    ]
    assert {entry.id for _, entry in house.deps.audit.find(EntryFilter())} == {
        entry.id for _, entry in house.deps.audit.entries()
    }
    again = house.reopened()
    assert again.deps.audit.find(EntryFilter()) == house.deps.audit.find(EntryFilter())
    assert checked(house)["behind"] == 0


def test_entries_that_waited_over_the_year_s_end_go_where_the_present_ones_go(house: House) -> None:
    act_log = EntryFilter(type=frozenset({"user:add"}))
    before = len(house.deps.audit.find(act_log))
    other = house.reopened()
    house.clock.advance(timedelta(days=60))
    look(house)
    request = other.decided(Right.OBJECTION, other.emails[1])
    assert request
    assert len(other.deps.audit.find(act_log)) == before
    assert verify_logs(house.settings.log).size == sum(head.size for head in other.deps.audit.heads())


def test_the_logs_are_pruned_after_their_time_each_after_its_own(house: House) -> None:
    run_aggregate(approved(house).id, actor=house.actor("ann"), deps=house.deps)
    size = next(head.size for head in house.deps.audit.heads() if head.log == "access")
    house.clock.advance(timedelta(days=3 * 366 + 30))  # still 2029: three years are over on 1 January 2030
    look(house)
    assert over(house) == {}
    house.clock.advance(timedelta(days=30))
    assert house.clock.now() >= datetime.fromisoformat("2030-01-01T00:00:00Z")
    assert over(house) == {"log/access/2026": size + 1}  # and the entry that closed it
    assert over(house) == {"log/access/2026": 0}
    heads = {head.origin.removeprefix(f"{BASE}/"): head.pruned for head in house.deps.audit.heads()}
    assert {name for name, pruned in heads.items() if pruned} == {"access/2026"}
    told = house.deps.audit.find(EntryFilter(type=frozenset({"retention:run"}), resource="log/access/2026"))
    assert told[0][0].origin.startswith(f"{BASE}/governance/")
    checked(house)
    assert not any(place.origin.endswith("access/2026") for place, _ in house.deps.audit.find(EntryFilter()))


def test_what_lies_beside_pruned_entries_goes_with_them(house: House) -> None:
    before = people(house)
    assert before
    house.clock.advance(timedelta(days=11 * 366 + 60))
    act(house)
    assert "log/governance/2026" in over(house)
    assert people(house)
    assert not people(house) & before
    checked(house)


def prune_early(house: House) -> None:
    take_entries(house.settings.log / "access", 2026)


def test_entries_that_were_taken_away_before_their_time_are_missed(house: House) -> None:
    house.clock.advance(YEAR)
    look(house)
    prune_early(house)
    with pytest.raises(TamperedError, match="before their time"):
        who_accessed("email", house.emails[0], actor=house.actor("cora"), deps=house.deps)
    with pytest.raises(TamperedError):
        checked(house)


def test_a_killed_removal_is_finished_by_the_next_run(house: House) -> None:
    house.clock.advance(timedelta(days=11 * 366 + 60))
    act(house)
    removal = house.deps.audit.prune(f"{BASE}/governance/2026")
    next(iter(removal))  # and then nothing: its process was killed
    del removal
    again = house.reopened()
    with pytest.raises(TamperedError):
        checked(again)
    over(again)
    checked(again)
    assert people(house) <= {entry.id for _, entry in again.deps.audit.entries()}


def read_in_every_way(house: House) -> None:
    deps = house.reopened().deps
    found, listed = deps.audit.find(EntryFilter()), dict(deps.audit.entries())
    assert {place for place, _ in found} == set(listed)
    assert deps.audit.evidence([place for place in listed if "/governance/" in place.origin][:3]).entries
    who_accessed("email", house.emails[0], actor=house.actor("cora"), deps=deps)
    for rebuild in (False, True):
        check_log(
            house.settings.log, lambda: deps, now=house.clock.now(), progress=lambda *_: None, rebuild=rebuild
        )


def test_shards_that_a_retired_key_closed_are_read_without_it(house: House) -> None:
    house.clock.advance(timedelta(days=60))
    look(house)
    act(house)  # both logs: 2027
    admin = Actor("user:admin", frozenset({"admin"}))
    keys = [rotate_key(finish=finish, actor=admin, deps=house.deps) for finish in (False, True)]
    assert keys[0] == keys[1]
    assert len((house.settings.keys / "log.key").read_text().splitlines()) == 1  # the old one is destroyed
    house.clock.advance(YEAR)
    look(house)
    act(house)
    read_in_every_way(house)
    again = rotate_key(finish=False, actor=admin, deps=house.deps)
    assert (
        again.split("\n")[0].split("+")[2] != keys[0].split("\n")[0].split("+")[2]
    )  # no retired key comes back


def test_a_key_signs_in_the_year_in_which_it_was_changed(house: House) -> None:
    house.clock.advance(3 * YEAR)
    rotate_key(finish=False, actor=Actor("user:admin", frozenset({"admin"})), deps=house.deps)
    rotated = house.deps.audit.find(EntryFilter(type=frozenset({"key:rotate"})))
    assert {place.origin.removeprefix(f"{BASE}/") for place, _ in rotated} == {
        "governance/2029",
        "access/2029",
    }


def test_a_change_of_the_key_that_was_half_finished_is_finished_and_never_begun_anew(house: House) -> None:
    admin = Actor("user:admin", frozenset({"admin"}))
    new = rotate_key(finish=False, actor=admin, deps=house.deps)
    assert isinstance(house.deps.audit, LogTrail)
    end_rotation(
        house.deps.audit._governance.newest(), at=house.clock.now(), actor="user:admin"
    )  # and killed
    again = house.reopened()
    with pytest.raises(ConflictError):
        rotate_key(finish=False, actor=admin, deps=again.deps)
    assert rotate_key(finish=True, actor=admin, deps=again.deps) == new
    assert again.deps.audit.vkeys() == tuple(new.split("\n"))
    with pytest.raises(ConflictError):
        rotate_key(finish=True, actor=admin, deps=again.deps)


def test_a_longer_time_does_not_condemn_what_was_pruned_before(house: House) -> None:
    house.clock.advance(timedelta(days=3 * 366 + 60))
    look(house)
    assert over(house)
    bundle = house.deps.policy.bundle
    longer = replace(bundle, log_days={**bundle.log_days, "access": 3653})
    changed = replace(house.deps, policy=Enforcer(longer))
    assert any(head.pruned for head in check_pruned(changed))


def lose_the_oldest(folder: Path) -> None:
    shutil.rmtree(folder / "2026")


def lose_the_middle(folder: Path) -> None:
    shutil.rmtree(folder / "2027")


def lose_the_newest(folder: Path) -> None:
    shutil.rmtree(folder / "2028")


def make_it_older(folder: Path) -> None:
    (folder / "2026").rename(folder / "2001")
    take_entries(folder, 2001)


def claim_more(folder: Path) -> None:
    note = folder / "2026" / "checkpoint"
    lines = note.read_text(encoding="utf-8").split("\n")
    note.write_text("\n".join([lines[0], "9999", *lines[2:]]), encoding="utf-8")


@pytest.mark.parametrize(
    "harm", [lose_the_oldest, lose_the_middle, lose_the_newest, make_it_older, claim_more]
)
def test_no_answer_is_given_over_logs_that_lack_something(house: House, harm: Callable[[Path], None]) -> None:
    for _ in range(2):
        house.clock.advance(YEAR)
        look(house)
    house.deps.audit.find(EntryFilter())
    harm(house.settings.log / "access")
    with pytest.raises((TamperedError, AuditUnavailableError)):
        who_accessed("email", house.emails[0], actor=house.actor("cora"), deps=house.reopened().deps)


def test_a_service_that_lost_a_log_does_not_open(house: House) -> None:
    shutil.rmtree(house.settings.log / "access")
    with pytest.raises(AuditUnavailableError):
        house.reopened()


MUTANTS = [
    ("pruned a year too early", "is_over(head.year,", "is_over(head.year - 1,"),
    ("leaves the people", "for folder in (PEOPLE, SEALED):", "for folder in ():"),
    ("takes no offence", "if head.pruned and not _is_over(head, deps) and", "if False and"),
]


@pytest.fixture(params=MUTANTS, ids=lambda mutant: mutant[0])
def mutant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, ModuleType]]:
    name, old, new = request.param
    with mutated(service.usecases.retention, old, new, tmp_path) as broken:
        yield name, broken


def test_a_retention_with_a_hole_is_caught(house: House, mutant: tuple[str, ModuleType]) -> None:
    name, module = mutant
    if name == "takes no offence":
        house.clock.advance(YEAR)
        look(house)
        prune_early(house)
        assert module.check_pruned(house.deps)  # the right one raises
        return
    before = people(house)
    house.clock.advance(
        timedelta(days=(3 if "early" in name else 11) * 366 + (30 if "early" in name else 60))
    )
    look(house)
    act(house)
    module.run_retention(actor=house.actor("dana"), deps=house.deps)
    pruned = any(head.pruned for head in house.deps.audit.heads())
    assert pruned if "early" in name else people(house) & before
