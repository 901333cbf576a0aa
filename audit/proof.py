"""Offline proofs of inclusion in the C2SP tlog-proof text format.

A header line, an optional ``extra`` line, ``index N``, one base64 hash per line, an empty line, then the
checkpoint verbatim. ``format_proof(parse_proof(data)) == data``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from audit.canonical import decode64, decode_number, decode_text, encode64
from audit.checkpoint import Checkpoint, verify_checkpoint
from audit.errors import FormatError
from audit.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from audit.note import VerifierKey

_HEADER: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Proof:
    """An inclusion proof with the checkpoint that it leads to. Parsed is not verified.

    Attributes:
        index: place of the entry in the log, from 0.
        hashes: sibling of the leaf first.
        checkpoint: the signed note, verbatim.
        extra: opaque bytes that nothing authenticates; None for none.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def parse_proof(data: bytes) -> Proof:
    """Read a proof without trusting it. Raises FormatError."""
    head, empty, checkpoint = decode_text(data, "proof").partition("\n\n")
    lines = head.split("\n")
    if not empty or lines.pop(0) != _HEADER:
        raise FormatError("proof", "header")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode64(lines.pop(0).removeprefix("extra "), "proof")
    if not lines or not lines[0].startswith("index "):
        raise FormatError("proof", "index line")
    index = decode_number(lines.pop(0).removeprefix("index "), "proof")
    hashes = tuple(decode64(line, "proof") for line in lines)
    if any(len(item) != HASH_BYTES for item in hashes):
        raise FormatError("proof", "hash length")
    return Proof(index, hashes, checkpoint.encode(), extra)


def format_proof(proof: Proof) -> bytes:
    """The bytes of a ``.tlog-proof`` file."""
    lines = [_HEADER]
    if proof.extra is not None:
        lines.append(f"extra {encode64(proof.extra)}")
    lines += [f"index {proof.index}", *(encode64(item) for item in proof.hashes), "", ""]
    return "\n".join(lines).encode() + proof.checkpoint


def verify_proof(data: bytes, entry: bytes, key: VerifierKey) -> Checkpoint:
    """Check that ``entry`` is in the log of ``key`` at the proof's index; returns the tree head.

    Raises:
        FormatError: not a proof, or its checkpoint is not one.
        SignatureError: the log did not sign the checkpoint.
        InclusionError: the entry is not there.
    """
    proof = parse_proof(data)
    checkpoint = verify_checkpoint(proof.checkpoint, key)
    verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return checkpoint
