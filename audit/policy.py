"""Whom a verifier trusts (C2SP tlog-policy): keys of logs, keys of witnesses, and how many must agree.

A checkpoint holds under a policy when the key of a ``log`` line signed it, under its own name or that of
another year's shard of the log, and the witnesses who cosigned it meet the quorum. A key alone is the policy
of that one log with ``quorum none``.

Signature lines of keys that the policy does not name are passed over and counted in ``ignored``, never
refused: during a rotation the line of the other key stands there, and a log may add a witness, and neither
may break those who have not heard of it yet. Such a line never counts for anything. A line of a key that the
policy names must verify, even where the quorum is met without it.

``parse_policy`` reads the whole grammar (comments, blank lines, ``any``, ``all``), ``format_policy`` writes
one spelling of it. Refused is what the specification forbids, and one key for two parties.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from audit.canonical import decode_number
from audit.checkpoint import Checkpoint, parse_checkpoint
from audit.errors import BrokenLinkError, FormatError, SignatureError
from audit.note import COSIGNATURE, ED25519, VerifierKey, format_vkey, parse_note, parse_vkey, verify_lines

NONE: Final = "none"
_TEXT: Final = re.compile(r"(?:[^\x00-\x08\x0b-\x1f\x7f]*\n)?")
_SHARD: Final = re.compile(r"(.+)/[0-9]{4}")
_ITEM: Final = re.compile(r"[^\x00-\x20\x7f]+")


class Party(NamedTuple):
    """A log, or a witness under its name in the policy; ``url`` may be empty."""

    key: VerifierKey
    name: str = ""
    url: str = ""


class Group(NamedTuple):
    """Has witnessed what at least ``threshold`` of its members, witnesses or groups before it, have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Trusted keys and the quorum: name of a witness or a group, ``none``, or empty, which nothing meets."""

    logs: tuple[Party, ...] = ()
    witnesses: tuple[Party, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = ""

    def __post_init__(self) -> None:
        """Refuse what the specification forbids. Raises FormatError."""
        names = [NONE, *(witness.name for witness in self.witnesses)]
        for name, threshold, members in self.groups:
            if NONE in members or not set(members) <= {*names} or not 1 <= threshold <= len(members):
                raise FormatError("policy", "group")
            names.append(name)
        parties = (*self.logs, *self.witnesses)
        members = tuple(member for group in self.groups for member in group.members)
        keys = [*{log.key.public for log in self.logs}, *(party.key.public for party in self.witnesses)]
        logs = [log.key for log in self.logs]  # one key may sign several, each under its own name
        if any(len(set(x)) != len(x) for x in (names, members, keys, logs)):
            raise FormatError("policy", "named twice")
        kinds = [ED25519] * len(self.logs) + [COSIGNATURE] * len(self.witnesses)
        items = (*names, *(party.url for party in parties if party.url))
        if kinds != [party.key.kind for party in parties] or not all(map(_ITEM.fullmatch, items)):
            raise FormatError("policy", "key, name or URL")
        if self.quorum not in {"", *names}:
            raise FormatError("policy", "quorum")

    def is_met(self, cosigners: Iterable[str]) -> bool:
        """Whether these witnesses, by name, are a quorum."""
        met = {NONE, *cosigners}
        for group in self.groups:
            if len(met.intersection(group.members)) >= group.threshold:
                met.add(group.name)
        return self.quorum in met


def trust_key(key: VerifierKey) -> Policy:
    """The policy of one log key without witnesses. Raises FormatError for the key of a witness."""
    return Policy((Party(key),), quorum=NONE)


def format_policy(policy: Policy) -> bytes:
    """The lines of a policy: logs, witnesses, groups, quorum. Raises FormatError."""
    lines: list[tuple[str, ...]] = [("log", format_vkey(log.key), log.url) for log in policy.logs]
    lines += [("witness", name, format_vkey(key), url) for key, name, url in policy.witnesses]
    lines += [("group", name, str(k), *members) for name, k, members in policy.groups]
    text = "".join(f"{' '.join(filter(None, line))}\n" for line in (*lines, ("quorum", policy.quorum)))
    return text.encode("utf-8", "surrogateescape")


def parse_policy(data: bytes) -> Policy:
    """Read a policy; a group or quorum names only what stands above it. Raises FormatError with the line."""
    text, policy = data.decode("utf-8", "surrogateescape"), Policy()
    if not _TEXT.fullmatch(text):
        raise FormatError("policy", "control character, or no newline at the end")
    for number, line in enumerate(text.split("\n"), 1):
        try:
            policy = _add(policy, [item for item in re.split("[ \t]", line) if item])
        except (FormatError, TypeError) as error:
            raise FormatError("policy", f"line {number}") from error
    if not policy.quorum:
        raise FormatError("policy", "no quorum")
    return policy


def _add(policy: Policy, items: list[str]) -> Policy:
    """The policy with one more line; TypeError when there are two URLs."""
    match items:
        case ["log", vkey, *url]:
            return replace(policy, logs=(*policy.logs, Party(parse_vkey(vkey), "", *url)))
        case ["witness", name, vkey, *url]:
            return replace(policy, witnesses=(*policy.witnesses, Party(parse_vkey(vkey), name, *url)))
        case ["group", name, threshold, *members]:
            k = {"any": 1, "all": len(members)}.get(threshold) or decode_number(threshold, "policy")
            return replace(policy, groups=(*policy.groups, Group(name, k, tuple(members))))
        case ["quorum", name] if not policy.quorum:
            return replace(policy, quorum=name)
        case [first, *_] if not first.startswith("#"):
            raise FormatError("policy", "unknown line, or a second quorum")
    return policy


class Opened(NamedTuple):
    """A checkpoint that holds under a policy.

    Attributes:
        checkpoint: the tree head.
        signers: trusted keys of the log that signed it.
        cosigned: POSIX time of each witness's cosignature, by its name in the policy.
        ignored: number of signature lines of keys that the policy does not name.
    """

    checkpoint: Checkpoint
    signers: tuple[VerifierKey, ...]
    cosigned: Mapping[str, int]
    ignored: int


def in_year(key: VerifierKey, origin: str) -> VerifierKey:
    """A log's key under the name of another year's shard of that log (``audit.shards``), else as it is."""
    mine, other = _SHARD.fullmatch(key.name), _SHARD.fullmatch(origin)
    return replace(key, name=origin) if mine and other and mine[1] == other[1] else key


def open_checkpoint(data: bytes, policy: Policy) -> Opened:
    """Verify a checkpoint under a policy.

    Raises:
        FormatError: not a checkpoint.
        SignatureError: no trusted log key signed it, or a line of a key that the policy names is wrong.
        BrokenLinkError: ``witness quorum``, too few cosigned.
    """
    note = parse_note(data)
    checkpoint = parse_checkpoint(note.text)
    logs = dict.fromkeys(in_year(log.key, checkpoint.origin) for log in policy.logs)
    found = verify_lines(note, [*logs, *(witness.key for witness in policy.witnesses)])
    signers = tuple(key for key in found if (key.name, key.kind) == (checkpoint.origin, ED25519))
    if not signers:
        raise SignatureError(checkpoint.origin)
    cosigned = {name: found[key] for key, name, _ in policy.witnesses if key in found}
    if not policy.is_met(cosigned):
        raise BrokenLinkError(
            "witness quorum", f"{policy.quorum} needs more than {', '.join(cosigned) or 'nobody'}"
        )
    return Opened(checkpoint, signers, cosigned, len(note.signatures) - len(found))
