"""What the log's writer needs from storage. The directory is one implementation; tests have failing ones.

Storage is not trusted to be unchanged (the signed checkpoint tells), only to keep what it has synced.
Every method may raise OSError; the writer never tries a failed one again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol

PENDING: Final = "pending"  #: name of the segment's file
TEMPORARY: Final = ".tmp"  #: ending of files that are not in place yet


class Store(Protocol):
    """One log: named files, and an append-only segment of entries not yet published."""

    def close(self) -> None:
        """Give back what is open; no other method may be called after."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Exclude every other process and thread while the state is read or changed."""
        ...

    def read(self, path: str) -> bytes:
        """Content of a file. Raises FileNotFoundError."""
        ...

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write whole files; each is seen old or new, never in part. On return they are durable."""
        ...

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files that may be gone already, and folders that this leaves empty."""
        ...

    def files(self) -> frozenset[str]:
        """Path of every file there is."""
        ...

    def pending_size(self) -> int:
        """Length of the segment in bytes."""
        ...

    def read_pending(self, offset: int) -> bytes:
        """The segment from a byte offset on."""
        ...

    def append_pending(self, data: bytes, offset: int) -> None:
        """Write at the end of the segment. Not durable before ``sync_pending``."""
        ...

    def sync_pending(self) -> None:
        """Make the segment durable."""
        ...

    def cut_pending(self, size: int) -> None:
        """Shorten the segment, durably."""
        ...

    def begin(self) -> None:
        """Leave a mark that a publication is under way, for whoever finds it interrupted."""
        ...

    def finish(self) -> None:
        """Take the mark away."""
        ...

    def interrupted(self) -> bool:
        """Whether a publication was begun and not finished."""
        ...
