"""Source systems: what another system may push, and the secret that it signs with."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,30}")


@dataclass(frozen=True, slots=True)
class SourceSystem:
    """A system that sends batches.

    Attributes:
        name: ``[a-z][a-z0-9-]*``; the key id of its signatures, and ``svc:<name>`` in the log.
        datasets: what it may send to.
        purposes: what it may send for.
        version: of its secret, from 1; a new version ends the one before.
        revoked: nothing is taken from it.
    """

    name: str
    datasets: frozenset[str]
    purposes: frozenset[str]
    version: int = 1
    revoked: bool = False

    def __post_init__(self) -> None:
        """Refuse names that could be mistaken in a log or a header."""
        if not _NAME.fullmatch(self.name):
            raise ValueError("a source system is named like core-banking")


@dataclass(frozen=True, slots=True)
class PushRecord:
    """What became of an idempotency key of a source.

    Attributes:
        request: SHA-256 in hex over what was asked, body included.
        batch: id of the batch that was the answer.
        created: when the newest request with this key was signed, Unix seconds.
    """

    request: str
    batch: str
    created: int


def secret_of(source: SourceSystem, key: bytes) -> str:
    """The shared secret of a source, ``fds_`` and 64 hex digits: derived when needed, stored nowhere.

    Args:
        source: name and version enter.
        key: 32 bytes, the keyring's ``source-secret`` key.
    """
    text = f"{source.name}/{source.version}".encode()
    return "fds_" + hmac.digest(key, text, hashlib.sha256).hex()
