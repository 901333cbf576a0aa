"""Certificates of rights requests: one JSON file that a customer verifies with no network and no secret.

It holds a signed statement about the request (what was done, what was lawfully kept), the log entries it
cites with their proofs, and the ``rights:certify`` entry whose payload is the digest of the signed
statement. The file has one spelling: JSON with one-space indent, sorted keys, UTF-8, final newline.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from audit.canonical import decode_number
from audit.errors import BrokenLinkError, FormatError
from audit.evidence import Evidence, verify_chain

CERTIFY: Final = "rights:certify"
_FORMAT: Final = "fiduciary-certificate/1"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a verified certificate says.

    Attributes:
        origin: name of the log.
        size: entries in the tree of the checkpoint.
        root: its root hash, hex.
        vkey_pinned: whether the caller named the key; else it came with the certificate.
        certify: index of the ``rights:certify`` entry.
        certified_at: its instant, ISO 8601.
        entries: cited indices.
        subjects: SHA-256 in hex by name, as stated.
        predicate_type: kind of certificate.
        predicate: what is certified.
    """

    origin: str
    size: int
    root: str
    vkey_pinned: bool
    certify: int
    certified_at: str
    entries: tuple[int, ...]
    subjects: Mapping[str, str]
    predicate_type: str
    predicate: Mapping[str, object]


def _format(envelope: bytes, evidence: Evidence) -> bytes:
    body = {
        "format": _FORMAT,
        "statement": envelope.decode(),
        "checkpoint": evidence.checkpoint.decode(),
        "vkey": evidence.vkey,
        "entries": {str(index): data.decode() for index, data in evidence.entries.items()},
        "proofs": {str(index): data.decode() for index, data in evidence.proofs.items()},
    }
    return (json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def parse_certificate(data: bytes) -> tuple[bytes, Evidence]:
    """The signed statement and its evidence, not verified. Raises FormatError for any other spelling."""
    try:
        body = cast("dict[str, str]", json.loads(data.decode()))
        entries, proofs = (_by_index(cast("object", body[name])) for name in ("entries", "proofs"))
        evidence = Evidence(body["checkpoint"].encode(), body["vkey"], entries, proofs)
        envelope = body["statement"].encode()
        same = _format(envelope, evidence) == data
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise FormatError("certificate", "not a certificate") from error
    if not same:
        raise FormatError("certificate", "spelling")
    return envelope, evidence


def _by_index(value: object) -> dict[int, bytes]:
    items = cast("dict[str, str]", value).items()
    return {decode_number(key, "certificate"): text.encode() for key, text in items}


def build_certificate(envelope: bytes, cited: Sequence[int], certify: int, *, evidence: Evidence) -> bytes:
    """Write a certificate, and verify it before it is handed out.

    Args:
        envelope: the statement, signed by the log's key.
        cited: log indices that the statement cites.
        certify: index of the ``rights:certify`` entry that carries the envelope's digest.
        evidence: of ``cited`` and ``certify``, no others.

    Raises:
        BrokenLinkError: the parts do not fit together.
    """
    data = _format(envelope, evidence)
    facts = verify_certificate(data, vkey=evidence.vkey)
    if facts.entries != tuple(cited) or facts.certify != certify:
        raise BrokenLinkError("entries cited by statement", "not those asked for")
    return data


def verify_certificate(data: bytes, *, vkey: str | None = None) -> CertificateFacts:
    """Check every link: ``spelling of the certificate``, then those of ``audit.evidence``.

    Args:
        data: the file.
        vkey: the log's key as the verifier knows it; without it the key in the certificate is believed.

    Raises:
        BrokenLinkError: names the first link that does not hold.
    """
    try:
        envelope, evidence = parse_certificate(data)
    except FormatError as error:
        raise BrokenLinkError("spelling of the certificate", error.problem) from error
    chain = verify_chain("statement", envelope, evidence, act=CERTIFY, vkey=vkey)
    return CertificateFacts(
        origin=chain.checkpoint.origin,
        size=chain.checkpoint.size,
        root=chain.checkpoint.root.hex(),
        vkey_pinned=vkey is not None,
        certify=chain.act,
        certified_at=chain.entries[chain.act].at.isoformat(),
        entries=tuple(sorted(chain.entries.keys() - {chain.act})),
        subjects=dict(chain.statement.subjects),
        predicate_type=chain.statement.predicate_type,
        predicate=chain.statement.predicate,
    )
