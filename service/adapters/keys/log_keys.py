"""The keys of the logs: one file, or devices, for all shards, whose origins they bear."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.errors import KeyFileError
from audit.logdir import create_key, keep_keys, load_keys
from audit.note import Signer, SigningKey

Tokens = Callable[[str], Sequence[Signer]]


@dataclass(frozen=True, slots=True)
class LogKeys:
    """Where the keys are.

    Attributes:
        path: key file, which need not exist where there are tokens.
        name: that its keys bear, with which every origin begins.
        tokens: keys in devices, by origin.
    """

    path: Path
    name: str
    tokens: Tokens | None

    def at_hand(self, origin: str) -> Sequence[Signer]:
        """The keys under a shard's name. Raises KeyFileError: no file, open to others, of another name."""
        held = load_keys(self.path) if self.path.exists() or not self.tokens else ()
        if any(key.name != self.name for key in held):
            raise KeyFileError(str(self.path), "belongs to another origin")
        return (
            *(SigningKey(origin, key.seed) for key in held),
            *(self.tokens(origin) if self.tokens else ()),
        )

    def add(self) -> None:
        """Draw one more key into the file. Raises KeyFileError."""
        create_key(self.path, self.name, add=self.path.exists())

    def keep(self, public: Collection[bytes]) -> None:
        """Destroy the keys of the file but these, by their public halves. Raises KeyFileError."""
        keep_keys(self.path, public)
