"""Evidence over several shards: it leads to the newest checkpoint, link by link."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from fakes.audit_forks import quick_folder
from fakes.audit_logs import REPORT, entries, entry, flips, sign_claim
from fakes.audit_shards import (
    NAME,
    bundle_over,
    bundle_parts,
    by_hand,
    certificate_over,
    closing,
    key_of,
    made_of,
    make_shards,
    new_year,
    open_shards,
    opening,
)

from audit.bundle import build_bundle, unpack_bundle, verify_bundle
from audit.canonical import digest
from audit.certificate import build_certificate, verify_certificate
from audit.errors import BrokenLinkError, FormatError
from audit.evidence import Evidence, Place, parse_place
from audit.logdir import open_log
from audit.note import SigningKey, format_vkey
from audit.shards import Shards

K27, K28 = (key_of(f"{NAME}/{year}").key for year in (2027, 2028))


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as path:
        yield path


@pytest.fixture
def shards(folder: Path) -> Shards:
    """Three shards of three entries each."""
    return make_shards(folder / "log", 2026, 2027, 2028)


def cited(shards: Shards) -> list[Place]:
    return made_of(shards, (2026, 1), (2026, 2), (2027, 2), (2028, 1))


def broken(check: Callable[[], object]) -> str:
    with pytest.raises(BrokenLinkError) as caught:
        check()
    return caught.value.link


@pytest.mark.parametrize("text", ["", "3", "/3", "a/", "a/-1", "a/01", "a/x", "a/1 ", "a/\u0663"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_place(text)


def test_places_are_read_as_they_are_written_and_sort_by_log_then_index() -> None:
    first, second, third = Place("a/2026", 9), Place("a/2026", 10), Place("a/2027", 0)
    assert [parse_place(str(place)) for place in (first, second, third)] == [first, second, third]
    assert str(second) == "a/2026/10"
    assert sorted([third, second, first]) == [first, second, third]


def test_a_bundle_over_three_shards_says_what_it_proves(shards: Shards) -> None:
    data = bundle_over(shards, cited(shards), 2028)
    facts = verify_bundle(data, vkey=format_vkey(K28))
    assert facts.entries == tuple(f"{NAME}/{end}" for end in ("2026/1", "2026/2", "2027/2", "2028/1"))
    assert (facts.issue, facts.origin, facts.size) == (f"{NAME}/2028/4", f"{NAME}/2028", 5)
    names = {name for name in unpack_bundle(data) if name.startswith("entries/")}
    places = ("2026/1", "2026/2", "2027/0", "2027/2", "2028/0", "2028/1", "2028/4")
    assert names == {f"entries/{NAME}/{end}.json" for end in places}
    assert verify_bundle(data, vkey=format_vkey(K27)) == facts  # a key stands for all years of its log
    other = format_vkey(SigningKey(f"{NAME}/2028", bytes([9] * 32)).key)
    assert broken(lambda: verify_bundle(data, vkey=other)) == "verifier key"
    access = format_vkey(replace(K28, name="example.com/other/2028"))
    assert broken(lambda: verify_bundle(data, vkey=access)) == "verifier key"


def test_every_single_byte_of_a_bundle_over_three_shards_counts(shards: Shards) -> None:
    data = bundle_over(shards, made_of(shards, (2026, 1), (2027, 2)), 2028)
    for _, changed in islice(flips(data), 0, None, 2):  # the lowest bit
        broken(lambda changed=changed: verify_bundle(changed))  # type: ignore[misc]  # bound at once


def test_every_single_byte_of_a_certificate_over_three_shards_counts(shards: Shards) -> None:
    data = certificate_over(shards, made_of(shards, (2026, 1)), 2028)
    assert verify_certificate(data, vkey=format_vkey(K28)).certify == f"{NAME}/2028/4"
    for _, changed in islice(flips(data), 0, None, 2):  # the lowest bit
        broken(lambda changed=changed: verify_certificate(changed))  # type: ignore[misc]  # bound at once


def test_the_act_may_turn_the_log_over(shards: Shards) -> None:
    facts = verify_bundle(bundle_over(shards, made_of(shards, (2028, 1)), 2029))
    assert (facts.entries, facts.issue) == ((f"{NAME}/2028/1",), f"{NAME}/2029/1")


def test_an_entry_that_opens_a_shard_may_be_cited_itself(shards: Shards) -> None:
    facts = verify_bundle(bundle_over(shards, made_of(shards, (2027, 0), (2027, 4)), 2028))
    assert facts.entries == (f"{NAME}/2027/0", f"{NAME}/2027/4")


def test_citations_ascend_over_shards(shards: Shards) -> None:
    for wrong in (made_of(shards, (2027, 1), (2026, 2)), made_of(shards, (2026, 2), (2026, 1))):
        with pytest.raises(BrokenLinkError, match="ascending"):
            bundle_over(shards, wrong, 2028)


def test_proofs_given_out_earlier_hold_after_the_shard_was_closed_and_pruned(folder: Path) -> None:
    shards = make_shards(folder / "log", 2026)
    early = certificate_over(shards, made_of(shards, (2026, 1)), 2026)
    late = certificate_over(shards, made_of(shards, (2026, 1)), 2027)
    list(open_shards(folder / "log").prune(2026))
    facts = verify_certificate(early, vkey=format_vkey(key_of(f"{NAME}/2026").key))
    assert (facts.entries, facts.certify) == ((f"{NAME}/2026/1",), f"{NAME}/2026/3")
    assert verify_certificate(late, vkey=format_vkey(K27)).entries == facts.entries


# ---- chains that do not hold ------------------------------------------------------------------------------


@pytest.fixture
def parts(shards: Shards) -> tuple[bytes, Place, Evidence]:
    """Manifest, act and evidence of a report that cites an entry of each shard."""
    return bundle_parts(shards, cited(shards), 2028)


def test_each_entry_that_leads_to_an_earlier_shard_is_needed(
    shards: Shards, parts: tuple[bytes, Place, Evidence]
) -> None:
    envelope, issue, evidence = parts

    def without(*gone: Place) -> Evidence:
        held = {place: data for place, data in evidence.entries.items() if place not in gone}
        return replace(evidence, entries=held, proofs={place: evidence.proofs[place] for place in held})

    def build(changed: Evidence) -> Callable[[], bytes]:
        return lambda: build_bundle(REPORT, envelope, cited(shards), issue, evidence=changed)

    build(evidence)()
    for year, lost in ((2028, "2026/1"), (2027, "2026/1")):
        link = broken(build(without(*made_of(shards, (year, 0)))))
        assert link == f"inclusion of entry {NAME}/{lost}"
    assert broken(build(without(*made_of(shards, (2026, 1))))) == "entries cited by manifest.dsse.json"
    assert broken(build(without(issue))) == "entries cited by manifest.dsse.json"


def test_a_statement_that_comes_with_no_entry_at_all_is_refused(
    parts: tuple[bytes, Place, Evidence],
) -> None:
    envelope, issue, evidence = parts
    bare = replace(evidence, entries={}, proofs={})
    link = broken(lambda: build_bundle(REPORT, envelope, [], issue, evidence=bare))
    assert link == "entries cited by manifest.dsse.json"


def test_an_entry_of_no_shard_in_the_chain_is_refused(
    shards: Shards, parts: tuple[bytes, Place, Evidence]
) -> None:
    envelope, issue, evidence = parts
    (source,) = made_of(shards, (2027, 2))
    for origin in (f"{NAME}/2025", "example.com/other", f"{NAME}/2029"):
        place = Place(origin, 2)
        more = replace(
            evidence,
            entries={**evidence.entries, place: evidence.entries[source]},
            proofs={**evidence.proofs, place: evidence.proofs[source]},
        )
        link = broken(lambda more=more: build_bundle(REPORT, envelope, cited(shards), issue, evidence=more))  # type: ignore[misc]  # bound at once
        assert link == f"inclusion of entry {place}"


def test_a_proof_against_an_earlier_checkpoint_of_the_shard_is_refused(folder: Path) -> None:
    """It holds by itself; but the chain names the last one."""
    shards = make_shards(folder / "log", 2026)
    (place,) = made_of(shards, (2026, 1))
    early = shards.evidence([place])
    envelope, issue, evidence = bundle_parts(shards, [place], 2027)
    build_bundle(REPORT, envelope, [place], issue, evidence=evidence)
    mixed = replace(evidence, proofs={**evidence.proofs, **early.proofs})
    link = broken(lambda: build_bundle(REPORT, envelope, [place], issue, evidence=mixed))
    assert link == f"inclusion of entry {place}"


def test_an_entry_of_another_history_of_the_shard_is_refused(folder: Path, shards: Shards) -> None:
    """Signed by the log's own key, too."""
    forged = by_hand(folder / "forged", 2026, *entries(70, 73), closing("2027"))
    log = open_log(forged, key_of(f"{NAME}/2026"))
    (place,) = made_of(shards, (2026, 1))
    envelope, issue, evidence = bundle_parts(shards, [place], 2028)
    theirs = log.evidence([1])
    mixed = replace(
        evidence,
        entries={**evidence.entries, **theirs.entries},
        proofs={**evidence.proofs, **theirs.proofs},
    )
    link = broken(lambda: build_bundle(REPORT, envelope, [place], issue, evidence=mixed))
    assert link == f"inclusion of entry {place}"


