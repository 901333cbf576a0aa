"""The guarded way back: from a purpose pseudonym to the subject's sid.

Only the rights and review use cases may import this module; an import contract holds them to it. A sid alone
names nobody: the vault maps it to a subject while the subject's keys live.
"""

from __future__ import annotations

import numpy as np

from privacy.errors import KeyFormatError
from privacy.pseudonym.purpose import SID_BYTES, invert


def reidentify(pseudonym: bytes, purpose_key: bytes) -> bytes:
    """The sid behind one pseudonym.

    Args:
        pseudonym: 16 bytes.
        purpose_key: key of the purpose the pseudonym was made for; another key gives a sid of nobody.

    Returns:
        16 bytes.

    Raises:
        KeyFormatError: a wrong length of either.
    """
    if len(pseudonym) != SID_BYTES:
        raise KeyFormatError(SID_BYTES, len(pseudonym))
    return invert(np.frombuffer(pseudonym, np.uint8).reshape(1, SID_BYTES), purpose_key).tobytes()
