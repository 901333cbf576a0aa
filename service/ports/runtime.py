"""Time, log, sources of rows, search and delivery; and ``Deps``, which hands all ports to a use case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import polars as pl

from audit.entry import Entry
from audit.evidence import Evidence
from policies.enforcer import Enforcer
from privacy.keys.keyring import Keyring
from privacy.pii.detect import Detector
from service.domain.contracts import DatasetContract
from service.ports.stores import EventStore, Vault
from service.ports.tables import Ops


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        ...


class AuditTrail(Protocol):
    """The append-only log. Raises AuditUnavailableError when it cannot append; then nothing may happen."""

    def append(self, *entries: Entry) -> tuple[int, ...]:
        """Make the entries durable and return their indices. Group commit is inside."""
        ...

    def seal(self) -> bytes:
        """Publish tiles and a signed checkpoint over everything appended; return the checkpoint note."""
        ...

    def proof(self, index: int) -> bytes:
        """A C2SP tlog-proof of one entry against the last checkpoint."""
        ...

    def entries(self) -> Iterable[tuple[int, Entry]]:
        """Every sealed entry in order, with its index."""
        ...

    def evidence(self, indices: Sequence[int]) -> Evidence:
        """Seal, then give these entries out with proofs against one checkpoint."""
        ...

    def attest(self, statement: bytes) -> bytes:
        """A DSSE envelope over an in-toto statement, signed with the log's key."""
        ...

    @property
    def vkey(self) -> str:
        """The verifier key, ``name+hash+key``."""
        ...


class Connector(Protocol):
    """A source of rows. Reads one file; never guesses, never drops a row silently."""

    def encoding_of(self, path: Path, named: str = "") -> str:
        """The encoding ``read`` will use, named or decided; empty where the format states its own."""
        ...

    def read(
        self, path: Path, contract: DatasetContract, batch_id: str, *, encoding: str = ""
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Typed frame with ``_row`` and the REJECTED frame of rows that do not parse.

        Raises ContractError (unknown or missing column, wrong encoding, not a table) with file facts only.
        """
        ...


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
        ...


class Courier(Protocol):
    """Carries a one-time code to a contact the service already holds."""

    def deliver(self, id_type: str, contact: str, code: str) -> None:
        """Send the code; the text names no data but the code."""
        ...


class ReportSigner(Protocol):
    """Signs the PDF of a report."""

    def sign(self, pdf: bytes) -> bytes:
        """The file with a PAdES signature."""
        ...

    def certificate(self) -> bytes:
        """The signer's certificate, PEM."""
        ...


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
    detector: Callable[[], Detector]  # built on first use: importing presidio is slow
    scanner: Scanner
    courier: Courier
    home: Path
    signer: ReportSigner | None = None  # without it no report can be issued