def chained(folder: Path, first: bytes) -> tuple[bytes, Place, Evidence]:
    """Certificate that cites entry 1 of 2026, from a shard 2027 that begins with ``first``."""
    old = open_log(folder / "2026", key_of(f"{NAME}/2026")).evidence([1])
    (place,) = old.entries
    envelope = sign_claim([place], key_of(f"{NAME}/2027"))
    act = entry(1, kind="rights:certify", payload=digest(envelope))
    log = open_log(by_hand(folder, 2027, first, act), key_of(f"{NAME}/2027"))
    new = log.evidence([0, 1])
    merged = replace(new, entries=new.entries | old.entries, proofs=new.proofs | old.proofs)  # type: ignore[operator]  # dicts
    return envelope, Place(f"{NAME}/2027", 1), merged


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"payload": "sha256:00"}, False),
        ({"payload": ""}, False),
        ({"resource": f"{NAME}/2025"}, False),
        ({"resource": ""}, False),
        ({"type": "log:begin"}, False),
    ],
)
def test_the_first_entry_must_name_the_shard_and_its_last_checkpoint(
    folder: Path, change: dict[str, str], *, holds: bool
) -> None:
    old = by_hand(folder, 2026, entry(0), entry(1), closing("2027"))
    envelope, act, evidence = chained(folder, opening(old, **change))
    place = Place(f"{NAME}/2026", 1)

    def build() -> bytes:
        return build_certificate(envelope, [place], act, evidence=evidence)

    if holds:
        assert verify_certificate(build()).entries == (str(place),)
    else:
        assert broken(build) == f"inclusion of entry {place}"


