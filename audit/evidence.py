"""The chain from a signed statement to the log: what report bundles and certificates share.

Links, in the order in which they are checked:

1. ``verifier key``: well spelt, and when the caller trusts others, one of those signed too.
2. ``checkpoint signature``: the log signed the tree head, with that key too.
   ``witness quorum``: the witnesses that the caller's policy demands cosigned it.
3. ``inclusion of entry <origin>/N``: each entry parses and is in that tree, against that very checkpoint; or
   in the tree of an earlier shard, whose last checkpoint the first entry of the later one names.
4. ``signature of <statement>``: a trusted key that signed the tree head signed the statement.
5. ``entries cited by <statement>``: the statement cites exactly the entries that came with it, but one and
   those that lead to earlier shards.
6. ``<act> entry``: that one records the act and carries the digest of the signed statement.

So a statement that nobody logged, or one exchanged after it was logged, does not verify.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from audit.canonical import decode_number, digest
from audit.checkpoint import parse_checkpoint, parse_proof, verify_checkpoint
from audit.dsse import Statement, verify_envelope
from audit.entry import OPEN, Entry, parse_entry
from audit.errors import AuditError, BrokenLinkError, FormatError
from audit.merkle import leaf_hash, verify_inclusion
from audit.note import parse_note, parse_vkey
from audit.policy import Opened, Policy, in_year, open_checkpoint, trust_key

T = TypeVar("T")

#: Whom a verifier trusts: a policy, one verifier key, or None for the key that came with the evidence.
Trust = Policy | str | None


class Place(NamedTuple):
    """Where an entry is: the origin of its log and its index there; written ``origin/index``."""

    origin: str
    position: int

    def __str__(self) -> str:
        return f"{self.origin}/{self.position}"


def parse_place(text: str) -> Place:
    """The inverse of ``str``. Raises FormatError."""
    origin, _, index = text.rpartition("/")
    if not origin:
        raise FormatError("place", "origin")
    return Place(origin, decode_number(index, "place"))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a log gives out about some of its entries and those of earlier shards.

    Attributes:
        checkpoint: signed note, to which all proofs lead; those of earlier shards by the first entries.
        vkey: verifier key, ``name+id+key``.
        entries: entry bytes by place.
        proofs: tlog-proof bytes by place.
        stamp: time-stamp over the checkpoint (``audit.timestamp``); empty for none.
    """

    checkpoint: bytes
    vkey: str
    entries: Mapping[Place, bytes]
    proofs: Mapping[Place, bytes]
    stamp: bytes = b""


@dataclass(frozen=True, slots=True)
class HeadFacts:
    """What every verified evidence says about the log that it comes from.

    Attributes:
        origin: name of the log.
        size: entries in the tree of the checkpoint.
        root: its root hash, hex.
        vkey_pinned: whether the caller named a key or a policy; else the key came with the evidence.
        cosigned: POSIX time of the cosignature of each witness of the caller's policy.
        ignored: number of signature lines of keys that the caller does not know.
    """

    origin: str
    size: int
    root: str
    vkey_pinned: bool
    cosigned: Mapping[str, int]
    ignored: int


def head_facts(opened: Opened, trust: Trust) -> dict[str, Any]:
    """The fields of ``HeadFacts``."""
    head, _, cosigned, ignored = opened
    pinned = {"vkey_pinned": trust is not None, "cosigned": cosigned, "ignored": ignored}
    return {"origin": head.origin, "size": head.size, "root": head.root.hex(), **pinned}


@dataclass(frozen=True, slots=True)
class Chain:
    """What was verified: the tree head, the entries, what was signed, what it cites, the recorded act."""

    opened: Opened
    entries: Mapping[Place, Entry]
    statement: Statement
    cited: tuple[Place, ...]
    act: Place

    def facts(self, vkey: Trust) -> dict[str, Any]:
        """What the facts of a bundle and of a certificate share; ``vkey`` as given to ``verify_chain``."""
        return {
            **head_facts(self.opened, vkey),
            "entries": tuple(map(str, self.cited)),
            "predicate_type": self.statement.predicate_type,
            "predicate": self.statement.predicate,
        }

    @property
    def acted_at(self) -> str:
        """When the act was recorded, ISO 8601."""
        return self.entries[self.act].at.isoformat()


def link(name: str, work: Callable[[], T]) -> T:
    """Do one step of a verification; any failure of it breaks the link of that name.

    Raises:
        BrokenLinkError: the step failed.
    """
    try:
        return work()
    except BrokenLinkError:
        raise
    except AuditError as error:
        raise BrokenLinkError(name, str(error)) from error


