"""The audit trail on its two logs: entries in, evidence out, every failure one error that stops it all.

Entries about changes come by the outbox of the operational database (``service.adapters.sql.audit_index``).
Moving them is a transaction of that database around an append, so a process that dies in between leaves them
in both: before anything is moved, the tail of the logs that is not indexed yet is read, and what stands there
leaves the outbox. Logs are created only when told to: a lost one is noticed and never quietly begun anew.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from audit.canonical import digest
from audit.cosign import Cosigner
from audit.dsse import sign_statement
from audit.entry import Entry, format_entry, parse_entry, text_of
from audit.errors import AuditError, KeyFileError
from audit.evidence import Evidence, Place
from audit.log import Log
from audit.logdir import begin_rotation, end_rotation
from audit.note import format_vkey
from audit.sealed import Sealed
from audit.shards import Shards, create_shards, shard_years
from service.adapters.keys.log_keys import LogKeys, Tokens
from service.adapters.sql.audit_index import AuditIndex, SqlAuditIndex
from service.domain.logs import LOGS, Head, LogName, log_of
from service.errors import AuditUnavailableError, ConflictError, StorageError, TamperedError
from service.ports import EntryFilter

_BLOCK: Final = 10_000  # entries in memory at once
_ID: Final = b'"id":"'
_TAG: Final = b'"tag":"'
_PEOPLE: Final = b'"people":"'


@contextlib.contextmanager
def _unavailable(step: str) -> Iterator[None]:
    """Turn every audit error into the one that stops a use case."""
    try:
        yield
    except (AuditError, StorageError) as error:  # the latter of a key in a device
        raise AuditUnavailableError("audit log unavailable", step=step, why=str(error)) from error


class LogTrail:
    """Implements ``service.ports.AuditTrail``. Threads and processes may share the directory."""

    def __init__(self, logs: Mapping[LogName, Shards], index: AuditIndex, keys: LogKeys) -> None:
        self._logs, self._index, self._keys = logs, index, keys
        self._governance = logs["governance"]

    @_unavailable("append")
    def append(self, *entries: Entry) -> None:
        """Make the entries durable, behind what the outbox holds: they may be about its changes."""
        LogTrail.relay(self)
        self._append(entries)

    def _append(self, entries: Sequence[Entry]) -> None:
        for name, shards in self._logs.items():
            if mine := [entry for entry in entries if log_of(entry.type, entry.decision) == name]:
                shards.append(*map(format_entry, mine), at=max(entry.at for entry in mine))

    @_unavailable("append")
    def require(self) -> None:
        """Raise AuditUnavailableError when a log takes no entries any more."""
        for log in self._open():
            if log.ended:
                raise log.ended

    def _open(self) -> list[Log]:
        return [shards.newest() for shards in self._logs.values()]

    @_unavailable("relay")
    def relay(self) -> None:
        """Move what the outbox holds into the logs, each entry once."""
        if self._index.is_waiting():
            self._catch_up()

    def _catch_up(self) -> None:
        """Bring the index up to date, and move what the outbox holds and the logs have not."""
        with self._index() as index:
            self._follow(index)
            if waiting := index.waiting():
                self._append([parse_entry(data) for data in waiting])
                self._follow(index)

    def _follow(self, index: SqlAuditIndex) -> None:
        """Index what is new: of a log nothing is, before the newest shard that is indexed."""
        sizes = index.sizes()
        for shards in self._logs.values():
            years = [year for year in shards.years() if not shards.is_pruned(year)]
            seen = [year for year in years if shards.origin(year) in sizes]
            for year in years[years.index(seen[-1]) if seen else 0 :]:
                origin = shards.origin(year)
                size = sizes.get(origin, 0)
                blocks = _blocks(shards.shard(year), Place(origin, max(size, 1) - 1))
                if size:  # the first of the entries that are read is the last that is indexed
                    _, entries = next(blocks, (None, []))
                    if [entry.id for entry in entries[:1]] != index.ids(Place(origin, size - 1)):
                        raise TamperedError("a log is not the one that was indexed", origin=origin)
                    index.extend(Place(origin, size), entries[1:])
                for place, entries in blocks:
                    index.extend(place, entries)

    @_unavailable("reconcile")
    def reconcile(self, progress: Callable[[int, int], None], *, rebuild: bool = False) -> dict[str, int]:
        """Hold all that the index says against the logs; nobody waits for it longer than for a block.

        ``rebuild`` first makes the index from the logs anew, in one transaction that all writers wait for.

        Returns:
            Numbers of ``entries`` of the logs, ``indexed``, ``behind`` (not yet indexed), in the ``outbox``.

        Raises:
            TamperedError: the index lacks an entry, says something else of it, or knows more than the logs.
        """
        with self._index() as index:
            index.sizes()  # waits for the turn
            if rebuild:
                index.forget()
                self._follow(index)
            sizes, waiting = index.sizes(), len(index.waiting())
        kept = {shards.origin(year): shards.shard(year) for shards, year in self._kept()}
        if unknown := sizes.keys() - kept.keys():
            raise TamperedError("the index knows a log that is not there", origin=min(unknown))
        found = [self._index.compare(o, _blocks(log, Place(o, 0)), progress) for o, log in kept.items()]
        total, indexed = (sum(each) for each in zip(*found, strict=True))
        return {"entries": total, "indexed": indexed, "behind": total - indexed, "outbox": waiting}

    def _kept(self) -> Iterator[tuple[Shards, int]]:
        """The shards that have their entries, in order."""
        for shards in self._logs.values():
            yield from ((shards, year) for year in shards.years() if not shards.is_pruned(year))

    @_unavailable("seal")
    def heads(self) -> tuple[Head, ...]:
        """Seal; the tree heads of all shards."""
        self.seal()
        return tuple(
            Head(name, year, head.origin, head.size, head.root.hex(), shards.is_pruned(year))
            for name, shards in self._logs.items()
            for year in shards.years()
            for head in (shards.head(year),)
        )

    @_unavailable("seal")
    def seal(self) -> bytes:
        """Publish tiles and signed checkpoints over everything appended; return the governance log's."""
        note, *_ = [shards.publish() for shards in self._logs.values()]
        return note

    def entries(self) -> Iterator[tuple[Place, Entry]]:
        """Seal, then every entry in order: what is listed is always covered by a checkpoint."""
        with _unavailable("entries"):
            for origin, rows in self._sealed():
                for position, data in rows:
                    yield Place(origin, position), parse_entry(data)

    def _sealed(self) -> Iterator[tuple[str, Iterator[tuple[int, bytes]]]]:
        self.seal()
        for shards, year in self._kept():
            yield shards.origin(year), shards.shard(year).entries()

    def tagged(self, test: Callable[[bytes, bytes, bytes], bool]) -> Iterator[tuple[Place, Entry]]:
        """Sealed entries about people for which a test of id, tag and people holds; reads all."""
        with _unavailable("entries"):
            for origin, rows in self._sealed():
                for position, data in rows:
                    tag, people = text_of(data, _TAG), text_of(data, _PEOPLE)
                    if (tag or people) and test(text_of(data, _ID), tag, people):
                        yield Place(origin, position), parse_entry(data)

    @_unavailable("entries")
    def find(self, where: EntryFilter) -> tuple[tuple[Place, Entry], ...]:
        """Sealed entries by the index, oldest first; what they say is read from the logs."""
        self._catch_up()
        with self._index() as index:
            wanted = index.places(where)
        self.seal()
        found: dict[Place, Entry] = {}
        for shards, year in self._kept():
            origin = shards.origin(year)
            mine = sorted(place.position for place in wanted if place.origin == origin)
            for position, data in shards.shard(year).read(mine) if mine else ():
                found[Place(origin, position)] = parse_entry(data)
        return tuple((place, found[place]) for place in wanted if place in found)

    @_unavailable("evidence")
    def evidence(self, places: Iterable[Place]) -> Evidence:
        """Seal, then give out these entries with proofs that lead to one checkpoint."""
        self._governance.publish()
        return self._governance.evidence(places)

    @_unavailable("attest")
    def attest(self, statement: bytes) -> bytes:
        """A DSSE envelope over a statement from ``audit.dsse.format_statement``, signed by the log's key."""
        return sign_statement(statement, *self._governance.newest().signers)

    @_unavailable("witnesses")
    def cosigned(self) -> dict[str, int]:
        """POSIX time of the line of each configured witness in the last checkpoints, 0 for none in one."""
        seen = [log.cosigned() for log in self._open()]
        return {name: min(times[name] for times in seen) for name in seen[0]}

    def prune(self, origin: str) -> Iterator[Entry]:
        """Remove the entries of a shard that takes none any more, and its index; each is handed out first."""
        for shards in self._logs.values():
            for year in shards.years():
                if shards.origin(year) == origin:
                    with self._index() as index:
                        index.sizes()  # waits for the turn
                        index.forget(origin)
                    with _unavailable("prune"):
                        yield from map(parse_entry, shards.prune(year))

    @_unavailable("rotate")
    def rotate(self, actor: str, at: datetime, *, finish: bool) -> str:
        """Let a new key sign beside the present one, or alone; returns the verifier keys, a line each."""
        self.seal()  # and see what another process has done
        signing = [[signer.key.public for signer in log.signers] for log in self._open()]
        pairs = zip(self._logs.values(), signing, strict=True)
        todo = [shards for shards, keys in pairs if (len(keys) > 1) == finish]
        if not todo or (not finish and len({keys[0] for keys in signing}) > 1):
            raise ConflictError(f"{'no' if finish else 'a'} change of the key is under way")
        try:
            if not finish:
                self._prepare({key for keys in signing for key in keys})
            for shards in todo:
                shards.on_newest(at, partial(end_rotation if finish else begin_rotation, at=at, actor=actor))
            self._keys.keep({signer.key.public for log in self._open() for signer in log.signers})
        except KeyFileError as error:
            raise ConflictError("the log's key cannot be changed now", why=str(error)) from None
        return "\n".join(format_vkey(log.signers[-1].key) for log in self._open())

    def _prepare(self, signing: set[bytes]) -> None:
        """See that one key may take over: one in a token that was never retired, or a new one."""
        self._keys.keep(signing)
        held = [signer.key for signer in self._keys.at_hand(self._governance.newest().origin)]
        for place, entry in self.find(EntryFilter(type=frozenset({"key:retire"}))):
            for key in held:
                if digest(format_vkey(replace(key, name=place.origin)).encode()) == entry.payload:
                    raise ConflictError("a key that was retired is at hand: take it away", key=key.id.hex())
        if {key.public for key in held} == signing and len(signing) == 1:
            self._keys.add()

    def vkeys(self, year: int = 0) -> tuple[str, ...]:
        """Verifier keys, ``name+hash+key``, of the shards that take entries, or of those of a year."""
        keys = [(s.origin(year), s.newest().signer.key) for s in self._logs.values()]
        return tuple(format_vkey(replace(key, name=origin if year else key.name)) for origin, key in keys)


