"""Logs in directories and their keys in files: create and open.

A log is never created by accident: ``open_log`` refuses where there is none, ``create_log`` where there is
anything. The private key lies elsewhere, readable by its owner alone.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.errors import (
    FormatError,
    KeyFileError,
    LogCorruptError,
    LogExistsError,
    LogMissingError,
    StorageFailedError,
)
from audit.filestore import PENDING, TEMPORARY, FileStore
from audit.log import CHECKPOINT, VKEY, Log
from audit.merkle import EMPTY_ROOT
from audit.note import KEY_BYTES, SigningKey, format_skey, format_vkey, parse_skey

_OWNER_ONLY = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def create_log(directory: Path, signer: SigningKey) -> Log:
    """Start an empty log. One whose creation was interrupted is started again.

    Raises:
        LogExistsError: there is something in the directory.
        StorageFailedError: the disk failed.
    """
    try:
        found = {path.name for path in directory.iterdir()} if directory.exists() else set()
        begun = {name for name in found if not name.endswith(TEMPORARY)} <= {VKEY, PENDING}
        if not begun or (PENDING in found and (directory / PENDING).stat().st_size):
            raise LogExistsError(str(directory))
        store = FileStore.create(directory)
        store.write({VKEY: f"{format_vkey(signer.key)}\n".encode()})
        store.write({CHECKPOINT: sign_checkpoint(Checkpoint(signer.key.name, 0, EMPTY_ROOT), signer)})
    except OSError as error:
        raise StorageFailedError("creation", error.errno or 0) from error
    return Log(store, signer)


def open_log(directory: Path, signer: SigningKey) -> Log:
    """Open a log for appending, recovering what a killed writer left.

    Raises:
        LogMissingError: there is no log.
        LogCorruptError: it is damaged, or belongs to another key.
        StorageFailedError: the disk failed.
    """
    if not (directory / CHECKPOINT).exists():
        raise LogMissingError(str(directory))
    try:
        if (directory / VKEY).read_bytes() != f"{format_vkey(signer.key)}\n".encode():
            raise LogCorruptError(VKEY, "not this key")
        store = FileStore(directory)
    except FileNotFoundError as error:
        raise LogCorruptError(Path(error.filename).name, "missing") from error
    except OSError as error:
        raise StorageFailedError("opening", error.errno or 0) from error
    return Log(store, signer)


def create_key(path: Path, name: str) -> SigningKey:
    """Draw a key and write it to a new file with mode 0600. Raises KeyFileError."""
    key = SigningKey(name, secrets.token_bytes(KEY_BYTES))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, flags, _OWNER_ONLY), "wb") as file:
            file.write(f"{format_skey(key)}\n".encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise KeyFileError(str(path), error.strerror or "cannot be written") from error
    return key


def load_key(path: Path) -> SigningKey:
    """Read a key file. Raises KeyFileError: missing, malformed, or anyone but the owner may touch it."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _OTHERS:
                raise KeyFileError(str(path), "readable by others; chmod 600")
            text = file.read().decode()
        return parse_skey(text.removesuffix("\n"))
    except OSError as error:
        raise KeyFileError(str(path), error.strerror or "cannot be read") from error
    except (FormatError, UnicodeDecodeError) as error:
        raise KeyFileError(str(path), "malformed") from error
