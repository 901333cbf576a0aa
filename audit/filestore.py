"""What the log's writer needs from storage: named files and an append-only segment, in one directory.

Storage is not trusted to be unchanged (the signed checkpoint tells), only to keep what it has synced. Every
method may raise OSError; the writer never tries a failed one again.

Files are written under a temporary name, synced, renamed, and their folder synced. The lock is ``flock`` on
the directory itself, taken through a fresh descriptor each time: it needs no file of its own, survives a
fork, and excludes threads as well as processes.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

PENDING: Final = "pending"  #: name of the segment's file
FIRST: Final = "first"  #: the one entry that a pruned shard keeps: what links it to the one before
TEMPORARY: Final = ".tmp"  #: ending of files that are not in place yet
_OPEN_FILES: Final = 100
_MARK: Final = f"publishing{TEMPORARY}"


class FileStore:
    """One log on a local file system: ``tile/...``, ``checkpoint``, ``vkey`` and ``pending``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._pending = os.open(directory / PENDING, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)

    @classmethod
    def create(cls, directory: Path) -> FileStore:
        """An empty store in a directory that holds no log yet. Raises OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        os.close(os.open(directory / PENDING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644))
        sync(directory)
        sync(directory.parent)
        return cls(directory)

    def close(self) -> None:
        """Give the descriptor back; no other method may be called after."""
        os.close(self._pending)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Exclude every other process and thread while the state is read or changed."""
        with opened(self.directory) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def read(self, path: str) -> bytes:
        """Content of a file. Raises FileNotFoundError."""
        return (self.directory / path).read_bytes()

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write whole files; each is seen old or new, never in part. On return they are durable."""
        targets = {self.directory / path: data for path, data in files.items()}
        write_durably(targets)
        above = {p for t in targets for p in t.parent.parents if p.is_relative_to(self.directory)}
        for folder in above:
            sync(folder)

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files that may be gone already, and the folders that this leaves empty."""
        for path in paths:
            target = self.directory / path
            target.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # rmdir only succeeds on an empty folder
                for folder in target.relative_to(self.directory).parents[:-1]:
                    (self.directory / folder).rmdir()

    def files(self) -> frozenset[str]:
        """Path of everything that is no folder."""
        return frozenset(path for path, _ in list_files(self.directory))

    def pending_size(self) -> int:
        """Length of the segment in bytes."""
        return os.fstat(self._pending).st_size

    def read_pending(self, offset: int) -> bytes:
        """The segment from an offset on."""
        chunks: list[bytes] = []
        while chunk := os.pread(self._pending, 1 << 24, offset):
            chunks.append(chunk)
            offset += len(chunk)
        return b"".join(chunks)

    def append_pending(self, data: bytes, offset: int) -> None:
        """Write at the end of the segment. Not durable before ``sync_pending``."""
        view = memoryview(data)
        while view:  # a short write is followed by one that says why (ENOSPC, EFBIG)
            written = os.pwrite(self._pending, view, offset)
            view, offset = view[written:], offset + written

    def sync_pending(self) -> None:
        """Make the segment durable."""
        os.fdatasync(self._pending)

    def settle(self) -> None:
        """Make durable what a killed writer wrote or put in place and did not live to sync."""
        os.fdatasync(self._pending)
        sync(self.directory)

    def cut_pending(self, size: int) -> None:
        """Shorten the segment, durably."""
        os.ftruncate(self._pending, size)
        os.fdatasync(self._pending)

    def begin(self) -> None:
        """Mark a publication as under way; a crash of the machine needs no mark, opening sweeps anyway."""
        (self.directory / _MARK).touch()

    def finish(self) -> None:
        """Take the mark away."""
        (self.directory / _MARK).unlink(missing_ok=True)

    def interrupted(self) -> bool:
        """Whether a publication was begun and not finished."""
        return (self.directory / _MARK).exists()


def list_files(directory: Path) -> Iterator[tuple[str, bool]]:
    """Path of everything below that is no folder, and whether it is a plain file; links are not followed."""
    folders = [""]
    while folders:
        prefix = folders.pop()
        with os.scandir(directory / prefix) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False):
                    folders.append(f"{prefix}{item.name}/")
                else:
                    yield f"{prefix}{item.name}", item.is_file(follow_symlinks=False)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[int]:
    """A descriptor of a folder, to lock or to sync."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def sync(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    with opened(folder) as handle:
        os.fsync(handle)


def write_durably(files: Mapping[Path, bytes]) -> None:
    """Write whole files; each is seen old or new, never in part. On return all of it is durable."""
    folders = {target.parent for target in files}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    items = iter(files.items())
    while part := dict(itertools.islice(items, _OPEN_FILES)):
        _write(part)
    for folder in folders:
        sync(folder)


def _write(files: Mapping[Path, bytes]) -> None:
    """Write all, then sync all: the first sync then carries most of the others' work."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    handles: list[int] = []
    try:
        for target, data in files.items():
            handles.append(os.open(f"{target}{TEMPORARY}", flags, 0o644))
            view = memoryview(data)
            while view:
                view = view[os.write(handles[-1], view) :]
        for handle in handles:
            os.fsync(handle)
    finally:
        for handle in handles:
            os.close(handle)
    for target in files:
        Path(f"{target}{TEMPORARY}").rename(target)
