"""Logs in directories and their keys in files: create and open.

A log is never created by accident: ``open_log`` refuses where there is none, ``create_log`` where there is
anything. The private key lies elsewhere, readable by its owner alone.

A key changes with an overlap. ``create_key`` adds the new one to the file, ``begin_rotation`` names it in
a ``key:rotate`` entry that a checkpoint of the old key covers, then both keys sign; whoever knows one of them
accepts. Once every verifier knows the new key, ``end_rotation`` logs ``key:retire`` under both and leaves the
new one alone. Other processes follow on their own, as each finds its keys in the file.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from audit.canonical import digest
from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.cosign import Cosigner
from audit.entry import Entry, format_entry
from audit.errors import (
    FormatError,
    KeyFileError,
    LogCorruptError,
    LogExistsError,
    LogMissingError,
    StorageFailedError,
)
from audit.filestore import PENDING, TEMPORARY, FileStore, sync
from audit.log import CHECKPOINT, VKEY, Keys, Log
from audit.merkle import EMPTY_ROOT
from audit.note import ED25519, KEY_BYTES, Signer, SigningKey, format_skey, format_vkey, parse_skey

_OWNER_ONLY = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def create_log(directory: Path, signer: Signer, witnesses: Sequence[Cosigner] = ()) -> Log:
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
    return _opened(store, signer, witnesses)


def _opened(store: FileStore, keys: Signer | Keys, witnesses: Sequence[Cosigner]) -> Log:
    try:
        return Log(store, keys, witnesses)
    except BaseException:
        store.close()
        raise


def open_log(directory: Path, keys: Signer | Keys, witnesses: Sequence[Cosigner] = ()) -> Log:
    """Open a log for appending, recovering what a killed writer left; arguments as ``audit.log.Log``.

    Raises:
        LogMissingError: there is no log.
        LogCorruptError: it is damaged, or belongs to another key.
        StorageFailedError: the disk failed.
    """
    if not (directory / CHECKPOINT).exists():
        raise LogMissingError(str(directory))
    try:
        signers = keys() if callable(keys) else (keys,)
        held = {f"{format_vkey(signer.key)}\n".encode() for signer in signers}
        if (directory / VKEY).read_bytes() not in held:
            raise LogCorruptError(VKEY, "not this key")
        store = FileStore(directory)
    except FileNotFoundError as error:
        raise LogCorruptError(Path(error.filename).name, "missing") from error
    except OSError as error:
        raise StorageFailedError("opening", error.errno or 0) from error
    return _opened(store, keys, witnesses)


def begin_rotation(log: Log, *, at: datetime, actor: str) -> str:
    """Let the one key at hand that does not sign yet sign beside the present one.

    Returns:
        Its verifier key, for those who verify.

    Raises:
        KeyFileError: there is no such key, or more than one, or a rotation is under way.
        LogError: as ``Log.append``.
    """
    fresh = [signer for signer in log.at_hand() if signer.key not in {s.key for s in log.signers}]
    if len(log.signers) != 1 or len(fresh) != 1:
        raise KeyFileError(log.signer.key.name, "a rotation needs one key that signs and one that does not")
    _record(log, "key:rotate", fresh[0], at, actor)
    log.publish(log.signer, fresh[0])
    return format_vkey(fresh[0].key)


def end_rotation(log: Log, *, at: datetime, actor: str) -> None:
    """Let only the new key sign. Raises KeyFileError when no rotation is under way, LogError."""
    old, *rest = log.signers
    if not rest:
        raise KeyFileError(old.key.name, "no rotation is under way")
    _record(log, "key:retire", old, at, actor)
    log.publish(*rest)


def _record(log: Log, kind: str, signer: Signer, at: datetime, actor: str) -> None:
    """Log what happens to a key, under a checkpoint of those that sign now."""
    name, vkey = secrets.token_hex(16), format_vkey(signer.key).encode()
    detail = (("key", signer.key.id.hex()),)
    entry = Entry(id=name, at=at, type=kind, actor=actor, payload=digest(vkey), detail=detail)
    log.append(format_entry(entry))
    log.publish()


def create_key(path: Path, name: str, kind: int = ED25519, *, add: bool = False) -> SigningKey:
    """Draw a key and write it to a new file with mode 0600, or add it to the keys of a file.

    Raises:
        KeyFileError: the file exists, or with ``add`` does not, or cannot be written.
    """
    key = SigningKey(name, secrets.token_bytes(KEY_BYTES), kind)
    _write_key(path, key, add=add)
    return key


def _write_key(path: Path, key: SigningKey, *, add: bool) -> None:
    flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_APPEND if add else os.O_CREAT | os.O_EXCL)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, flags, _OWNER_ONLY), "ab") as file:
            file.write(f"{format_skey(key)}\n".encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise KeyFileError(str(path), error.strerror or "cannot be written") from error


def keep_keys(path: Path, public: Collection[bytes]) -> None:
    """Destroy all keys of a file but these, by public halves; an empty file goes. Raises KeyFileError."""
    held = load_keys(path) if path.exists() else ()
    kept = [key for key in held if key.key.public in public]
    if len(kept) == len(held):
        return
    fresh = path.with_name(f"{path.name}{TEMPORARY}")
    fresh.unlink(missing_ok=True)
    for key in kept:
        _write_key(fresh, key, add=fresh.exists())
    if kept:
        fresh.rename(path)
    else:
        path.unlink()
    sync(path.parent)


def load_keys(path: Path) -> tuple[SigningKey, ...]:
    """Read a key file, one key a line. Raises KeyFileError: missing, malformed, or not the owner's alone."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _OTHERS:
                raise KeyFileError(str(path), "readable by others; chmod 600")
            text = file.read().decode()
        return tuple(parse_skey(line) for line in text.removesuffix("\n").split("\n"))
    except OSError as error:
        raise KeyFileError(str(path), error.strerror or "cannot be read") from error
    except (FormatError, UnicodeDecodeError) as error:
        raise KeyFileError(str(path), "malformed") from error


def load_key(path: Path) -> SigningKey:
    """The first key of a file. Raises KeyFileError."""
    return load_keys(path)[0]
