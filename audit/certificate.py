"""Certificates of rights requests: one JSON file that a customer verifies with no network and no secret.

It holds a signed statement about the request (what was done, what was lawfully kept), the log entries it
cites with their proofs, and the ``rights:certify`` entry whose payload is the digest of the signed
statement. The file has one spelling: JSON with one-space indent, sorted keys, UTF-8, final newline.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from audit.canonical import read_exact
from audit.errors import BrokenLinkError
from audit.evidence import Evidence, HeadFacts, Place, Trust, link, parse_place, verify_chain

CERTIFY: Final = "rights:certify"
_FORMAT: Final = "fiduciary-certificate/1"


@dataclass(frozen=True, slots=True)
class CertificateFacts(HeadFacts):
    """What a verified certificate says: as ``audit.bundle.BundleFacts``, but for three.

    Attributes:
        certify: place of the ``rights:certify`` entry.
        certified_at: its instant, ISO 8601.
        subjects: SHA-256 in hex by name, as stated.
    """

    certify: str
    certified_at: str
    entries: tuple[str, ...]
    subjects: Mapping[str, str]
    predicate_type: str
    predicate: Mapping[str, object]


def _format(envelope: bytes, evidence: Evidence) -> bytes:
    body = {
        "format": _FORMAT,
        "statement": envelope.decode(),
        "checkpoint": evidence.checkpoint.decode(),
        "vkey": evidence.vkey,
        "entries": {str(place): data.decode() for place, data in evidence.entries.items()},
        "proofs": {str(place): data.decode() for place, data in evidence.proofs.items()},
    }
    return (json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def parse_certificate(data: bytes) -> tuple[bytes, Evidence]:
    """The signed statement and its evidence, not verified. Raises FormatError for any other spelling."""
    return read_exact(data, "certificate", _parse, lambda parts: _format(*parts))


def _parse(data: bytes) -> tuple[bytes, Evidence]:
    body: Any = json.loads(data)
    entries, proofs = (
        {parse_place(key): text.encode() for key, text in body[name].items()}
        for name in ("entries", "proofs")
    )
    return body["statement"].encode(), Evidence(body["checkpoint"].encode(), body["vkey"], entries, proofs)


def build_certificate(
    envelope: bytes, cited: Sequence[Place], certify: Place, *, evidence: Evidence
) -> bytes:
    """Write a certificate, and verify it before it is handed out.

    Args:
        envelope: the statement, signed by the log's key.
        cited: places that the statement cites, ascending.
        certify: place of the ``rights:certify`` entry that carries the envelope's digest.
        evidence: of ``cited`` and ``certify``, no others.

    Raises:
        BrokenLinkError: the parts do not fit together.
    """
    data = _format(envelope, evidence)
    facts = verify_certificate(data, vkey=evidence.vkey)
    if facts.entries != tuple(map(str, cited)) or facts.certify != str(certify):
        raise BrokenLinkError("entries cited by statement", "not those asked for")
    return data


def verify_certificate(data: bytes, *, vkey: Trust = None) -> CertificateFacts:
    """Check every link: ``spelling of the certificate``, then those of ``audit.evidence``.

    Args:
        data: the file.
        vkey: the log's key, or the policy, that the verifier trusts; else the certificate's own is believed.

    Raises:
        BrokenLinkError: names the first link that does not hold.
    """
    envelope, evidence = link("spelling of the certificate", lambda: parse_certificate(data))
    chain = verify_chain("statement", envelope, evidence, act=CERTIFY, vkey=vkey)
    subjects = dict(chain.statement.subjects)
    return CertificateFacts(
        **chain.facts(vkey), certify=str(chain.act), certified_at=chain.acted_at, subjects=subjects
    )
