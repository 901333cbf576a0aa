r"""Signed notes and their keys (C2SP signed-note and tlog-cosignature), Ed25519 only.

A note is text that ends in a newline, an empty line, and signature lines ``— name base64(id || signature)``.
A verifier key is ``name+id+base64(type || key)``; a signing key file holds ``PRIVATE+KEY+`` before the same
form with the seed. The id is the first four bytes of SHA-256(name, newline, type, public key). Whatever is
not spelt exactly so is refused: ``format_note(parse_note(data)) == data``.

A log's key (type 01) signs the text. A witness's key (type 04) signs ``cosignature/v1``, a time and the text,
and its line holds the time: so one can never stand for the other.

The same key signs DSSE envelopes; their signed bytes start with ``DSSEv1 ``, which no note text of ours can,
since a key name holds no space and our notes begin with the key name; nor can a cosignature.

>>> key = SigningKey("example.com/log", bytes(32))
>>> verify_note(sign_note("hello\n", key), key.key)
'hello\n'
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.canonical import decode64, encode64, read_exact
from audit.errors import FormatError, SignatureError

ED25519: Final = 0x01  # C2SP signed-note, signature types
COSIGNATURE: Final = 0x04
KEY_BYTES: Final = 32
_TIME_BYTES: Final = 8
_LAST_TIME: Final = 2**63 - 1
_ID_BYTES: Final = 4
_MAX_SIGNATURES: Final = 64
_PRIVATE: Final = "PRIVATE+KEY+"
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


def _check_name(name: str, what: str) -> None:
    if not name or "+" in name or any(c.isspace() for c in name) or _CONTROL.search(name):
        raise FormatError(what, "key name")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name.

    Attributes:
        name: key name, for a log its origin.
        public: 32 bytes, RFC 8032 encoding.
        kind: what it signs, ``ED25519`` or ``COSIGNATURE``.
    """

    name: str
    public: bytes
    kind: int = ED25519

    def __post_init__(self) -> None:
        """Refuse what a note cannot name. Raises FormatError."""
        _check_name(self.name, "verifier key")
        if len(self.public) != KEY_BYTES or self.kind not in {ED25519, COSIGNATURE}:
            raise FormatError("verifier key", "length or type")

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        text = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(text).digest()[:_ID_BYTES]

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises SignatureError."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, data)
        except (InvalidSignature, ValueError) as error:
            raise SignatureError(self.name) from error

    def verify_line(self, value: bytes, text: str) -> int:
        """Check the value of a line; returns its POSIX time, 0 for a log's. Raises SignatureError."""
        at = 0
        if self.kind == COSIGNATURE:
            at, value = int.from_bytes(value[:_TIME_BYTES]), value[_TIME_BYTES:]
            if not 0 < at <= _LAST_TIME:
                raise SignatureError(self.name)
        self.verify(value, _signed(text, at))
        return at


class Signer(Protocol):
    """What holds a private key: this process, or a device that never gives it out."""

    @property
    def key(self) -> VerifierKey:
        """The public half."""

    def sign(self, data: bytes) -> bytes:
        """64 bytes of Ed25519 signature."""


