"""Purpose pseudonyms: a subject's secret number under one purpose's key.

Every subject has a random 128-bit ``sid``. Its pseudonym for a purpose is one AES-256 block encryption of the
sid under that purpose's key. AES is a permutation, so within a purpose two subjects never share a pseudonym;
without both keys, pseudonyms of two purposes cannot be joined; and once the sid is destroyed nothing leads
back.

This is the block cipher as a permutation of unique random values, not ECB over data: there is no structure
in a sid for ECB to show. ``invert`` stands apart in use: only ``privacy.pseudonym.reidentify`` may call it.

>>> import numpy as np
>>> sids = np.arange(32, dtype=np.uint8).reshape(2, 16)
>>> bool((invert(permute(sids, bytes(32)), bytes(32)) == sids).all())
True
"""

from __future__ import annotations

from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

from privacy.errors import KeyFormatError

Bytes = NDArray[np.uint8]

SID_BYTES: Final = 16
_KEY_BYTES: Final = 32


def permute(sids: Bytes, key: bytes) -> Bytes:
    """Pseudonyms of subjects under a purpose.

    Args:
        sids: (rows, 16) uint8.
        key: the purpose's key, 32 bytes.

    Returns:
        (rows, 16) uint8.

    Raises:
        KeyFormatError: the key does not have 32 bytes, or a sid does not have 16.
    """
    return _apply(_cipher(key).encryptor(), sids)  # PIPL 51, GDPR 32


def invert(pseudonyms: Bytes, key: bytes) -> Bytes:
    """The sids behind pseudonyms; same shapes and errors as ``permute``."""
    return _apply(_cipher(key).decryptor(), pseudonyms)


def _cipher(key: bytes) -> Cipher[modes.ECB]:
    if len(key) != _KEY_BYTES:
        raise KeyFormatError(_KEY_BYTES, len(key))
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - one block per random sid, see above


def _apply(aes: CipherContext, rows: Bytes) -> Bytes:
    if rows.ndim != 2 or rows.shape[1] != SID_BYTES:  # noqa: PLR2004 - a table of rows
        raise KeyFormatError(SID_BYTES, rows.shape[-1])
    out = bytearray(rows.size + SID_BYTES - 1)
    aes.update_into(np.ascontiguousarray(rows).reshape(-1).data, out)
    return np.frombuffer(out, np.uint8, count=rows.size).reshape(rows.shape)
