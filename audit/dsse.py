"""Signed statements: in-toto Statement v1 inside a DSSE envelope, signed with the log's key or keys.

What is signed is PAE(type, payload) = ``DSSEv1 len(type) type len(payload) payload``. Envelope and statement
have one spelling each (compact JSON, sorted keys): ``format_*(parse_*(data)) == data``.

>>> pae("t", b"ab")
b'DSSEv1 1 t 2 ab'
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from audit.canonical import decode64, encode64, encode_json, read_exact
from audit.errors import FormatError
from audit.note import Signer, VerifierKey

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_HEX: Final = re.compile(r"[0-9a-f]{64}")


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding of DSSE v1."""
    name = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim about things known by their digests.

    Attributes:
        subjects: SHA-256 in lower-case hex by name; not empty.
        predicate_type: URI that says what the predicate means.
        predicate: JSON object; for a report or certificate it has ``entries``, the cited log indices.
    """

    subjects: Mapping[str, str]
    predicate_type: str
    predicate: Mapping[str, object]

    def __post_init__(self) -> None:
        """Refuse a statement about nothing. Raises FormatError."""
        if not self.subjects or not all(_HEX.fullmatch(value) for value in self.subjects.values()):
            raise FormatError("statement", "subjects")
        if not self.predicate_type:
            raise FormatError("statement", "predicateType")


def subject_digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 in hex of each file, ready for ``Statement.subjects``."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def format_statement(statement: Statement) -> bytes:
    """Canonical JSON. Raises FormatError when the predicate is not JSON."""
    subjects = sorted(statement.subjects.items())
    return encode_json({
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": value}} for name, value in subjects],
        "predicateType": statement.predicate_type,
        "predicate": dict(statement.predicate),
    })  # fmt: skip


def parse_statement(data: bytes) -> Statement:
    """The inverse of ``format_statement``. Raises FormatError."""
    return read_exact(data, "statement", _parse_statement, format_statement)


def _parse_statement(data: bytes) -> Statement:
    body: Any = json.loads(data)
    subjects = {item["name"]: item["digest"]["sha256"] for item in body["subject"]}
    return Statement(subjects, body["predicateType"], dict(body["predicate"]))


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload and its signatures by key id. Parsed is not verified."""

    payload_type: str
    payload: bytes
    signatures: Mapping[str, bytes]


def format_envelope(envelope: Envelope) -> bytes:
    """Canonical JSON of the envelope."""
    return encode_json({
        "payload": encode64(envelope.payload),
        "payloadType": envelope.payload_type,
        "signatures": [{"keyid": key, "sig": encode64(sig)} for key, sig in envelope.signatures.items()],
    })  # fmt: skip


def parse_envelope(data: bytes) -> Envelope:
    """The inverse of ``format_envelope``. Raises FormatError."""
    return read_exact(data, "envelope", _parse_envelope, format_envelope)


def _parse_envelope(data: bytes) -> Envelope:
    body: Any = json.loads(data)
    signatures = {item["keyid"]: decode64(item["sig"], "envelope") for item in body["signatures"]}
    return Envelope(body["payloadType"], decode64(body["payload"], "envelope"), signatures)


def _key_id(key: VerifierKey) -> str:
    return f"{key.name}+{key.id.hex()}"


def _is_of(key_id: str, key: VerifierKey) -> bool:
    """Whether it is the key's, under the name of any log: the one who signs may be a shard behind."""
    name = key_id.rpartition("+")[0]
    return name != "" and _key_id(replace(key, name=name)) == key_id


def sign_statement(statement: bytes, *signers: Signer) -> bytes:
    """An envelope over a statement. Raises FormatError when it is not a canonical statement."""
    parse_statement(statement)
    signatures = {_key_id(signer.key): signer.sign(pae(PAYLOAD_TYPE, statement)) for signer in signers}
    return format_envelope(Envelope(PAYLOAD_TYPE, statement, signatures))


def verify_envelope(data: bytes, *keys: VerifierKey) -> Statement:
    """The statement, if one of ``keys`` signed it; a signature of any of them must verify.

    Raises:
        FormatError: not an envelope over a statement, or it names none of the keys.
        SignatureError: a signature does not verify.
    """
    envelope = parse_envelope(data)
    ours = [(key, sig) for key in keys for name, sig in envelope.signatures.items() if _is_of(name, key)]
    if envelope.payload_type != PAYLOAD_TYPE or not ours:
        raise FormatError("envelope", "payload type or key id")
    for key, signature in ours:
        key.verify(signature, pae(envelope.payload_type, envelope.payload))
    return parse_statement(envelope.payload)
