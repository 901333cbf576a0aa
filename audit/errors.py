"""Everything that can go wrong in the log, one class per failure.

AuditError
├── EntryError              an entry that the format cannot carry
├── FormatError             bytes that are not the one admitted spelling of a document
├── SignatureError          no valid signature by the expected key
├── ProofError
│   ├── InclusionError      an entry is not where the proof says
│   └── ConsistencyError    a tree is not an extension of an older one
├── LogError
│   ├── LogExistsError      creating a log where there is one
│   ├── LogMissingError     opening a log where there is none
│   ├── LogCorruptError     the disk does not cover what was signed or acknowledged
│   ├── NotSealedError      a proof was asked for an entry outside the signed tree
│   ├── StorageFailedError  a read, write or sync failed: the call did not happen, the writer has ended
│   └── WriterEndedError    an earlier failure ended this writer
├── KeyFileError            the private key file is missing, malformed or readable by others
└── BrokenLinkError         evidence does not verify: names the first broken link

Fields are set once. The attributes that Python itself keeps on an exception (traceback, context, notes) stay
open: context managers assign them, so a frozen dataclass would break the exception while it travels.
"""

from __future__ import annotations

import errno
from dataclasses import FrozenInstanceError, dataclass

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class AuditError(Exception):
    """Base of every error that ``audit`` raises."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__ and not name.startswith("__"):
            raise FrozenInstanceError(name)
        super().__setattr__(name, value)


@dataclass(unsafe_hash=True)
class EntryError(AuditError, ValueError):
    """An entry, or its bytes, that the format does not admit."""

    field: str

    def __str__(self) -> str:
        return f"audit entry: field {self.field!r} is not admissible"


@dataclass(unsafe_hash=True)
class FormatError(AuditError, ValueError):
    """A note, key, checkpoint, proof, tile, envelope or bundle that is not spelt as the format demands."""

    what: str
    problem: str

    def __str__(self) -> str:
        return f"{self.what}: {self.problem}"


@dataclass(unsafe_hash=True)
class SignatureError(AuditError):
    """No signature of the expected key verifies."""

    name: str

    def __str__(self) -> str:
        return f"no valid signature by {self.name}"


class ProofError(AuditError):
    """A Merkle proof does not hold."""


@dataclass(unsafe_hash=True)
class InclusionError(ProofError):
    """The leaf is not at that index of the tree."""

    index: int
    size: int

    def __str__(self) -> str:
        return f"entry {self.index} is not proved to be in the tree of size {self.size}"


@dataclass(unsafe_hash=True)
class ConsistencyError(ProofError):
    """The newer tree does not extend the older one."""

    old: int
    new: int

    def __str__(self) -> str:
        return f"the tree of size {self.new} is not proved to extend the one of size {self.old}"


class LogError(AuditError):
    """The log on disk cannot be used, or not for this."""


@dataclass(unsafe_hash=True)
class LogExistsError(LogError):
    """There is a log, or something else, in the directory."""

    directory: str

    def __str__(self) -> str:
        return f"{self.directory} is not empty"


@dataclass(unsafe_hash=True)
class LogMissingError(LogError):
    """There is no log in the directory."""

    directory: str

    def __str__(self) -> str:
        return f"{self.directory} holds no log"


@dataclass(unsafe_hash=True)
class LogCorruptError(LogError):
    """What is on disk does not cover what was signed or acknowledged; the writer refuses to run."""

    where: str
    problem: str

    def __str__(self) -> str:
        return f"log is damaged at {self.where}: {self.problem}"


@dataclass(unsafe_hash=True)
class NotSealedError(LogError):
    """The entry is not covered by the last signed checkpoint."""

    index: int
    size: int

    def __str__(self) -> str:
        return f"entry {self.index} is outside the signed tree of size {self.size}"


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

    def __str__(self) -> str:
        return f"the log writer has ended: {self.reason}"


@dataclass(unsafe_hash=True)
class KeyFileError(AuditError):
    """The private key file cannot be used."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"key file {self.path}: {self.problem}"


@dataclass(unsafe_hash=True)
class BrokenLinkError(AuditError):
    """Evidence does not verify. ``link`` is the first link of the chain that broke."""

    link: str
    problem: str

    def __str__(self) -> str:
        return f"broken link: {self.link}: {self.problem}"
