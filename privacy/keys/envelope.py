"""Envelopes: one sealed document per subject and data class, AES-256-GCM under the subject's own key.

The subject number, data class and schema version are authenticated with the document (AAD), so a box moved to
another subject, another class or another schema does not open. Layout: 12 random bytes of nonce, ciphertext,
tag.

>>> box = seal(bytes(32), b"{}", subject=7, data_class="contact", schema=1)
>>> open_sealed(bytes(32), box, subject=7, data_class="contact", schema=1)
b'{}'
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from privacy.errors import KeyFormatError, SealBrokenError

DEK_BYTES: Final = 32
_NONCE: Final = 12
_TAG: Final = 16


def seal(key: bytes, document: bytes, *, subject: int, data_class: str, schema: int) -> bytes:
    """Seal a document.

    Args:
        key: the subject's data encryption key, 32 bytes.
        document: plain bytes.
        subject: subject number.
        data_class: such as ``identity``.
        schema: version of the document's layout.

    Returns:
        The box: 28 bytes longer than the document.

    Raises:
        KeyFormatError: the key does not have 32 bytes.
    """
    nonce = secrets.token_bytes(_NONCE)  # PIPL 51, GDPR 32
    return nonce + _cipher(key).encrypt(nonce, document, _context(subject, data_class, schema))


def open_sealed(key: bytes, box: bytes, *, subject: int, data_class: str, schema: int) -> bytes:
    """Open a box with the key and the context it was sealed with.

    Raises:
        SealBrokenError: the box was not sealed with this key and context, or was altered.
        KeyFormatError: the key does not have 32 bytes.
    """
    cipher = _cipher(key)
    if len(box) < _NONCE + _TAG:
        raise SealBrokenError(data_class, schema)
    try:
        return cipher.decrypt(box[:_NONCE], box[_NONCE:], _context(subject, data_class, schema))
    except InvalidTag:
        raise SealBrokenError(data_class, schema) from None


def _cipher(key: bytes) -> AESGCM:
    if len(key) != DEK_BYTES:
        raise KeyFormatError(DEK_BYTES, len(key))
    return AESGCM(key)


def _context(subject: int, data_class: str, schema: int) -> bytes:
    """Unambiguous: two fixed-width numbers, then the rest is the class."""
    return subject.to_bytes(8, signed=True) + schema.to_bytes(4) + data_class.encode()
