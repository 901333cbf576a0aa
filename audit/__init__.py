"""Append-only signed log: signed notes, Merkle tree, tiles, checkpoints, proofs, offline verification.

Follows C2SP tlog-tiles, signed-note and tlog-checkpoint over RFC 6962 SHA-256 trees. Imports the
standard library and ``cryptography``, nothing else, so that an auditor can run it alone.
"""