def read_vkey(data: bytes) -> str:
    """The text of a ``vkey`` file: one line. Raises BrokenLinkError."""
    text = data.decode("utf-8", "replace").removesuffix("\n")
    if f"{text}\n".encode() != data:
        raise BrokenLinkError("verifier key", "spelling")
    return text


def trusted_checkpoint(note: bytes, text: str, trust: Trust) -> Opened:
    """Verify a checkpoint under what the caller trusts, and under the verifier key that came with it.

    Raises:
        BrokenLinkError: ``verifier key``, ``checkpoint signature`` or ``witness quorum``.
    """
    own = link("verifier key", lambda: parse_vkey(text))
    key = trust if isinstance(trust, str) else text
    policy = trust if isinstance(trust, Policy) else link("verifier key", lambda: trust_key(parse_vkey(key)))
    known = own in {in_year(party.key, own.name) for party in policy.logs}
    opened = link("checkpoint signature" if known else "verifier key", lambda: open_checkpoint(note, policy))
    link("checkpoint signature", lambda: verify_checkpoint(note, own))
    return opened


def verify_chain(name: str, envelope: bytes, evidence: Evidence, *, act: str, vkey: Trust) -> Chain:
    """Check every link from the signed statement called ``name`` to the log.

    Args:
        name: what to call the statement in errors, such as ``manifest.dsse.json``.
        envelope: DSSE envelope.
        evidence: the entries it cites and the one that records it.
        act: type of that one, such as ``report:issue``.
        vkey: whom the caller trusts.

    Raises:
        BrokenLinkError: names the first link that does not hold.
    """
    opened = trusted_checkpoint(evidence.checkpoint, evidence.vkey, vkey)
    if set(evidence.entries) != set(evidence.proofs):
        raise BrokenLinkError("proofs", "entries and proofs do not pair")
    entries = _verify_entries(evidence, opened.checkpoint.origin)
    statement = link(f"signature of {name}", lambda: verify_envelope(envelope, *opened.signers))
    cited = link(f"entries cited by {name}", lambda: cited_entries(statement))
    rest = [place for place in entries.keys() - set(cited) if entries[place].type != OPEN]
    if len(rest) != 1 or not set(cited) <= entries.keys():
        raise BrokenLinkError(f"entries cited by {name}", "not the entries that came with it")
    (last,) = rest
    recorded = entries[last]
    if recorded.type != act or recorded.payload != digest(envelope):
        raise BrokenLinkError(f"{act} entry", f"entry {last} does not record {name}")
    return Chain(opened, entries, statement, cited, last)


def _verify_entries(evidence: Evidence, origin: str) -> dict[Place, Entry]:
    """Each entry, from those of the log of the checkpoint back from shard to shard."""
    entries, expected = dict[Place, Entry](), digest(evidence.checkpoint)
    while left := sorted(evidence.entries.keys() - entries.keys()):
        mine = [place for place in left if place.origin == origin]
        entries |= {place: _verify_entry(place, evidence, expected) for place in mine}
        first = entries.get(Place(origin, 0))
        if mine == left:
            break
        if not mine or first is None or first.type != OPEN:
            away = min({*left} - {*mine})
            raise BrokenLinkError(f"inclusion of entry {away}", f"nothing leads there from {origin}")
        origin, expected = first.resource, first.payload
    return entries


def _verify_entry(place: Place, evidence: Evidence, expected: str) -> Entry:
    """The entry, if it is in the tree of the checkpoint of that digest."""
    data, proof = evidence.entries[place], evidence.proofs[place]

    def check() -> Entry:
        parsed = parse_proof(proof)
        if (
            parsed.index != place.position
            or parsed.extra is not None
            or digest(parsed.checkpoint) != expected
        ):
            raise FormatError("proof", "of another entry or checkpoint")
        head = parse_checkpoint(parse_note(parsed.checkpoint).text)
        if head.origin != place.origin:
            raise FormatError("proof", "of another log")
        verify_inclusion(leaf_hash(data), place.position, head.size, parsed.hashes, head.root)
        return parse_entry(data)

    return link(f"inclusion of entry {place}", check)


def cited_entries(statement: Statement) -> tuple[Place, ...]:
    """The places that a statement cites in ``predicate.entries``: ascending, none twice.

    Raises:
        FormatError: there is no such list.
    """
    cited = statement.predicate.get("entries")
    if not isinstance(cited, list) or not all(isinstance(item, str) for item in cited):
        raise FormatError("statement", "predicate.entries")
    places = tuple(map(parse_place, cited))
    if list(places) != sorted(set(places)):
        raise FormatError("statement", "predicate.entries is not ascending")
    return places
