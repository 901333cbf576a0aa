"""The audit trail on a log directory: entries in, evidence out, every failure one error that stops it all.

Entries about changes come by the outbox of the operational database (``service.adapters.sql.audit_index``).
Moving them is a transaction of that database around an append, so a process that dies in between leaves them
in both: before anything is moved, the tail of the log that is not indexed yet is read, and what stands there
leaves the outbox.

``open_trail`` creates a log only when told to, so that a lost log is noticed and never quietly begun anew.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from audit.checkpoint import Checkpoint, parse_checkpoint
from audit.cosign import Cosigner
from audit.dsse import sign_statement
from audit.entry import Entry, format_entry, parse_entry
from audit.errors import AuditError, KeyFileError, LogMissingError
from audit.evidence import Evidence
from audit.log import CHECKPOINT, Keys, Log
from audit.logdir import begin_rotation, create_key, create_log, end_rotation, load_keys, open_log
from audit.note import Signer, parse_note
from service.adapters.sql.audit_index import AuditIndex, SqlAuditIndex, index_rows
from service.errors import AuditUnavailableError, ConflictError, TamperedError
from service.ports import EntryFilter

_BLOCK: Final = 10_000  # entries in memory at once
_ID: Final = b'"id":"'
_TAG: Final = b'"tag":"'
_PEOPLE: Final = b'"people":"'


@contextlib.contextmanager
def _unavailable(step: str) -> Iterator[None]:
    """Turn every audit error into the one that stops a use case; its text holds no personal data."""
    try:
        yield
    except AuditError as error:
        raise AuditUnavailableError("audit log unavailable", step=step, why=str(error)) from error


def _text(entry: bytes, name: bytes) -> bytes:
    """A text of an entry, empty when it has none; faster than to parse it, as no text holds a quote."""
    at = entry.find(name) + len(name)
    return entry[at : entry.find(b'"', at)] if at >= len(name) else b""


class LogTrail:
    """Implements ``service.ports.AuditTrail`` over one log. Threads and processes may share the directory."""

    def __init__(self, log: Log, index: AuditIndex, new_key: Callable[[], object] = lambda: None) -> None:
        self._log, self._index, self._new_key = log, index, new_key

    @_unavailable("append")
    def append(self, *entries: Entry) -> None:
        """Make the entries durable, behind what the outbox holds: they may be about its changes."""
        if self._index.is_waiting():
            self._catch_up()
        self._log.append(*(format_entry(entry) for entry in entries))

    @_unavailable("append")
    def require(self) -> None:
        """Raise AuditUnavailableError when the log takes no entries any more."""
        if self._log.ended:
            raise self._log.ended

    @_unavailable("relay")
    def relay(self) -> None:
        """Move what the outbox holds, if anything, into the log, each entry once."""
        if self._index.is_waiting():
            self._catch_up()

    def _catch_up(self) -> None:
        """Bring the index up to date, and move what the outbox holds and the log has not."""
        with self._index() as index:
            self._follow(index)
            if waiting := index.waiting():
                self._log.append(*waiting)
                self._follow(index)

    def _follow(self, index: SqlAuditIndex) -> None:
        for start, entries in self._blocks(index.size()):
            index.extend(start, entries)

    def _blocks(self, start: int) -> Iterator[tuple[int, list[Entry]]]:
        """Entries from ``start`` on, sealed or not, in blocks, each with the index of its first."""
        rows = self._log.entries(start, unsealed=True)
        while block := list(itertools.islice(rows, _BLOCK)):
            yield block[0][0], [parse_entry(data) for _, data in block]

    @_unavailable("reconcile")
    def reconcile(self, progress: Callable[[int, int], None], *, rebuild: bool = False) -> dict[str, int]:
        """Hold all that the index says against the log; nobody waits for it longer than for a block.

        ``rebuild`` first makes the index from the log anew, in one transaction that all writers wait for.

        Returns:
            Numbers of ``entries`` of the log, ``indexed``, ``behind`` (not yet indexed), in the ``outbox``.

        Raises:
            TamperedError: the index lacks an entry, says something else of it, or knows more than the log.
        """
        with self._index() as index:
            if rebuild:
                index.clear()
                self._follow(index)
            size, waiting = index.size(), len(index.waiting())
            wrong, total = [row["position"] for row in index.rows(size, 1 << 62)], 0
        for start, entries in self._blocks(0):
            total = start + len(entries)
            right = index_rows(start, entries[: max(0, size - start)])
            with self._index() as index:
                found = index.rows(start, min(size, total))
            wrong += [row["position"] for row, seen in itertools.zip_longest(right, found) if row != seen]
            progress(total, max(size, total))
        if wrong or total < size:
            raise TamperedError("the index is not that of the log", position=min(wrong or [total]))
        return {"entries": total, "indexed": size, "behind": total - size, "outbox": waiting}

    @_unavailable("seal")
    def head(self) -> Checkpoint:
        """The tree head over everything appended, published."""
        return parse_checkpoint(parse_note(self._log.publish()).text)

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

    def tagged(self, test: Callable[[bytes, bytes, bytes], bool]) -> Iterator[tuple[int, Entry]]:
        """Sealed entries about people for which a test of their id, tag and people holds; reads all."""
        with _unavailable("entries"):
            self._log.publish()
            for index, data in self._log.entries():
                tag, people = _text(data, _TAG), _text(data, _PEOPLE)
                if (tag or people) and test(_text(data, _ID), tag, people):
                    yield index, parse_entry(data)

    @_unavailable("entries")
    def find(self, where: EntryFilter) -> tuple[tuple[int, Entry], ...]:
        """Sealed entries by the index, in order; what they say is read from the log."""
        self._catch_up()
        with self._index() as index:
            wanted = index.positions(where)
        self._log.publish()
        return tuple((place, parse_entry(data)) for place, data in self._log.read(wanted))

    @_unavailable("evidence")
    def evidence(self, indices: Sequence[int]) -> Evidence:
        """Seal, then give out these entries with proofs against one checkpoint."""
        self._log.publish()
        return self._log.evidence(indices)

    @_unavailable("attest")
    def attest(self, statement: bytes) -> bytes:
        """A DSSE envelope over a statement from ``audit.dsse.format_statement``, signed by the log's key."""
        return sign_statement(statement, *self._log.signers)

    @_unavailable("witnesses")
    def cosigned(self) -> dict[str, int]:
        """POSIX time of the line of each configured witness in the last checkpoint, 0 for none."""
        return self._log.cosigned()

    @_unavailable("rotate")
    def rotate(self, actor: str, at: datetime, *, finish: bool) -> str:
        """Let a new key sign beside the present one, or alone; returns its verifier key."""
        try:
            if finish:
                end_rotation(self._log, at=at, actor=actor)
                return self.vkey
            idle = {held.key for held in self._log.at_hand()} - {s.key for s in self._log.signers}
            if not idle and len(self._log.signers) == 1:
                self._new_key()
            return begin_rotation(self._log, at=at, actor=actor)
        except KeyFileError as error:
            raise ConflictError("the log's key cannot be changed now", why=str(error)) from None

    @property
    def vkey(self) -> str:
        """The verifier key, ``name+hash+key``."""
        return self._log.vkey


