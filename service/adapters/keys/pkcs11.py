"""Private keys that a token keeps and never gives out (PKCS #11), named by a URI (RFC 7512).

``pkcs11:token=bank;object=report?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/fiduciary/pin``

It is written so and not otherwise: a part that we did not understand might narrow the choice, and
``pin-value`` would show the PIN wherever the URI is shown. The file of the PIN is its owner's alone.

Each use is a session of its own, one at a time in a process: nothing stale is left when the device restarts,
and no key stays unlocked. Kinds of keys: ECDSA P-256, Ed25519.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pkcs11
from asn1crypto.core import OctetString
from pkcs11.util.ec import encode_ecdsa_signature

from audit.note import VerifierKey
from service.adapters.keys.files import read_private
from service.errors import StorageError, UsageError

_URI: Final = re.compile(
    r"pkcs11:token=([^;?&]+);object=([^;?&]+)\?module-path=([^;?&]+)&pin-source=(?:file:)?([^;?&\s]+)"
)
_TURN: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key pair in a token; both halves carry the same label."""

    token: str
    label: str
    module: str
    pin: Path

    def sign(self, data: bytes) -> bytes:
        """ECDSA over SHA-256 as DER, or Ed25519, by the kind of the key. Raises StorageError."""
        with self._opened(pkcs11.ObjectClass.PRIVATE_KEY) as key:
            if key.key_type is pkcs11.KeyType.EC_EDWARDS:
                return bytes(key.sign(data, mechanism=pkcs11.Mechanism.EDDSA))
            digest = hashlib.sha256(data).digest()
            return encode_ecdsa_signature(key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))

    def point(self) -> bytes:
        """The public key: uncompressed point of P-256, or 32 bytes of Ed25519. Raises StorageError."""
        with self._opened(pkcs11.ObjectClass.PUBLIC_KEY) as key:
            return bytes(OctetString.load(key[pkcs11.Attribute.EC_POINT]))

    @contextlib.contextmanager
    def _opened(self, kind: pkcs11.ObjectClass) -> Iterator[Any]:
        pin = read_private(self.pin).decode("utf-8", "replace").strip()
        try:
            with (
                _TURN,
                pkcs11.lib(self.module).get_token(token_label=self.token).open(user_pin=pin) as session,
            ):
                yield session.get_key(object_class=kind, label=self.label)
        except pkcs11.PKCS11Error as error:
            raise StorageError("token cannot be used", object=self.label, why=type(error).__name__) from None


def parse_uri(uri: str) -> TokenKey:
    """The key that a URI names. Raises UsageError, without the URI."""
    if not (match := _URI.fullmatch(uri)):
        raise UsageError("a PKCS #11 URI is token and object, then module-path and pin-source, no more")
    token, label, module, pin = map(unquote, match.groups())
    return TokenKey(token, label, module, Path(pin))


class TokenSigner:
    """An Ed25519 key in a token that signs the log: an ``audit.note.Signer``."""

    def __init__(self, uri: str, origin: str) -> None:
        """Ask the token for the public half. Raises UsageError, StorageError; FormatError for a P-256 key."""
        token = parse_uri(uri)
        self.key, self.sign = VerifierKey(origin, token.point()), token.sign