@dataclass(frozen=True)
class SigningKey:
    """A private key in memory; the seed never shows in ``repr``."""

    name: str
    seed: bytes = field(repr=False)
    kind: int = ED25519

    def __post_init__(self) -> None:
        """Refuse a name that a note cannot carry, or a seed of another length. Raises FormatError."""
        _check_name(self.name, "signing key")
        if len(self.seed) != KEY_BYTES:
            raise FormatError("signing key", "seed length")

    @cached_property
    def key(self) -> VerifierKey:
        """The public half."""
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return VerifierKey(self.name, private.public_key().public_bytes_raw(), self.kind)

    def sign(self, data: bytes) -> bytes:
        """64 bytes of Ed25519 signature."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(data)


def _format_key(key: VerifierKey, data: bytes) -> str:
    return f"{key.name}+{key.id.hex()}+{encode64(bytes([key.kind]) + data)}"


def _parse_key(text: str) -> tuple[str, bytes, int]:
    """Name, key and type of ``name+id+base64(type || key)``; whether the id fits shows when printed again."""
    name, _, encoded = text.split("+", 2)
    data = decode64(encoded, "key")
    return name, data[1:], data[0]


def format_vkey(key: VerifierKey) -> str:
    """``name+id+base64(type || key)``."""
    return _format_key(key, key.public)


def parse_vkey(text: str) -> VerifierKey:
    """The inverse of ``format_vkey``. Raises FormatError."""
    return read_exact(text, "verifier key", lambda text: VerifierKey(*_parse_key(text)), format_vkey)


def format_skey(key: SigningKey) -> str:
    """``PRIVATE+KEY+name+id+base64(type || seed)``: secret."""
    return _PRIVATE + _format_key(key.key, key.seed)


def parse_skey(text: str) -> SigningKey:
    """The inverse of ``format_skey``. Raises FormatError, which never holds key material."""

    def parse(text: str) -> SigningKey:
        return SigningKey(*_parse_key(text.removeprefix(_PRIVATE)))

    return read_exact(text, "signing key", parse, format_skey)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """Text, ending in a newline, and its signatures. Parsed is not verified."""

    text: str
    signatures: tuple[Signature, ...]


def format_lines(signatures: Iterable[Signature]) -> bytes:
    """The bytes of signature lines."""
    return "".join(f"\u2014 {s.name} {encode64(s.key_id + s.value)}\n" for s in signatures).encode()


def format_note(note: Note) -> bytes:
    """The bytes of a note."""
    return f"{note.text}\n".encode() + format_lines(note.signatures)


def parse_note(data: bytes) -> Note:
    """Read a note without trusting it. Raises FormatError."""
    return read_exact(data, "note", _parse_note, format_note)


def _parse_note(data: bytes) -> Note:
    text, _, lines = data.decode().rpartition("\n\n")
    signatures = tuple(_parse_signature(line) for line in lines.split("\n")[:-1])
    if _CONTROL.search(text) or not 1 <= len(signatures) <= _MAX_SIGNATURES:
        raise FormatError("note", "control character, no signatures or too many")
    return Note(f"{text}\n", signatures)


def _parse_signature(line: str) -> Signature:
    _, name, text = line.split(" ")
    _check_name(name, "note")
    data = decode64(text, "note")
    if len(data) <= _ID_BYTES:
        raise FormatError("note", "signature length")
    return Signature(name, data[:_ID_BYTES], data[_ID_BYTES:])


def _signed(text: str, at: int) -> bytes:
    """What a signature covers (C2SP tlog-cosignature for a time other than 0)."""
    return (f"cosignature/v1\ntime {at}\n{text}" if at else text).encode()


def sign_line(text: str, signer: Signer, at: int = 0) -> Signature:
    """A signature line over the text of a note; for a witness's key, and for no other, with a time.

    Raises:
        FormatError: a log's key with a time, a witness's key without one.
    """
    key = signer.key
    if not (0 < at <= _LAST_TIME if key.kind == COSIGNATURE else at == 0):
        raise FormatError("signature", "time")
    stamp = at.to_bytes(_TIME_BYTES) if at else b""
    return Signature(key.name, key.id, stamp + signer.sign(_signed(text, at)))


def sign_note(text: str, *signers: Signer) -> bytes:
    """A note with a signature of each signer. Raises FormatError for text that no note can hold."""
    data = format_note(Note(text, tuple(sign_line(text, signer) for signer in signers)))
    if parse_note(data).text != text:
        raise FormatError("note", "text")
    return data


def verify_lines(note: Note, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int]:
    """Those of the keys that signed, with the time of each line (0 for a log's).

    Lines of unknown keys are passed over, as the format demands; a line of a known key must verify.

    Raises:
        SignatureError: a line of a known key does not verify, or the key has two.
    """
    known = {(key.name, key.id): key for key in keys}
    found: dict[VerifierKey, int] = {}
    for line in note.signatures:
        if key := known.get((line.name, line.key_id)):
            if key in found:
                raise SignatureError(key.name)
            found[key] = key.verify_line(line.value, note.text)
    return found


def verify_note(data: bytes, key: VerifierKey) -> str:
    """The text, if ``key`` signed it. Signatures of unknown keys are ignored, as the format demands.

    Raises:
        FormatError: not a note.
        SignatureError: no signature by the key, or one that does not verify.
    """
    note = parse_note(data)
    if key not in verify_lines(note, [key]):
        raise SignatureError(key.name)
    return note.text
