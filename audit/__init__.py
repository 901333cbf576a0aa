"""Append-only signed log: signed notes, Merkle tree, tiles, checkpoints, proofs, offline verification.

Follows C2SP tlog-tiles, signed-note, tlog-checkpoint and tlog-proof over RFC 6962 SHA-256 trees. Imports the
standard library and ``cryptography``, nothing else, so that an auditor can run it alone. The verifier is
``audit.verify`` (also ``python -m audit.verify PATH``).

>>> import tempfile, pathlib
>>> from datetime import UTC, datetime
>>> from audit.checkpoint import verify_proof
>>> from audit.entry import Entry, format_entry
>>> from audit.logdir import create_key, create_log
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> log = create_log(folder / "log", create_key(folder / "log.key", "example.com/log"))
>>> log.append(format_entry(Entry(id="1", at=datetime(2026, 1, 2, tzinfo=UTC), type="a:b", actor="user:ann")))
(0,)
>>> note = log.publish()
>>> evidence = log.evidence([0])
>>> ((place, entry),) = evidence.entries.items()
>>> str(place), verify_proof(evidence.proofs[place], entry, log.signer.key).size
('example.com/log/0', 1)
"""
