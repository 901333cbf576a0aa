"""The id of a batch: the same file from the same source under the same contract is the same batch, always.

``batch id = SHA-256(canonical JSON of [source, SHA-256 of the file, digest of the contract])`` in hex.
Taking a file in twice therefore changes nothing, and a changed contract makes a new batch.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from service.domain.contracts import DatasetContract
from service.errors import ContractError


def batch_id(source_name: str, path: Path, contract: DatasetContract) -> str:
    """The id under which the file is taken in: 64 hex digits.

    Args:
        source_name: name of the source system, never a person's.
        path: the file; read once, in blocks.
        contract: the contract it is held against.

    Raises:
        ContractError: no regular file, or it cannot be read.
    """
    if path.is_symlink() or not path.is_file():
        raise ContractError("not a regular file")
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ContractError("the file cannot be read", os_error=error.errno or 0) from None
    identity = json.dumps([source_name, content, contract.digest], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(identity.encode()).hexdigest()
