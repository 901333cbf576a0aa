"""Time, log, sources of rows, search and delivery; and ``Deps``, which hands all ports to a use case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import polars as pl

from audit.entry import Entry
from audit.evidence import Evidence, Place
from policies.enforcer import Enforcer
from privacy.keys.keyring import Keyring
from service.domain.contracts import DatasetContract, TextProfile
from service.domain.logs import Head
from service.domain.refusals import RefusalLimit
from service.ports.stores import EventStore, Vault
from service.ports.tables import Ops

if TYPE_CHECKING:
    from privacy.pii.detect import Detector  # its rules take time to load, and few commands read texts


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The current instant in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries of the log are wanted; an empty field asks nothing.

    Attributes:
        id, type, actor, decision, purpose: any of these values.
        resource: this resource, or one below it: ``dataset/statements``, ``aggregate``.
        since, until: instants; the second is the first one that is too late.
        last: at most so many, the newest.
    """

    id: frozenset[str] = frozenset()
    type: frozenset[str] = frozenset()
    actor: frozenset[str] = frozenset()
    decision: frozenset[str] = frozenset()
    purpose: frozenset[str] = frozenset()
    resource: str = ""
    since: datetime | None = None
    until: datetime | None = None
    last: int | None = None


class AuditTrail(Protocol):
    """The append-only log. Raises AuditUnavailableError when it cannot append; then nothing may happen."""

    def append(self, *entries: Entry) -> None:
        """Make the entries durable. Group commit is inside."""

    def require(self) -> None:
        """Raise AuditUnavailableError when the log takes no entries any more."""

    def relay(self) -> None:
        """Move what the outbox holds, if anything, into the log, each entry once."""

    def reconcile(self, progress: Callable[[int, int], None], *, rebuild: bool = False) -> Mapping[str, int]:
        """Hold the index against the log, made from it anew when told to; numbers of entries.

        Raises TamperedError where they differ.
        """

    def seal(self) -> bytes:
        """Publish signed checkpoints over everything appended; return that of the governance log."""

    def heads(self) -> tuple[Head, ...]:
        """Seal; the tree heads of all shards, of the governance log first, oldest first."""

    def entries(self) -> Iterable[tuple[Place, Entry]]:
        """Every sealed entry that is not pruned, with its place, shard by shard as ``heads``."""

    def tagged(self, test: Callable[[bytes, bytes, bytes], bool]) -> Iterator[tuple[Place, Entry]]:
        """Sealed entries about people for which a test of their id, tag and people holds; reads all."""

    def find(self, where: EntryFilter) -> tuple[tuple[Place, Entry], ...]:
        """Sealed entries by the index, oldest first; what they say is read from the log."""

    def evidence(self, places: Iterable[Place]) -> Evidence:
        """Seal, then give entries of the governance log out with proofs that lead to one checkpoint."""

    def prune(self, origin: str) -> Iterator[Entry]:
        """Remove the entries of a shard that takes none any more, each handed out first."""

    def rotate(self, actor: str, at: datetime, *, finish: bool) -> str:
        """Let a new key sign beside the present one, or alone; returns the verifier keys, a line each.

        Raises ConflictError when a rotation is under way, or with ``finish`` none is.
        """

    def attest(self, statement: bytes) -> bytes:
        """A DSSE envelope over an in-toto statement, signed with the governance log's key."""

    def cosigned(self) -> Mapping[str, int]:
        """POSIX time of the line of each configured witness in the last checkpoints, 0 for none in one."""

    def vkeys(self, year: int = 0) -> tuple[str, ...]:
        """Verifier keys, ``name+hash+key``, of the shards that take entries, or of those of a year."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a source, in order; what bounds the memory of an ingest.

    Attributes:
        frame: typed columns of the contract, and ``_row`` (UInt32) counted from 1 over the whole source.
        rejected: ``REJECTED`` frame of the rows that do not parse.
        done: share of the source read so far, 0 to 1.
    """

    frame: pl.DataFrame
    rejected: pl.DataFrame
    done: float


class Source(Protocol):
    """Rows on their way in: a file, an export of a database, a part of a stream."""

    @property
    def digest(self) -> str:
        """64 hex digits that name the content: under one contract the same digest gives the same rows."""

    @property
    def facts(self) -> tuple[tuple[str, str | int], ...]:
        """What the log entry says of the source, such as its encoding; sorted, no personal data."""

    def chunks(self, contract: DatasetContract) -> Iterator[Chunk]:
        """All rows, in bounded memory. Never guesses, never drops a row silently.

        Raises:
            ContractError: unknown or missing column, not a table; with facts of the source only.
            ConflictError: the source changed while it was read.
        """


class Connector(Protocol):
    """Opens files, and reads lines that came otherwise."""

    def open(self, path: Path, *, encoding: str = "") -> Source:
        """Look through a file once: its bytes' digest, and the encoding of text, named or decided.

        Raises ContractError (no regular file, wrong or unknown encoding, unknown suffix).
        """

    def lines(self, text: str, contract: DatasetContract) -> Iterator[Chunk]:
        """Rows of JSON lines that are in memory already: nothing of them touches a disk."""

    def table(self, data: bytes, suffix: str = ".csv") -> pl.DataFrame:
        """A whole file in memory, without a contract, every column as String. Raises ContractError."""


@dataclass(frozen=True, slots=True)
class ByteScan:
    """What a byte scan of the data directory saw; ``hits`` names files, never values.

    ``found`` has for each of them the places of the needles in what was asked for; none where a file cannot
    be read as what it is, so that it may hold anything.
    """

    files: int
    size: int
    hits: tuple[str, ...]
    found: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


class Scanner(Protocol):
    """Looks for byte strings in every file below the data directory."""

    def scan(self, needles: Sequence[str | bytes]) -> ByteScan:
        """Search text needles as UTF-8, UTF-16, hex and base64, byte needles raw, as hex and base64."""


class Courier(Protocol):
    """Carries a one-time code to a contact the service already holds."""

    def deliver(self, id_type: str, contact: str, code: str) -> None:
        """Send the code; the text names no data but the code."""


class ReportSigner(Protocol):
    """Signs the PDF of a report, and lets a third party say when it was there."""

    @property
    def level(self) -> str:
        """The PAdES level of what ``sign`` gives."""

    def sign(self, pdf: bytes) -> bytes:
        """The file with a PAdES signature."""

    def certificate(self) -> bytes:
        """The signer's certificate and those above it, PEM."""

    def stamp(self, data: bytes) -> bytes:
        """A time-stamp over the bytes (RFC 3161); nothing where no authority is configured."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What every use case is given."""

    clock: Clock
    audit: AuditTrail
    policy: Enforcer
    keyring: Keyring
    vault: Vault
    events: EventStore
    ops: Ops
    connector: Connector
    #: Built on first use. Raises UsageError without the models that the profile needs.
    detector: Callable[[TextProfile], Detector]
    scanner: Scanner
    courier: Courier
    home: Path
    signer: ReportSigner | None = None  # without it no report can be issued
    refusals: RefusalLimit = field(default_factory=RefusalLimit)
    trace: str = ""  # the W3C trace id of what is asked for, if it has one
