r"""Checkpoints, what a log signs about its tree, and offline proofs that an entry is in it.

C2SP tlog-checkpoint and tlog-proof; each has one spelling: ``format_*(parse_*(data)) == data``.

The text is three lines: origin (the key's name), number of entries, base64 of the root. Extension lines are
refused: nobody could audit them. Signature lines of other keys are passed over: those of a key that takes
over, and of witnesses, whom ``audit.policy`` judges.

>>> parse_checkpoint("example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n").size
0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audit.canonical import decode64, decode_number, encode64, read_exact
from audit.errors import FormatError, SignatureError
from audit.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash, verify_inclusion
from audit.note import ED25519, Signer, VerifierKey, parse_note, sign_note, verify_lines, verify_note

_HEADER: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: origin, number of entries, root hash."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse what is no tree head. Raises FormatError."""
        if not self.origin or "\n" in self.origin or len(self.root) != HASH_BYTES or self.size < 0:
            raise FormatError("checkpoint", "origin, size or root")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise FormatError("checkpoint", "root of the empty tree")


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """The text that is signed."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{encode64(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The inverse of ``format_checkpoint``. Raises FormatError."""
    return read_exact(text, "checkpoint", _parse_checkpoint, format_checkpoint)


def _parse_checkpoint(text: str) -> Checkpoint:
    origin, size, root, _ = text.split("\n")
    return Checkpoint(origin, decode_number(size, "checkpoint"), decode64(root, "checkpoint"))


def sign_checkpoint(checkpoint: Checkpoint, *signers: Signer) -> bytes:
    """The signed note. Raises FormatError when the origin is not each signer's name, or one is a witness."""
    for signer in signers:
        if (signer.key.name, signer.key.kind) != (checkpoint.origin, ED25519):
            raise FormatError("checkpoint", "origin is not the key's name")
    return sign_note(format_checkpoint(checkpoint), *signers)


def verify_checkpoint(data: bytes, key: VerifierKey) -> Checkpoint:
    """The tree head, if ``key`` signed it.

    Raises:
        FormatError: not a checkpoint, or of another origin.
        SignatureError: the signature does not verify.
    """
    checkpoint = parse_checkpoint(verify_note(data, key))
    if (key.name, key.kind) != (checkpoint.origin, ED25519):
        raise FormatError("checkpoint", "origin is not the key's name")
    return checkpoint


def open_signed(data: bytes, signers: Sequence[Signer]) -> tuple[Checkpoint, tuple[Signer, ...]]:
    """The tree head, and those of the log's own keys that signed it, in the order of their lines.

    Raises:
        FormatError: not a checkpoint.
        SignatureError: a line in the log's name that none of the keys made, or no such line.
    """
    note, held = parse_note(data), {signer.key: signer for signer in signers}
    checkpoint, found = parse_checkpoint(note.text), verify_lines(note, held)
    if not found or len(found) != sum(line.name == checkpoint.origin for line in note.signatures):
        raise SignatureError(checkpoint.origin)
    return checkpoint, tuple(held[key] for key in found)


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


def format_proof(proof: Proof) -> bytes:
    """The bytes of a ``.tlog-proof`` file."""
    lines = [_HEADER]
    if proof.extra is not None:
        lines.append(f"extra {encode64(proof.extra)}")
    lines += [f"index {proof.index}", *(encode64(item) for item in proof.hashes), "", ""]
    return "\n".join(lines).encode() + proof.checkpoint


def parse_proof(data: bytes) -> Proof:
    """Read a proof without trusting it. Raises FormatError."""
    return read_exact(data, "proof", _parse_proof, format_proof)


def _parse_proof(data: bytes) -> Proof:
    head, _, checkpoint = data.decode().partition("\n\n")
    _, *lines = head.split("\n")
    extra = decode64(lines.pop(0)[6:], "proof") if lines[0].startswith("extra ") else None
    index = decode_number(lines.pop(0).removeprefix("index "), "proof")
    hashes = tuple(decode64(line, "proof") for line in lines)
    if any(len(item) != HASH_BYTES for item in hashes):
        raise FormatError("proof", "hash length")
    return Proof(index, hashes, checkpoint.encode(), extra)


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