@_unavailable("open")
def open_trail(
    directory: Path,
    key: Path,
    origin: str,
    index: AuditIndex,
    *,
    create: bool = False,
    witnesses: Sequence[Cosigner] = (),
    tokens: Keys | None = None,
) -> LogTrail:
    """Open the log in ``directory``.

    Args:
        directory: the log.
        key: private key file, mode 0600, outside the log.
        origin: the log's name; must be the key's.
        index: the outbox and the index.
        create: make a key and a log where there is none yet; an existing pair is opened.
        witnesses: asked to cosign each checkpoint.
        tokens: keys in devices, beside those of the key file, which then need not exist.

    Raises:
        AuditUnavailableError: no log, a damaged one, another key, a key file that others can read,
            or a witness that has seen more of this log than there is.
    """

    def keys() -> Sequence[Signer]:
        return (*(load_keys(key) if key.exists() or not tokens else ()), *(tokens() if tokens else ()))

    def new_key() -> object:
        return create_key(key, origin, add=key.exists())

    if create and not tokens and not key.exists() and not (directory / CHECKPOINT).exists():
        create_key(key, origin)
    signer, *more = keys()
    if {origin} != {held.key.name for held in (signer, *more)}:
        raise KeyFileError(str(key), "belongs to another origin")
    try:
        return LogTrail(open_log(directory, keys, witnesses), index, new_key)
    except LogMissingError:
        if not create:
            raise
        create_log(directory, signer, witnesses).close()
    return LogTrail(open_log(directory, keys, witnesses), index, new_key)
