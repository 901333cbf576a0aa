"""Every refusal of evidence names the link and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.audit_forks import quick_folder
from fakes.audit_logs import KEY, entries, entry, sign_manifest, small_log
from fakes.audit_shards import NAME, bundle_parts, by_hand, closing, key_of, made_of, make_shards, opening
from fakes.operators import W1

from audit.canonical import digest
from audit.checkpoint import format_proof, parse_proof
from audit.errors import BrokenLinkError, FormatError
from audit.evidence import Evidence, Place, parse_place, read_vkey, trusted_checkpoint, verify_chain
from audit.logdir import open_log
from audit.note import format_vkey

MINE = Place(f"{NAME}/2026", 1)
FIRST = Place(f"{NAME}/2027", 0)
Changed = Callable[[Evidence], Evidence]


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as path:
        yield path


@pytest.fixture
def parts(folder: Path) -> tuple[bytes, Place, Evidence]:
    """Of a report in 2027 that cites an entry of 2026."""
    return bundle_parts(make_shards(folder / "log", 2026, 2027), [MINE], 2027)


def check(envelope: bytes, evidence: Evidence) -> BrokenLinkError:
    with pytest.raises(BrokenLinkError) as caught:
        verify_chain("m", envelope, evidence, act="report:issue", vkey=None)
    return caught.value


def proof_with(place: Place, **changes: object) -> Changed:
    def work(evidence: Evidence) -> Evidence:
        proof = replace(parse_proof(evidence.proofs[place]), **changes)  # type: ignore[arg-type]  # its fields
        return replace(evidence, proofs={**evidence.proofs, place: format_proof(proof)})

    return work


def without(place: Place) -> Changed:
    def work(evidence: Evidence) -> Evidence:
        held = {each: data for each, data in evidence.entries.items() if each != place}
        return replace(evidence, entries=held, proofs={each: evidence.proofs[each] for each in held})

    return work


def unpaired(evidence: Evidence) -> Evidence:
    return replace(evidence, proofs={})


@pytest.mark.parametrize(
    ("change", "link", "problem"),
    [
        (unpaired, "proofs", "entries and proofs do not pair"),
        (proof_with(MINE, index=2), f"inclusion of entry {MINE}", "proof: of another entry or checkpoint"),
        (proof_with(MINE, extra=b"x"), f"inclusion of entry {MINE}", "proof: of another entry or checkpoint"),
        (without(FIRST), f"inclusion of entry {MINE}", f"nothing leads there from {NAME}/2027"),
        (without(MINE), "entries cited by m", "not the entries that came with it"),
    ],
)
def test_evidence_that_does_not_fit_the_statement_says_why(
    parts: tuple[bytes, Place, Evidence], change: Changed, link: str, problem: str
) -> None:
    envelope, act, evidence = parts
    assert verify_chain("m", envelope, evidence, act="report:issue", vkey=None).act == act
    assert check(envelope, change(evidence)) == BrokenLinkError(link, problem)


def test_an_act_that_records_another_statement_says_so(parts: tuple[bytes, Place, Evidence]) -> None:
    _, act, evidence = parts
    other = sign_manifest([str(MINE)], key_of(act.origin), files={"report.json": b"{}"})
    assert check(other, evidence) == BrokenLinkError("report:issue entry", f"entry {act} does not record m")


def test_a_checkpoint_of_another_log_says_so(folder: Path) -> None:
    old = by_hand(folder, 2026, *entries(0, 2), closing("2027"))
    theirs = open_log(old, key_of(MINE.origin)).evidence([1])
    place = Place(f"{NAME}/2025", 1)  # where it is not
    envelope = sign_manifest([str(place)], key_of(FIRST.origin))
    act = entry(1, kind="report:issue", payload=digest(envelope))
    by_hand(folder, 2027, opening(old, resource=place.origin), act)
    ours = open_log(folder / "2027", key_of(FIRST.origin)).evidence([0, 1])
    (data,), (proof,) = theirs.entries.values(), theirs.proofs.values()
    lying = replace(ours, entries={**ours.entries, place: data}, proofs={**ours.proofs, place: proof})
    assert check(envelope, lying) == BrokenLinkError(f"inclusion of entry {place}", "proof: of another log")


@pytest.mark.parametrize(
    ("cited", "problem"),
    [
        (None, "predicate.entries"),
        ([1], "predicate.entries"),
        ([f"{NAME}/2026/2", f"{NAME}/2026/1"], "predicate.entries is not ascending"),
        ([f"{NAME}/2026/1", f"{NAME}/2026/1"], "predicate.entries is not ascending"),
    ],
)
def test_what_a_statement_cites_is_a_list_of_places_in_order(
    parts: tuple[bytes, Place, Evidence], cited: object, problem: str
) -> None:
    _, act, evidence = parts
    refused = check(sign_manifest(cited, key_of(act.origin)), evidence)
    assert refused == BrokenLinkError("entries cited by m", f"statement: {problem}")


@pytest.mark.parametrize(("text", "problem"), [("3", "origin"), ("a/01", "decimal number")])
def test_what_is_no_place_says_why(text: str, problem: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_place(text)
    assert caught.value == FormatError("place", problem)


@pytest.mark.parametrize("data", [b"", b"a", b"\xff", b"\xff\n", b"a\r\n\n\xc3"])
def test_a_key_file_is_one_line_of_text(data: bytes) -> None:
    with pytest.raises(BrokenLinkError) as caught:
        read_vkey(data)
    assert caught.value == BrokenLinkError("verifier key", "spelling")


@pytest.mark.parametrize("key", ["", "no key", format_vkey(W1.key)])
def test_a_trusted_key_that_is_none_of_a_log_breaks_its_own_link(folder: Path, key: str) -> None:
    log = small_log(folder / "log", 3)
    with pytest.raises(BrokenLinkError) as caught:
        trusted_checkpoint(log.checkpoint(), format_vkey(KEY.key), key)
    assert caught.value.link == "verifier key"


def test_evidence_of_nothing_is_the_checkpoint_alone(folder: Path) -> None:
    shards = make_shards(folder / "log", 2026)
    evidence = shards.evidence(made_of(shards))
    assert (evidence.entries, evidence.proofs) == ({}, {})
    assert evidence.checkpoint == shards.newest().checkpoint()
