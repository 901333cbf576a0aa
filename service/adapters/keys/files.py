"""Key files: written once, durable before use, readable by their owner only, destroyed for good.

* The root key is 32 raw bytes in one file. It is never overwritten, and not used while others may read it.
* Each key epoch is a file ``epoch-<id>.key``, sealed under a key derived from the root. A file appears whole
  (it is written beside, synced, then renamed) and disappears by overwriting, sync, unlink, sync of the
  directory.

Overwriting reaches the file's own blocks; what a copy-on-write file system or a flash drive keeps beside
them stays sealed under the root key.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from privacy.errors import WrapBrokenError
from privacy.keys.epochs import Epoch, open_epoch, series_of
from privacy.keys.keyring import ROOT_BYTES
from service.errors import ConflictError, StorageError, TamperedError

_PREFIX: Final = "epoch-"
_SUFFIX: Final = ".key"
_PARTIAL: Final = ".partial"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def create_root(path: Path) -> bytes:
    """Make a random root key.

    Args:
        path: where; its directory is made, for the owner only, if missing.

    Returns:
        The 32 bytes of the key, durable on disk.

    Raises:
        ConflictError: the file exists; a root key is never replaced.
        StorageError: it cannot be written.
    """
    root = secrets.token_bytes(ROOT_BYTES)
    with _plain_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(path, root)
    return root


def load_root(path: Path) -> bytes:
    """Read the root key.

    Raises:
        StorageError: missing, unreadable, not a plain file of ours, open to others, or of a wrong length.
    """
    root = read_private(path)
    if len(root) != ROOT_BYTES:
        raise StorageError("key file has a wrong length", file=path.name)
    return root


class EpochFiles:
    """The epoch keys of a data directory."""

    def __init__(self, directory: Path, sealing_key: bytes) -> None:
        """Use a directory (made if missing) and a key of 32 bytes derived from the root."""
        self._directory = directory
        self._key = sealing_key
        with _plain_errors(directory):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self, epoch: Epoch) -> None:
        """Write an epoch's key; when this returns it is durable. Raises ConflictError, StorageError."""
        path = self._path(epoch.id)
        with _plain_errors(path):
            write_new(path, epoch.sealed(self._key))

    def load(self, epoch_id: str) -> Epoch:
        """Read an epoch's key.

        Raises:
            StorageError: missing, or open to others.
            TamperedError: it was sealed under another root or altered.
        """
        sealed = read_private(self._path(epoch_id))
        try:
            return open_epoch(epoch_id, sealed, self._key)
        except WrapBrokenError:
            raise TamperedError("epoch key does not open", epoch=epoch_id) from None

    def ids(self) -> frozenset[str]:
        """The epochs that have a file."""
        names = (path.name for path in self._directory.glob(f"{_PREFIX}*{_SUFFIX}"))
        return frozenset(name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in names)

    def destroy(self, epoch_id: str) -> None:
        """Destroy an epoch's key. Idempotent. Raises StorageError; then the key may still exist."""
        self._wipe(self._path(epoch_id))

    def sweep(self, keep: str) -> tuple[str, ...]:
        """Destroy what a crash left: every epoch of the same series but one, and files half written.

        The caller holds the lock under which epochs change, so no other process is in the middle of it.

        Returns:
            The ids destroyed.
        """
        series = f"{_PREFIX}{series_of(keep)}-"
        for partial in self._directory.glob(f"{series}*{_PARTIAL}"):
            self._wipe(partial)
        old = sorted(i for i in self.ids() if series_of(i) == series_of(keep) and i != keep)
        for epoch_id in old:
            self.destroy(epoch_id)
        return tuple(old)

    def _path(self, epoch_id: str) -> Path:
        return self._directory / f"{_PREFIX}{epoch_id}{_SUFFIX}"

    def _wipe(self, path: Path) -> None:
        with _plain_errors(path):
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
            except FileNotFoundError:
                return
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                status = os.fstat(file.fileno())
                if status.st_nlink == 1:  # else it has another name, under which it is wiped or kept
                    file.write(bytes(status.st_size))
                    os.fsync(file.fileno())
            path.unlink(missing_ok=True)
            _sync_directory(path.parent)


def write_new(path: Path, content: bytes) -> None:
    """All of a new file or nothing; never over an existing one (``link`` refuses, ``rename`` would not)."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_PARTIAL}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            file.write(content)
            os.fsync(file.fileno())
        os.link(partial, path)
    finally:
        partial.unlink()
    _sync_directory(path.parent)


def read_private(path: Path) -> bytes:
    """The content of a file that is its owner's alone. Raises StorageError for any other."""
    with _plain_errors(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise StorageError("key file is not a plain file", file=path.name)
            if status.st_mode & _OTHERS or status.st_uid != os.geteuid():
                raise StorageError("key file is open to others; make it 0600 and your own", file=path.name)
            return file.read()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    """Operating system errors as the service's own, with the file's name and the error's."""
    try:
        yield
    except FileExistsError:
        raise ConflictError("key file exists", file=path.name) from None
    except OSError as error:
        raise StorageError(
            "key file cannot be used", file=path.name, cause=os.strerror(error.errno or 0)
        ) from None
