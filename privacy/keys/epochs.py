"""Key epochs: subject keys are wrapped by the key of the current epoch, and an epoch can be ended.

Deleting a wrapped key from a database is not enough: its bytes live on in a journal, a replica or a backup.
So whenever a subject is erased a new epoch begins: all other subjects' keys are wrapped anew under its key,
and the old epoch's key is destroyed. From then on no residue of any old wrapping can be opened (NIST SP
800-88, cryptographic erase).

Wrapping is AES-256-SIV (RFC 5297) with the subject number as associated data: a wrapped key moved to another
subject does not open. SIV needs no nonce, and every wrapped value is a fresh random key.

This module holds the arithmetic. Where epoch keys live is the business of ``service.adapters.keys``.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from privacy.errors import KeyFormatError, WrapBrokenError
from privacy.keys.envelope import DEK_BYTES
from privacy.pseudonym.purpose import SID_BYTES

KEK_BYTES: Final = 64  # AES-256-SIV takes two AES-256 keys
_NONCE: Final = 12
_OWNER: Final = b"fiduciary/v1/epoch/"


@dataclass(frozen=True, slots=True)
class SubjectKeys:
    """What belongs to one subject alone.

    Attributes:
        sid: 16 random bytes, the origin of all pseudonyms.
        dek: 32 random bytes, the key of the sealed documents.
    """

    sid: bytes = field(repr=False)
    dek: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse wrong lengths: wrapped keys are cut at a fixed place."""
        if len(self.sid) != SID_BYTES:
            raise KeyFormatError(SID_BYTES, len(self.sid))
        if len(self.dek) != DEK_BYTES:
            raise KeyFormatError(DEK_BYTES, len(self.dek))


def new_subject_keys() -> SubjectKeys:
    """Fresh random keys."""
    return SubjectKeys(secrets.token_bytes(SID_BYTES), secrets.token_bytes(DEK_BYTES))


class Epoch:
    """The key of one epoch, in memory.

    Attributes:
        id: ``<series>-<16 hex digits>``; a store of subject keys has one series.
    """

    __slots__ = ("_key", "_siv", "id")

    def __init__(self, epoch_id: str, key: bytes) -> None:
        """Take an id and a key of 64 bytes. Raises KeyFormatError."""
        if len(key) != KEK_BYTES:
            raise KeyFormatError(KEK_BYTES, len(key))
        self.id = epoch_id
        self._key = key
        self._siv = AESSIV(key)

    def wrap(self, subject: int, keys: SubjectKeys) -> bytes:
        """Wrap a subject's keys: 64 bytes."""
        return self._siv.encrypt(keys.sid + keys.dek, [_number(subject)])

    def unwrap(self, subject: int, wrapped: bytes) -> SubjectKeys:
        """Unwrap a subject's keys.

        Raises:
            WrapBrokenError: wrapped for another subject or epoch, or altered.
        """
        plain = self._opened(subject, wrapped)
        return SubjectKeys(plain[:SID_BYTES], plain[SID_BYTES:])

    def sid(self, subject: int, wrapped: bytes) -> bytes:
        """The sid alone, for whole columns; raises as ``unwrap`` does."""
        return self._opened(subject, wrapped)[:SID_BYTES]

    def _opened(self, subject: int, wrapped: bytes) -> bytes:
        try:
            return self._siv.decrypt(wrapped, [_number(subject)])
        except (InvalidTag, ValueError):
            raise WrapBrokenError(self.id) from None

    def sealed(self, wrapping_key: bytes) -> bytes:
        """The epoch's own key, sealed by AES-256-GCM under a key derived from the root (32 bytes)."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(wrapping_key).encrypt(nonce, self._key, _OWNER + self.id.encode())

    def __repr__(self) -> str:
        """Nothing secret."""
        return f"Epoch({self.id})"


def new_series() -> str:
    """A random name for the epochs of one store, so that two stores never touch each other's keys."""
    return secrets.token_hex(4)


def new_epoch(series: str) -> Epoch:
    """An epoch with a random id and key."""
    return Epoch(f"{series}-{secrets.token_hex(8)}", secrets.token_bytes(KEK_BYTES))


def series_of(epoch_id: str) -> str:
    """The series an epoch belongs to."""
    return epoch_id.partition("-")[0]


def open_epoch(epoch_id: str, sealed: bytes, wrapping_key: bytes) -> Epoch:
    """The inverse of ``Epoch.sealed``.

    Raises:
        WrapBrokenError: another root, another id, or altered bytes.
    """
    try:
        key = AESGCM(wrapping_key).decrypt(sealed[:_NONCE], sealed[_NONCE:], _OWNER + epoch_id.encode())
    except (InvalidTag, ValueError):
        raise WrapBrokenError(epoch_id) from None
    return Epoch(epoch_id, key)


def rewrap(rows: Iterable[tuple[int, bytes]], old: Epoch, new: Epoch) -> Iterator[tuple[int, bytes]]:
    """Wrap the keys of subjects anew: (subject, wrapped under old) to (subject, wrapped under new).

    Raises:
        WrapBrokenError: a row does not open under the old epoch; nothing may be committed then.
    """
    for subject, wrapped in rows:
        yield subject, new.wrap(subject, old.unwrap(subject, wrapped))


def _number(subject: int) -> bytes:
    return subject.to_bytes(8, signed=True)
