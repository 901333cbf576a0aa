"""A log's operator who publishes whatever history they like, and witnesses that answer in every way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from fakes import naive_merkle as naive
from fakes.audit_logs import KEY

from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.cosign import Request, format_request
from audit.filestore import PENDING
from audit.log import CHECKPOINT, VKEY
from audit.note import COSIGNATURE, SigningKey, VerifierKey, format_vkey
from audit.policy import Party, Policy
from audit.tiles import TreeReader
from audit.witness import Witness, create_heads

W1 = SigningKey("witness.example.com/w1", bytes([1] * 32), COSIGNATURE)
W2 = SigningKey("witness.example.com/w2", bytes([2] * 32), COSIGNATURE)
NEW = SigningKey(KEY.name, bytes([3] * 32))
POLICY = Policy((Party(KEY.key),), (Party(W1.key, "w1"),), (), "w1")
START = 1_700_000_000


def new_witness(folder: Path, signer: SigningKey = W1, *logs: VerifierKey) -> Witness:
    """A witness for one log whose clock ticks once per look."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "heads.sqlite").exists():
        create_heads(folder / "heads.sqlite")
    ticks = count(START)
    return Witness(signer, logs or (KEY.key,), folder / "heads.sqlite", lambda: next(ticks))


@dataclass(frozen=True)
class Operator:
    """Signs and publishes any history; proofs are those of the history shown."""

    keys: tuple[SigningKey, ...] = (KEY,)

    def note(self, history: Sequence[bytes]) -> bytes:
        """A checkpoint of this history, signed by the log."""
        head = Checkpoint(self.keys[0].name, len(history), naive.tree_hash(list(history)))
        return sign_checkpoint(head, *self.keys)

    def request(self, history: Sequence[bytes], old: int) -> bytes:
        """What is sent to a witness, with a proof from the history's own first ``old`` entries."""
        proof = naive.proof(old, list(history)) if 0 < old < len(history) else []
        return format_request(Request(old, tuple(proof), self.note(history)))

    def cosigned(self, history: Sequence[bytes], old: int, *witnesses: Witness) -> bytes:
        """The checkpoint with the line of every witness that gives one."""
        answers = [witness.add_checkpoint(self.request(history, old)) for witness in witnesses]
        return self.note(history) + b"".join(body for status, body in answers if status == 200)

    def publish(self, directory: Path, history: Sequence[bytes], note: bytes) -> Path:
        """A whole log directory of this history under this checkpoint."""
        files, _ = TreeReader(0, lambda path: (directory / path).read_bytes()).extended(list(history))
        files |= {CHECKPOINT: note, VKEY: f"{format_vkey(self.keys[0].key)}\n".encode(), PENDING: b""}
        for path, data in files.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_bytes(data)
        return directory


@dataclass
class Scripted:
    """A witness that gives these answers in turn, the last one for ever; None is no answer."""

    answers: list[tuple[int, bytes] | None]
    key: VerifierKey = W1.key
    asked: list[bytes] = field(default_factory=list)

    def add_checkpoint(self, request: bytes) -> tuple[int, bytes]:
        """The next answer."""
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise ConnectionRefusedError
        return answer


@dataclass
class Switched:
    """A real witness that can be switched off, and that counts how often it is asked."""

    witness: Witness
    on: bool = True
    asked: int = 0
    spoil: Callable[[bytes], bytes] = lambda body: body

    @property
    def key(self) -> VerifierKey:
        """Its key."""
        return self.witness.key

    def add_checkpoint(self, request: bytes) -> tuple[int, bytes]:
        """What the witness answers, when it is on."""
        self.asked += 1
        if not self.on:
            raise TimeoutError
        status, body = self.witness.add_checkpoint(request)
        return status, self.spoil(body)