def _blocks(log: Log | Sealed, start: Place) -> Iterator[tuple[Place, list[Entry]]]:
    """Entries from ``start`` on, sealed or not, in blocks, each with the place of its first."""
    rows = log.entries(start.position, unsealed=True)
    while block := list(itertools.islice(rows, _BLOCK)):
        yield start._replace(position=block[0][0]), [parse_entry(data) for _, data in block]


@_unavailable("open")
def open_trail(
    directory: Path,
    key: Path,
    origin: str,
    index: AuditIndex,
    *,
    year: int = 0,
    witnesses: Sequence[Cosigner] = (),
    tokens: Tokens | None = None,
) -> LogTrail:
    """Open the logs in ``directory``.

    Args:
        directory: has a folder for each log.
        key: private key file, mode 0600, outside the logs.
        origin: what the logs' names begin with; must be the key's name.
        index: the outbox and the index.
        year: make a key, and first shards of this year, where there are none; what exists is opened.
        witnesses: asked to cosign each checkpoint.
        tokens: keys in devices, beside those of the key file, which then need not exist.

    Raises:
        AuditUnavailableError: no log, a damaged one, another key, a key file that others can read,
            or a witness that has seen more of a log than there is.
    """
    keys = LogKeys(key, origin, tokens)
    fresh = year and not any(shard_years(directory / name) for name in LOGS)
    if fresh and not tokens and not key.exists():
        keys.add()
    for name in LOGS if year else ():
        if not shard_years(directory / name):
            create_shards(directory / name, f"{origin}/{name}", keys.at_hand, year)
    logs = {name: Shards(directory / name, f"{origin}/{name}", keys.at_hand, witnesses) for name in LOGS}
    return LogTrail(logs, index, keys)
