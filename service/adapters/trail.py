"""The audit trail on a log directory: entries in, evidence out, every failure one error that stops it all.

``open_trail`` creates a log only when told to, so that a lost log is noticed and never quietly begun anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from audit.dsse import sign_statement
from audit.entry import Entry, format_entry, parse_entry
from audit.errors import AuditError, KeyFileError, LogMissingError
from audit.evidence import Evidence
from audit.log import CHECKPOINT, Log
from audit.logdir import create_key, create_log, load_key, open_log
from service.errors import AuditUnavailableError


@contextlib.contextmanager
def _unavailable(step: str) -> Iterator[None]:
    """Turn every audit error into the one that stops a use case; its text holds no personal data."""
    try:
        yield
    except AuditError as error:
        raise AuditUnavailableError("audit log unavailable", step=step, why=str(error)) from error


class LogTrail:
    """Implements ``service.ports.AuditTrail`` over one log. Threads and processes may share the directory."""

    def __init__(self, log: Log) -> None:
        self._log = log

    @_unavailable("append")
    def append(self, *entries: Entry) -> tuple[int, ...]:
        """Make the entries durable and return their indices."""
        return self._log.append(*(format_entry(entry) for entry in entries))

    @_unavailable("seal")
    def seal(self) -> bytes:
        """Publish tiles and a signed checkpoint over everything appended; return the checkpoint note."""
        return self._log.publish()

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """Seal, then every entry in order: what is listed is always covered by a checkpoint."""
        with _unavailable("entries"):
            self._log.publish()
            for index, data in self._log.entries():
                yield index, parse_entry(data)

    @_unavailable("evidence")
    def evidence(self, indices: Sequence[int]) -> Evidence:
        """Seal, then give out these entries with proofs against one checkpoint."""
        self._log.publish()
        return self._log.evidence(indices)

    @_unavailable("attest")
    def attest(self, statement: bytes) -> bytes:
        """A DSSE envelope over a statement from ``audit.dsse.format_statement``, signed by the log's key."""
        return sign_statement(statement, self._log.signer)

    @property
    def vkey(self) -> str:
        """The verifier key, ``name+hash+key``."""
        return self._log.vkey


@_unavailable("open")
def open_trail(directory: Path, key: Path, origin: str, *, create: bool = False) -> LogTrail:
    """Open the log in ``directory``.

    Args:
        directory: the log.
        key: private key file, mode 0600, outside the log.
        origin: the log's name; must be the key's.
        create: make a key and a log where there is none yet; an existing pair is opened.

    Raises:
        AuditUnavailableError: no log, a damaged one, another key, or a key file that others can read.
    """
    if create and not key.exists() and not (directory / CHECKPOINT).exists():
        create_key(key, origin)
    signer = load_key(key)
    if signer.name != origin:
        raise KeyFileError(str(key), "belongs to another origin")
    try:
        return LogTrail(open_log(directory, signer))
    except LogMissingError:
        if not create:
            raise
        return LogTrail(create_log(directory, signer))
