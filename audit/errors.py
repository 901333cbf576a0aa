"""Everything that can go wrong in the log, one class per failure.

AuditError
├── EntryError
├── FormatError
├── SignatureError
├── ProofError
│   ├── InclusionError
│   └── ConsistencyError
├── LogError
│   ├── LogExistsError
│   ├── LogMissingError
│   ├── LogCorruptError
│   ├── LogForkedError
│   ├── NotSealedError
│   ├── LogFinishedError
│   ├── StorageFailedError
│   └── WriterEndedError
├── KeyFileError
└── BrokenLinkError

Fields are set once. The attributes that Python itself keeps on an exception (traceback, context, notes) stay
open: context managers assign them, so a frozen dataclass would break the exception while it travels.
"""

from __future__ import annotations

import errno
from dataclasses import FrozenInstanceError, dataclass
from typing import ClassVar

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class AuditError(Exception):
    """Base of every error that ``audit`` raises; ``message`` is its text, with the fields in braces."""

    message: ClassVar[str]

    def __str__(self) -> str:
        return self.message.format_map(vars(self))

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__ and not name.startswith("__"):
            raise FrozenInstanceError(name)
        super().__setattr__(name, value)


@dataclass(unsafe_hash=True)
class EntryError(AuditError, ValueError):
    """An entry, or its bytes, that the format does not admit."""

    field: str
    message = "audit entry: field {field!r} is not admissible"


@dataclass(unsafe_hash=True)
class FormatError(AuditError, ValueError):
    """A note, key, checkpoint, proof, tile, envelope or bundle that is not spelt as the format demands."""

    what: str
    problem: str
    message = "{what}: {problem}"


@dataclass(unsafe_hash=True)
class SignatureError(AuditError):
    """No signature of the expected key verifies."""

    name: str
    message = "no valid signature by {name}"


class ProofError(AuditError):
    """A Merkle proof does not hold."""


@dataclass(unsafe_hash=True)
class InclusionError(ProofError):
    """The leaf is not at that index of the tree."""

    index: int
    size: int
    message = "entry {index} is not proved to be in the tree of size {size}"


@dataclass(unsafe_hash=True)
class ConsistencyError(ProofError):
    """The newer tree does not extend the older one."""

    old: int
    new: int
    message = "the tree of size {new} is not proved to extend the one of size {old}"


class LogError(AuditError):
    """The log on disk cannot be used, or not for this."""


@dataclass(unsafe_hash=True)
class LogExistsError(LogError):
    """There is a log, or something else, in the directory."""

    directory: str
    message = "{directory} is not empty"


@dataclass(unsafe_hash=True)
class LogMissingError(LogError):
    """There is no log in the directory."""

    directory: str
    message = "{directory} holds no log"


@dataclass(unsafe_hash=True)
class LogCorruptError(LogError):
    """What is on disk does not cover what was signed or acknowledged; the writer refuses to run."""

    where: str
    problem: str
    message = "log is damaged at {where}: {problem}"


@dataclass(unsafe_hash=True)
class LogForkedError(LogError):
    """A witness has seen more of this log than there is, or something else; the writer refuses to run."""

    witness: str
    size: int
    message = "the witness {witness} has seen another history of this log, of size {size}"


@dataclass(unsafe_hash=True)
class NotSealedError(LogError):
    """The entry is not covered by the last signed checkpoint."""

    index: int
    size: int
    message = "entry {index} is outside the signed tree of size {size}"


@dataclass(unsafe_hash=True)
class LogFinishedError(LogError):
    """The log ends with ``log:close``: it takes nothing any more, its successor does."""

    origin: str
    message = "{origin} is closed; another log goes on from it"


@dataclass(unsafe_hash=True)
class StorageFailedError(LogError):
    """A read, write or sync failed. This call acknowledged nothing; what was acknowledged before is safe."""

    step: str
    code: int

    def __str__(self) -> str:
        reason = "the disk is full" if self.disk_full else errno.errorcode.get(self.code, "interrupted")
        return f"log: {self.step} failed: {reason}"

    @property
    def disk_full(self) -> bool:
        """Whether space (disk, quota or file size limit) ran out."""
        return self.code in _FULL


@dataclass(unsafe_hash=True)
class WriterEndedError(LogError):
    """An earlier failure ended this writer; a failed sync must never be tried again. Open the log anew."""

    reason: str
    message = "the log writer has ended: {reason}"


@dataclass(unsafe_hash=True)
class KeyFileError(AuditError):
    """The private key file cannot be used."""

    path: str
    problem: str
    message = "key file {path}: {problem}"


@dataclass(unsafe_hash=True)
class BrokenLinkError(AuditError):
    """Evidence does not verify. ``link`` is the first link of the chain that broke."""

    link: str
    problem: str
    message = "broken link: {link}: {problem}"
