"""Keyring: every long-lived key of the service, derived from one root by HKDF-SHA256 (RFC 5869).

Keys of different families (identifier index, purpose, label) have different info strings, so no name of one
family can yield a key of another. Subject keys are not derived: they are random and wrapped, because a
derived key cannot be destroyed (see ``privacy.keys.epochs``).

Labels in use: ``suppression``, ``retention``, ``row-tag``, ``one-time-code``, ``subject-tag``, ``epoch``,
``source-secret``.

>>> ring = Keyring(bytes(32))
>>> len(ring.index_key("mobile")), ring.purpose_key("storage") == ring.derive("storage")
(32, False)
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from privacy.errors import KeyFormatError

ROOT_BYTES: Final = 32
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class Keyring:
    """Derives 32-byte keys from a root key and keeps them in memory only."""

    __slots__ = ("_derive",)

    def __init__(self, root: bytes) -> None:
        """Take the root key, 32 uniformly random bytes.

        Raises:
            KeyFormatError: another length.
        """
        if len(root) != ROOT_BYTES:
            raise KeyFormatError(ROOT_BYTES, len(root))

        @lru_cache(maxsize=256)
        def derive(family: str, name: str) -> bytes:
            if not _NAME.fullmatch(name):
                raise ValueError("key names look like credit_scoring")
            info = f"fiduciary/v1/{family}/{name}".encode()
            return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(root)

        self._derive = derive

    def index_key(self, id_type: str) -> bytes:
        """Key of the blind index of an identifier type. Raises ValueError for a malformed name."""
        return self._derive("index", id_type)

    def purpose_key(self, purpose: str) -> bytes:
        """Key of the pseudonyms of a purpose. Raises ValueError for a malformed name."""
        return self._derive("purpose", purpose)

    def derive(self, label: str) -> bytes:
        """Key of a label. Raises ValueError for a malformed label."""
        return self._derive("label", label)

    def __repr__(self) -> str:
        """Nothing secret."""
        return "Keyring(...)"
