"""The id of a batch: the same content from the same source under the same contract is one batch, always.

``batch id = SHA-256(canonical JSON of [source, digest of the content, digest of the contract])`` in hex.
Taking a file in twice therefore changes nothing, and a changed contract makes a new batch.
"""

from __future__ import annotations

import hashlib
import json


def batch_id(source_name: str, content: str, contract: str) -> str:
    """The id under which the content is taken in: 64 hex digits.

    Args:
        source_name: name of the source system, never a person's.
        content: digest of the content, such as the SHA-256 of a file.
        contract: digest of the contract it is held against.
    """
    identity = json.dumps([source_name, content, contract], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(identity.encode()).hexdigest()
