"""Append-only signed log: signed notes, Merkle tree, tiles, checkpoints, proofs, offline verification.

Follows C2SP tlog-tiles, signed-note, tlog-checkpoint and tlog-proof over RFC 6962 SHA-256 trees. Imports the
standard library and ``cryptography``, nothing else, so that an auditor can run it alone. The verifier is
``audit.verify`` (also ``python -m audit.verify PATH``).

>>> import tempfile, pathlib
>>> from datetime import UTC, datetime
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> log = create_log(folder / "log", create_key(folder / "log.key", "example.com/log"))
>>> log.append(format_entry(Entry(id="1", at=datetime(2026, 1, 2, tzinfo=UTC), type="a:b", actor="user:ann")))
(0,)
>>> note = log.publish()
>>> verify_proof(log.evidence([0]).proofs[0], log.evidence([0]).entries[0], log.signer.key).size
1
"""

from audit.bundle import BundleFacts, build_bundle, pack_bundle, unpack_bundle, verify_bundle
from audit.canonical import digest
from audit.certificate import CertificateFacts, build_certificate, parse_certificate, verify_certificate
from audit.checkpoint import Checkpoint, verify_checkpoint
from audit.dsse import (
    Statement,
    format_statement,
    parse_statement,
    sign_statement,
    subject_digests,
    verify_envelope,
)
from audit.entry import Detail, Entry, check_entry, format_entry, parse_entry
from audit.errors import AuditError, BrokenLinkError, LogError
from audit.evidence import Evidence
from audit.log import Log
from audit.logdir import create_key, create_log, load_key, open_log
from audit.note import Signer, SigningKey, VerifierKey, format_vkey, parse_vkey
from audit.proof import Proof, format_proof, parse_proof, verify_proof

__all__ = [
    "AuditError",
    "BrokenLinkError",
    "BundleFacts",
    "CertificateFacts",
    "Checkpoint",
    "Detail",
    "Entry",
    "Evidence",
    "Log",
    "LogError",
    "Proof",
    "Signer",
    "SigningKey",
    "Statement",
    "VerifierKey",
    "build_bundle",
    "build_certificate",
    "check_entry",
    "create_key",
    "create_log",
    "digest",
    "format_entry",
    "format_proof",
    "format_statement",
    "format_vkey",
    "load_key",
    "open_log",
    "pack_bundle",
    "parse_certificate",
    "parse_entry",
    "parse_proof",
    "parse_statement",
    "parse_vkey",
    "sign_statement",
    "subject_digests",
    "unpack_bundle",
    "verify_bundle",
    "verify_certificate",
    "verify_checkpoint",
    "verify_envelope",
    "verify_proof",
]
