"""Who is enrolled twice: find pairs, merge the clear ones, let a person decide the rest, and undo.

Matching opens the sealed identifiers block by block and keeps keyed features only, under a key that dies
with the run (``privacy.pseudonym.features``). Stored are pairs of subject numbers with score and kinds of
evidence: a merge is a decision, not a rewrite, and ``service.usecases.persons`` says what it does. Whoever
merges names the impact assessment that covers it (GB/T 35273-2020 7.6).

No one, machine or person, can join two resident ids, or two enrolments on one kind of evidence. The machine
joins no more than ``MAX_PERSON`` enrolments, and never what a person has parted.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from audit.canonical import digest
from audit.entry import Detail
from privacy.pseudonym.features import features, people_frame
from privacy.pseudonym.matching import Pair, compare, evidence, independent, match
from service.domain.actors import Actor
from service.domain.links import Link, LinkState, group, standing
from service.domain.requests import RequestState
from service.errors import ConflictError, UnknownError, UsageError
from service.ports import Deps
from service.usecases.access import Act, authorise

MAX_PERSON: Final = 6
_SCALE: Final = 1000
_DPIA: Final = re.compile(r"[A-Z][A-Za-z0-9._/-]{2,63}")
_PARTED: Final = frozenset({LinkState.REJECTED, LinkState.UNDONE})
_RESIDENT_ID: Final = "cn_resident_id"
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Matched:
    """What a run did, or with ``dry_run`` would do: enrolments, pairs merged, pairs left to a person."""

    enrolments: int
    merged: int
    proposed: int
    dry_run: bool


def match_people(
    dpia: str, *, actor: Actor, deps: Deps, dry_run: bool = False, progress: Progress | None = None
) -> Matched:
    """Compare all enrolments; merge what is clear, propose the rest above the limit of review.

    People under restriction take no part. A pair that was decided before stays as it is.

    Raises:
        DeniedError: the actor lacks ``identity:match``.
        UsageError: no reference of an impact assessment.
    """
    act = authorise(deps, actor, "identity:match", data_class="C3", resource="identity")
    _check(dpia)
    tokens, identified = _tokens(deps, None, progress or (lambda _step, _percent: None))
    pairs = match(tokens, identified)
    links = _decide(pairs, identified, dpia, actor, deps)
    merged = [link for link in links if link.state is LinkState.MERGED]
    found = Matched(tokens["_subject"].n_unique(), len(merged), len(links) - len(merged), dry_run)
    kinds = Counter("+".join(link.evidence) for link in merged)
    facts: dict[str, str | int] = {
        "dpia": dpia,
        "dry_run": int(dry_run),
        "merged": found.merged,
        "proposed": found.proposed,
    }
    facts |= {f"by {kind}": count for kind, count in kinds.items()}
    ids = digest(" ".join(sorted(link.id for link in merged)).encode())
    act.record(subjects=found.enrolments, payload=ids, detail=tuple(facts.items()))
    if not dry_run:
        deps.vault.save_links(links)
    return found


def list_links(*, actor: Actor, deps: Deps, state: LinkState | None = None) -> tuple[Link, ...]:
    """Decisions and proposals, the likeliest first. Raises DeniedError."""
    authorise(deps, actor, "identity:read", resource="identity")
    found = (link for link in deps.vault.links() if state is None or link.state is state)
    return tuple(sorted(found, key=lambda link: (-link.score, link.id)))


def merge_people(a: int, b: int, dpia: str, *, actor: Actor, deps: Deps) -> Link:
    """Read two enrolments as one person, by a person's judgement.

    Raises:
        DeniedError: the actor lacks ``identity:decide``.
        UnknownError: a subject is not in the vault any more.
        ConflictError: two resident ids, fewer than two independent kinds of evidence, one person already,
            under restriction, or an erasure is running.
    """
    act = authorise(deps, actor, "identity:decide", data_class="C3", resource="identity")
    _check(dpia)
    links = deps.vault.links()
    edges = standing(links)
    one, other = group(a, edges), group(b, edges)
    if b in one:
        raise ConflictError("they are one person already")
    if deps.vault.restricted().intersection((*one, *other)):
        raise ConflictError("one of them is under restriction")
    _settled((*one, *other), deps)
    tokens, identified = _tokens(deps, (*one, *other))
    if deps.vault.pseudonyms([a, b]).height < 2:  # noqa: PLR2004 - both
        raise UnknownError("no such enrolment")
    if len(identified) > 1:
        raise ConflictError("two resident ids are two people")
    codes, _ = compare(pl.DataFrame({"a": [a], "b": [b]}), tokens)
    kinds = evidence(codes[0])
    if not independent(kinds):
        raise ConflictError(
            "a merge needs two independent kinds of evidence", found=",".join(kinds) or "none"
        )
    known = next((link for link in links if {link.a, link.b} == {a, b}), None)
    link = known or _link(a, b, identified, LinkState.MERGED, deps)
    return _settle(replace(link, score=_SCALE, evidence=kinds, dpia=dpia), LinkState.MERGED, act)


def part_link(link_id: str, *, actor: Actor, deps: Deps) -> Link:
    """Undo a merge, or reject a proposal: two people from now on, unless a person decides again.

    Raises:
        DeniedError: the actor lacks ``identity:undo``.
        UnknownError: no such link.
        ConflictError: parted already, or an erasure of the person is running.
    """
    act = authorise(deps, actor, "identity:undo", resource="identity")
    links = deps.vault.links()
    link = next((link for link in links if link.id == link_id), None)
    if link is None:
        raise UnknownError("there is no such link")
    if link.state in _PARTED:
        raise ConflictError("they are two people already", state=link.state.value)
    _settled(group(link.a, standing(links)), deps)
    state = LinkState.UNDONE if link.state is LinkState.MERGED else LinkState.REJECTED
    return _settle(link, state, act)


def _tokens(
    deps: Deps, subjects: Collection[int] | None, progress: Progress = lambda _step, _percent: None
) -> tuple[pl.DataFrame, frozenset[int]]:
    """Features of the subjects, and who has a resident id; clear values live for a block of people."""
    key = secrets.token_bytes(32)
    total = max(deps.vault.pseudonyms().height, 1) if subjects is None else len(subjects)
    restricted = deps.vault.restricted()
    found, identified, done = [features(people_frame(()), key)], set[int](), 0
    for block in deps.vault.identifiers(None if subjects is None else sorted(subjects)):
        done += len(block)
        people = {subject: fields for subject, fields in block.items() if subject not in restricted}
        identified |= {subject for subject, fields in people.items() if fields.get(_RESIDENT_ID)}
        found.append(features(people_frame(people.items()), key))
        progress("features", min(99, 90 * done // total))
    return pl.concat(found), frozenset(identified)


def _decide(
    pairs: Iterable[Pair], identified: frozenset[int], dpia: str, actor: Actor, deps: Deps
) -> list[Link]:
    """New links: the likeliest pairs first, each against the persons as the ones before have made them."""
    limits, links = deps.policy.bundle.matching, deps.vault.links()
    known = {frozenset((link.a, link.b)): link for link in links}
    parted = [pair for pair, link in known.items() if link.state in _PARTED]
    persons: dict[int, frozenset[int]] = {}
    for edge in standing(links):
        both = _joined(persons, *edge)
        persons |= dict.fromkeys(both, both)
    new = []
    for pair in pairs:
        score = int(pair.probability * _SCALE)
        old = known.get(frozenset((pair.a, pair.b)))
        both = _joined(persons, pair.a, pair.b)
        if score < limits.review or pair.b in persons.get(pair.a, ()) or (old and old.state in _PARTED):
            continue
        free = len(both & identified) <= 1 and not any(p <= both for p in parted)
        clear = pair.clear and score >= limits.accept and free and len(both) <= MAX_PERSON
        state = LinkState.MERGED if clear else LinkState.PROPOSED
        link = old or _link(pair.a, pair.b, identified, state, deps)
        link = replace(link, state=state, score=score, evidence=pair.evidence, at=deps.clock.now())
        if clear:
            persons |= dict.fromkeys(both, both)
            link = replace(link, dpia=dpia, decided_by=actor.id)
        new.append(link)
    return new


def _joined(persons: Mapping[int, frozenset[int]], a: int, b: int) -> frozenset[int]:
    return persons.get(a, frozenset({a})) | persons.get(b, frozenset({b}))


def _link(a: int, b: int, identified: Collection[int], state: LinkState, deps: Deps) -> Link:
    """A new link; the preferred one is who has a resident id, else the older enrolment."""
    first, second = sorted((a, b), key=lambda subject: (subject not in identified, subject))
    return Link(secrets.token_hex(16), first, second, state, 0, (), "", deps.clock.now())


def _settle(link: Link, state: LinkState, act: Act) -> Link:
    """Write a decision down, then make it so."""
    done = replace(link, state=state, decided_by=act.actor.id, at=act.deps.clock.now())
    detail: Detail = (("evidence", ",".join(done.evidence)), ("state", state.value))
    detail += (("dpia", done.dpia),) if done.dpia else ()
    act.record(f"identity:{state.value}", resource=f"identity/{done.id}", subjects=2, detail=detail)
    act.deps.vault.save_links([done])
    return done


def _settled(person: Collection[int], deps: Deps) -> None:
    """Who is being erased is neither merged nor parted: the run must end with whom it began."""
    with deps.ops() as tx:
        if any(r.state is RequestState.RUNNING and r.subject in person for r in tx.requests.all()):
            raise ConflictError("a rights request of this person is running")


def _check(dpia: str) -> None:
    if not _DPIA.fullmatch(dpia):
        raise UsageError("name the impact assessment, such as DPIA-2026-014", field="dpia")
