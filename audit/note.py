r"""Signed notes and their keys (C2SP signed-note), Ed25519 only.

A note is text that ends in a newline, an empty line, and signature lines ``— name base64(id || signature)``.
A verifier key is ``name+id+base64(type || key)``; a signing key file holds ``PRIVATE+KEY+`` before the same
form with the seed. The id is the first four bytes of SHA-256(name, newline, type, public key). Whatever is
not spelt exactly so is refused: ``format_note(parse_note(data)) == data``.

The same key signs DSSE envelopes; their signed bytes start with ``DSSEv1 ``, which no note text of ours can,
since a key name holds no space and our notes begin with the key name.

>>> key = SigningKey("example.com/log", bytes(32))
>>> verify_note(sign_note("hello\n", key), key.key)
'hello\n'
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.canonical import decode64, encode64, read_exact
from audit.errors import FormatError, SignatureError

ED25519: Final = 0x01  # C2SP signed-note, signature types
KEY_BYTES: Final = 32
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
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        """Refuse what a note cannot name. Raises FormatError."""
        _check_name(self.name, "verifier key")
        if len(self.public) != KEY_BYTES:
            raise FormatError("verifier key", "key length")

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        text = self.name.encode() + b"\n" + bytes([ED25519]) + self.public
        return hashlib.sha256(text).digest()[:_ID_BYTES]

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises SignatureError."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, data)
        except (InvalidSignature, ValueError) as error:
            raise SignatureError(self.name) from error


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in memory; the seed never shows in ``repr``."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a name that a note cannot carry, or a seed of another length. Raises FormatError."""
        _check_name(self.name, "signing key")
        if len(self.seed) != KEY_BYTES:
            raise FormatError("signing key", "seed length")

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return VerifierKey(self.name, private.public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        """64 bytes of Ed25519 signature."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(data)


def _format_key(key: VerifierKey, data: bytes) -> str:
    return f"{key.name}+{key.id.hex()}+{encode64(bytes([ED25519]) + data)}"


def _parse_key(text: str) -> tuple[str, bytes]:
    """Name and key of ``name+id+base64(type || key)``; whether id and type fit shows when printed again."""
    name, _, data = text.split("+", 2)
    return name, decode64(data, "key")[1:]


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


def format_note(note: Note) -> bytes:
    """The bytes of a note."""
    lines = [f"\u2014 {s.name} {encode64(s.key_id + s.value)}\n" for s in note.signatures]
    return f"{note.text}\n{''.join(lines)}".encode()


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


def sign_note(text: str, signer: SigningKey) -> bytes:
    """A note with one signature. Raises FormatError for text that no note can hold."""
    key = signer.key
    data = format_note(Note(text, (Signature(key.name, key.id, signer.sign(text.encode())),)))
    if parse_note(data).text != text:
        raise FormatError("note", "text")
    return data


def verify_note(data: bytes, key: VerifierKey) -> str:
    """The text, if ``key`` signed it. Signatures of unknown keys are ignored, as the format demands.

    Raises:
        FormatError: not a note.
        SignatureError: no signature by the key, or one that does not verify.
    """
    note = parse_note(data)
    ours = [s for s in note.signatures if (s.name, s.key_id) == (key.name, key.id)]
    if not ours:
        raise SignatureError(key.name)
    for signature in ours:
        key.verify(signature.value, note.text.encode())
    return note.text