def test_a_checkpoint_stands_for_no_other_log(folder: Path) -> None:
    """The first entry names one log and the checkpoint of another, where an entry really is."""
    old = by_hand(folder, 2026, entry(0), entry(1), closing("2027"))
    envelope, act, evidence = chained(folder, opening(old, resource=f"{NAME}/2025"))
    (place,), renamed = evidence.entries.keys() - {act, act._replace(position=0)}, Place(f"{NAME}/2025", 1)
    assert place == Place(f"{NAME}/2026", 1)

    def moved(kept: dict[Place, bytes]) -> dict[Place, bytes]:
        return {renamed if each == place else each: data for each, data in kept.items()}

    envelope = sign_claim([renamed], key_of(f"{NAME}/2027"))
    lying = replace(evidence, entries=moved(dict(evidence.entries)), proofs=moved(dict(evidence.proofs)))
    link = broken(lambda: build_certificate(envelope, [renamed], act, evidence=lying))
    assert link == f"inclusion of entry {renamed}"


def test_evidence_of_a_shard_that_takes_entries_is_as_of_its_last_checkpoint(shards: Shards) -> None:
    shards.append(entry(77), at=new_year(2028))
    (place,) = made_of(shards, (2028, 3))
    assert shards.evidence([place]).entries == {place: entry(202)}
