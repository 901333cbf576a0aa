r"""Checkpoints: what a log signs about its tree (C2SP tlog-checkpoint).

The text is three lines: origin (the key's name), number of entries, base64 of the root. Extension lines are
refused: nobody could audit them. So is a second signature: while no witness cosigns, a line that verifiers
must ignore would be bytes that nobody checks.

>>> parse_checkpoint("example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n").size
0
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.canonical import decode64, decode_number, encode64
from audit.errors import FormatError
from audit.merkle import EMPTY_ROOT, HASH_BYTES
from audit.note import Signer, VerifierKey, parse_note, sign_note, verify_note


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


def parse_checkpoint(text: str) -> Checkpoint:
    """The inverse of ``format_checkpoint``. Raises FormatError."""
    lines = text.split("\n")
    if len(lines) != len(("origin", "size", "root", "")) or lines[3]:
        raise FormatError("checkpoint", "not three lines")
    return Checkpoint(lines[0], decode_number(lines[1], "checkpoint"), decode64(lines[2], "checkpoint"))


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """The text that is signed."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{encode64(checkpoint.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """The signed note. Raises FormatError when the origin is not the signer's name."""
    if checkpoint.origin != signer.key.name:
        raise FormatError("checkpoint", "origin is not the key's name")
    return sign_note(format_checkpoint(checkpoint), signer)


def verify_checkpoint(data: bytes, key: VerifierKey) -> Checkpoint:
    """The tree head, if exactly ``key`` signed it.

    Raises:
        FormatError: not a checkpoint, of another origin, or with signature lines nobody can check.
        SignatureError: the signature does not verify.
    """
    checkpoint = parse_checkpoint(verify_note(data, key))
    if checkpoint.origin != key.name:
        raise FormatError("checkpoint", "origin is not the key's name")
    if len(parse_note(data).signatures) != 1:
        raise FormatError("checkpoint", "more than the log's own signature")
    return checkpoint
