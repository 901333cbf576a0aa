"""Tags of erased people: enough to refuse them at the door, not enough to know who they were.

tag = AES-CMAC(K, id_type ":" normalised identifier). The key is its own, so a suppression list cannot be
joined with blind indexes. Basis: without it the next file would undo an erasure (PIPL 47(1), GDPR 17).
"""

from __future__ import annotations

import polars as pl
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from privacy.pseudonym.blind_index import blind_index


def suppression_tag(key: bytes, id_type: str, normalised: str) -> bytes:
    """The 16-byte tag of one normalised identifier."""
    mac = CMAC(AES(key))
    mac.update(f"{id_type}:{normalised}".encode())
    return mac.finalize()


def suppression_tags(values: pl.Series, key: bytes, id_type: str) -> pl.Series:
    """Tags of a column of normalised identifiers, Binary(16), null for null; same length."""
    return blind_index(pl.Series(values.name, [f"{id_type}:"]) + values, key)
