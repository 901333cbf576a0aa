"""Cosigning (C2SP tlog-witness): what a log sends, what a witness decides, what the log makes of it.

``decide`` is the whole rule of a witness, pure:

=========================================================  ======
request                                                    status
=========================================================  ======
extends what was seen, or repeats it                       200, a signature line
is no request or no checkpoint; old size above the new     400
is of a log that this witness does not know                404
has no signature of that log, or a wrong one               403
starts from another size than the last one seen            409, that size
shows another tree of that size, or a wrong proof          422
=========================================================  ======

``cosign`` is the log's side. A witness that is down, slow, or answers with nothing usable costs its line,
nothing else: the checkpoint goes without, and asking again later fills it in. One that has seen a larger
tree (409), or cannot follow from what it saw to what it is shown (422), stops the log: it was rolled back, or
there are two of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from audit.canonical import decode64, decode_number, encode64, read_exact
from audit.checkpoint import Checkpoint, parse_checkpoint
from audit.errors import AuditError, ConsistencyError, FormatError, LogForkedError, SignatureError
from audit.merkle import HASH_BYTES, Node, consistency_proof, verify_consistency
from audit.note import Note, Signature, VerifierKey, format_note, parse_note, verify_lines

OK, MALFORMED, FOREIGN, UNKNOWN, CONFLICT, FORK = 200, 400, 403, 404, 409, 422
_MAX_PROOF: Final = 63
_LARGEST: Final = 2**63 - 1
_ATTEMPTS: Final = 2  # the witness may first have to say what it has seen


class Cosigner(Protocol):
    """A witness as a log sees it: a key, and a way to send it one request."""

    @property
    def key(self) -> VerifierKey:
        """Of the type ``COSIGNATURE``."""

    def add_checkpoint(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError when there is none."""


@dataclass(frozen=True, slots=True)
class Request:
    """Body of ``add-checkpoint``. Parsed is not verified.

    Attributes:
        old: size of the tree that the witness has seen, 0 for none.
        proof: consistency proof from there.
        note: the checkpoint.
    """

    old: int
    proof: tuple[bytes, ...]
    note: bytes


def format_request(request: Request) -> bytes:
    """The bytes that are sent."""
    lines = [f"old {request.old}", *map(encode64, request.proof), "", ""]
    return "\n".join(lines).encode() + request.note


def parse_request(data: bytes) -> Request:
    """The inverse of ``format_request``. Raises FormatError."""
    return read_exact(data, "witness request", _parse_request, format_request)


def _parse_request(data: bytes) -> Request:
    head, _, note = data.partition(b"\n\n")
    first, *lines = head.decode().split("\n")
    proof = tuple(decode64(line, "witness request") for line in lines)
    if len(proof) > _MAX_PROOF or any(len(item) != HASH_BYTES for item in proof):
        raise FormatError("witness request", "proof")
    return Request(decode_number(first.removeprefix("old "), "witness request"), proof, note)


def decide(
    request: Request, logs: Sequence[VerifierKey], seen: Checkpoint | None
) -> tuple[int, Checkpoint | None]:
    """Whether to cosign.

    Args:
        request: what the log sent.
        logs: keys of the logs that this witness knows.
        seen: the last tree head cosigned for the log, None for none.

    Returns:
        Status as in the table above; for 200 the tree head to cosign.

    Raises:
        FormatError: the note is none, which is status 400.
    """
    note = parse_note(request.note)
    keys = [key for key in logs if key.name == note.text.partition("\n")[0]]
    try:
        if not keys or not verify_lines(note, keys):
            return (FOREIGN if keys else UNKNOWN), None
        head = parse_checkpoint(note.text)
        status = _follow(request, seen, head)
    except SignatureError:
        return FOREIGN, None
    except ConsistencyError:
        return FORK, None
    except FormatError:  # an empty tree of another root is not a matter of spelling
        return (FORK if "\n0\n" in note.text else MALFORMED), None
    return status, head if status == OK else None


def _follow(request: Request, seen: Checkpoint | None, head: Checkpoint) -> int:
    """Whether the tree head follows the last one. Raises ConsistencyError."""
    if request.old > head.size or head.size > _LARGEST:
        return MALFORMED
    if request.old != (seen.size if seen else 0):
        return CONFLICT
    if seen and seen.size:
        verify_consistency(seen.size, head.size, seen.root, head.root, request.proof)
    elif request.proof:
        raise ConsistencyError(0, head.size)
    return OK


def cosign(note: bytes, before: bytes, node: Node, witnesses: Sequence[Cosigner], *, again: bool) -> bytes:
    """The checkpoint with the lines of the witnesses that cosign it.

    Args:
        note: signed by the log.
        before: the checkpoint published last; a line of it that covers the same tree is kept.
        node: of the tree of ``note``.
        witnesses: asked in this order.
        again: ask also those whose line is kept.

    Raises:
        LogForkedError: a witness has seen more, or something else.
    """
    new, old = parse_note(note), parse_note(before)
    lines = list(new.signatures)
    for witness in witnesses:
        seen = _lines_of(witness.key, old)
        kept = seen if old.text == new.text else []
        if again or not kept:
            kept = _ask(witness, new, parse_checkpoint(old.text).size if seen else 0, node) or kept
        lines += kept
    return format_note(Note(new.text, tuple(lines)))


def _lines_of(key: VerifierKey, note: Note) -> list[Signature]:
    return [line for line in note.signatures if (line.name, line.key_id) == (key.name, key.id)]


def _ask(witness: Cosigner, note: Note, old: int, node: Node) -> list[Signature]:
    """The witness's line, none when it gives none that verifies."""
    size = parse_checkpoint(note.text).size
    for _ in range(_ATTEMPTS):
        proof = consistency_proof(old, size, node) if old else ()
        try:
            status, body = witness.add_checkpoint(format_request(Request(old, proof, format_note(note))))
            if status == OK:
                answer = Note(note.text, parse_note(b"answer\n\n" + body).signatures)
                verify_lines(answer, [witness.key])
                return _lines_of(witness.key, answer)
            if status == CONFLICT:
                old = decode_number(body.decode("latin-1").removesuffix("\n"), "size")
        except (OSError, AuditError):
            return []
        if status == FORK or old > size:
            raise LogForkedError(witness.key.name, old)
        if status != CONFLICT:
            return []
    return []
