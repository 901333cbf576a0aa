"""The keys of the logs: one file, or devices, for all shards, whose origins they bear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from audit.errors import KeyFileError
from audit.logdir import load_keys
from audit.note import Signer, SigningKey

Tokens = Callable[[str], Sequence[Signer]]


def log_keys(path: Path, name: str, tokens: Tokens | None, origin: str) -> Sequence[Signer]:
    """The keys at hand under the name of a shard.

    Args:
        path: key file, which need not exist where there are tokens.
        name: that its keys bear, with which every origin begins.
        tokens: keys in devices, by origin.
        origin: of the shard.

    Raises:
        KeyFileError: no file, one that others can read, or of another name.
    """
    held = load_keys(path) if path.exists() or not tokens else ()
    if any(key.name != name for key in held):
        raise KeyFileError(str(path), "belongs to another origin")
    return (*(SigningKey(origin, key.seed) for key in held), *(tokens(origin) if tokens else ()))
