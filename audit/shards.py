"""A log in yearly shards, each a log of its own: what is old ends, and can be pruned without the rest.

Shard 2026 of ``example.com/access`` lies in the folder ``2026``; its origin is ``example.com/access/2026``.
An entry goes into the newest shard. The first one of a later year turns it over: a ``log:close`` entry ends
the old shard, its last checkpoint becomes entry 0 of the new one (``log:open``: origin, size, root, digest of
the note), so whoever trusts the newest checkpoint trusts all before it. A shard comes into being by one
rename, complete with its first entry: a killed process leaves the old one closed or not, the next goes on.

Pruned, a shard keeps checkpoint, hashes and its link to the one before: whoever holds one of its entries can
still prove it.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import secrets
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from audit.canonical import digest, encode64
from audit.checkpoint import Checkpoint, parse_checkpoint, verify_proof
from audit.cosign import Cosigner
from audit.entry import CLOSE, OPEN, Entry, format_entry, parse_entry
from audit.errors import (
    LogCorruptError,
    LogExistsError,
    LogFinishedError,
    LogMissingError,
    NotSealedError,
    StorageFailedError,
)
from audit.evidence import Evidence, Place
from audit.filestore import FIRST, TEMPORARY, opened, sync, write_durably
from audit.log import CHECKPOINT, VKEY, Log
from audit.logdir import create_log, open_log
from audit.note import Signer, parse_note, parse_vkey
from audit.sealed import Sealed
from audit.tiles import WIDTH, TreeReader, tile_path

ENTRIES: Final = "tile/entries"
_YEAR: Final = re.compile(r"[0-9]{4}")
_ACTOR: Final = "svc:log"
Keys = Callable[[str], Sequence[Signer]]


@contextlib.contextmanager
def _step(name: str) -> Iterator[None]:
    """A failure of the disk is one clear error."""
    try:
        yield
    except OSError as error:
        raise StorageFailedError(name, error.errno or 0) from error


def read_head(note: bytes) -> Checkpoint:
    """What a checkpoint note says; who signed it is not looked at."""
    return parse_checkpoint(parse_note(note).text)


def shard_years(folder: Path) -> list[int]:
    """The shards in a folder, oldest first; none when there is no folder."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if _YEAR.fullmatch(name))


def create_shards(folder: Path, name: str, keys: Keys, year: int) -> None:
    """Make the first shard, empty.

    Raises:
        LogExistsError: there is a shard.
        StorageFailedError: the disk failed.
    """
    if shard_years(folder):
        raise LogExistsError(str(folder))
    _create(folder / str(year), keys(f"{name}/{year}")[:1], ())


@_step("creation")
def _create(shard: Path, signers: Sequence[Signer], entries: Sequence[bytes]) -> None:
    """A log with these entries and signatures, there all at once."""
    fresh = shard.with_name(f"{shard.name}{TEMPORARY}")
    shutil.rmtree(fresh, ignore_errors=True)
    with contextlib.closing(create_log(fresh, signers[0])) as log:
        log.append(*entries)
        log.publish(*signers)
    fresh.rename(shard)
    sync(shard.parent)


class Shards:
    """The shards of one log, open for appending. Threads and processes may share the folder."""

    def __init__(self, folder: Path, name: str, keys: Keys, witnesses: Sequence[Cosigner] = ()) -> None:
        """Open the newest shard; ``keys`` are those at hand for an origin, ``witnesses`` cosign the newest.

        Raises:
            LogMissingError: there is no shard.
            LogError: as ``audit.logdir.open_log``.
        """
        self.folder, self.name = folder, name
        self._keys, self._witnesses = keys, witnesses
        self._lock = threading.RLock()
        self._logs: dict[int, Log] = {}
        self._closed: dict[int, Sealed] = {}
        self._firsts: dict[int, Entry] = {}
        self._newest = 0
        self.years()
        self.newest()

    @_step("opening")
    def years(self) -> list[int]:
        """All shards, oldest first. Raises LogMissingError when there is none."""
        with self._lock:
            if not (years := shard_years(self.folder)):
                raise LogMissingError(str(self.folder))
            self._newest = max(self._newest, years[-1])
            return years

    def origin(self, year: int) -> str:
        """Origin of a shard."""
        return f"{self.name}/{year}"

    def is_pruned(self, year: int) -> bool:
        """Whether a shard has no entries any more; one that was closed had at least one."""
        return year < self._newest and not (self.folder / str(year) / ENTRIES).exists()

    @_step("opening")
    def _log(self, year: int) -> Log:
        with self._lock:
            if year not in self._logs:
                sync(self.folder)  # who made the shard may have died before its name was durable
                keys = partial(self._keys, self.origin(year))
                self._logs[year] = open_log(self.folder / str(year), keys, self._witnesses)
            return self._logs[year]

    def newest(self) -> Log:
        """The shard that takes entries, as far as this process knows. Raises LogError."""
        return self._log(self._newest)

    def shard(self, year: int) -> Log | Sealed:
        """One shard to read; a closed one needs no key. Raises LogError."""
        return self.newest() if year >= self._newest else self._sealed(year)

    @_step("opening")
    def _sealed(self, year: int) -> Sealed:
        """A closed shard, if the next one goes on from it: that is what vouches for it."""
        with self._lock:
            if year not in self._closed or self.is_pruned(year):
                shard, later = self.folder / str(year), min(y for y in self.years() if y > year)
                note, first = (shard / CHECKPOINT).read_bytes(), self.first(later)
                if (first.type, first.resource, first.payload) != (OPEN, self.origin(year), digest(note)):
                    raise LogCorruptError(
                        f"{year}/{CHECKPOINT}", f"not what {self.origin(later)} goes on from"
                    )
                vkey = (shard / VKEY).read_text().strip()
                self._closed[year] = Sealed(note, vkey, self._file(year), pruned=self.is_pruned(year))
            return self._closed[year]

    @_step("opening")
    def first(self, year: int) -> Entry:
        """The first entry of a shard that has one. Raises LogError."""
        with self._lock:
            if year not in self._firsts:
                if self.is_pruned(year):
                    data = (self.folder / str(year) / FIRST).read_bytes()
                    self._sealed(year).verify(0, data)
                else:
                    found = self.shard(year).evidence([0])
                    ((place, data),) = found.entries.items()
                    verify_proof(found.proofs[place], data, parse_vkey(found.vkey))
                self._firsts[year] = parse_entry(data)
            return self._firsts[year]

    def _file(self, year: int) -> Callable[[str], bytes]:
        return lambda path: (self.folder / str(year) / path).read_bytes()

    def append(self, *entries: bytes, at: datetime) -> None:
        """Make entries durable in the newest shard, that of the year of ``at`` if there was none so new.

        Raises:
            LogError: as ``Log.append``; nothing is acknowledged.
        """
        self.on_newest(at, lambda log: log.append(*entries))

    def on_newest(self, at: datetime, work: Callable[[Log], object]) -> None:
        """Do something with the shard that ``append`` would append to; again if it was closed meanwhile."""
        while True:
            newest = self._newest
            if at.year <= newest:
                with contextlib.suppress(LogFinishedError):  # by another, who made the next, or died before
                    work(self._log(newest))
                    return
            self._turn_over(newest, at)

    @_step("turn-over")
    def _turn_over(self, year: int, at: datetime) -> None:
        """Close that shard and make the next one, unless another thread or process has."""
        with self._lock, opened(self.folder) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self.years()
            if self._newest > year:
                return
            old = self.newest()
            close = self._entry(at, CLOSE, self.origin(max(at.year, self._newest + 1)))
            note = old.finish(format_entry(close))
            head = read_head(note)
            ((_, last),) = old.read([head.size - 1])
            origin = parse_entry(last).resource  # a process that died here may have begun another year's
            first = replace(
                self._entry(at, OPEN, head.origin),
                payload=digest(note),
                detail=(("root", encode64(head.root)), ("size", head.size)),
            )
            known = {signer.key.public: signer for signer in self._keys(origin)}
            signers = [known[signer.key.public] for signer in old.signers]
            _create(self.folder / origin.rpartition("/")[2], signers, [format_entry(first)])
            self.years()

    def _entry(self, at: datetime, kind: str, origin: str) -> Entry:
        return Entry(id=secrets.token_hex(16), at=at, type=kind, actor=_ACTOR, resource=origin)

    def publish(self) -> bytes:
        """Publish the newest shard, which may be another process's; its checkpoint note. Raises LogError."""
        self.years()
        return self.newest().publish()

    def head(self, year: int) -> Checkpoint:
        """The last signed tree head of a shard, pruned or not.

        Raises:
            LogCorruptError: the next shard goes on from another, or the one before is missing.
        """
        head = read_head(self.newest().checkpoint()) if year >= self._newest else self._sealed(year).head
        if head.size and year == self.years()[0] and (first := self.first(year)).type == OPEN:
            raise LogCorruptError(first.resource, f"missing, though {self.origin(year)} goes on from it")
        return head

    def evidence(self, places: Iterable[Place]) -> Evidence:
        """Entries with proofs that lead to the newest checkpoint, by the first entries of the shards between.

        Raises:
            NotSealedError: an entry is in no published tree of these shards.
            LogError: an entry is not there any more.
        """
        wanted = defaultdict[str, set[int]](set)
        for place in places:
            wanted[place.origin].add(place.position)
        years = [year for year in self.years() if year <= self._newest]
        while len(years) > 1 and self.origin(years[0]) not in wanted:
            years.pop(0)
        for year in years[1:]:
            wanted[self.origin(year)].add(0)
        if strange := wanted.keys() - {self.origin(year) for year in years}:
            raise NotSealedError(min(wanted[min(strange)]), 0)
        parts = [self.shard(year).evidence(sorted(wanted[self.origin(year)])) for year in years]
        entries = {place: data for part in parts for place, data in part.entries.items()}
        proofs = {place: data for part in parts for place, data in part.proofs.items()}
        return replace(parts[-1], entries=entries, proofs=proofs)

    def prune(self, year: int) -> Iterator[bytes]:
        """Remove the entries of a closed shard, each handed out first; a killed removal goes on.

        Left alone are the shard that takes entries, and any behind one that is not pruned.

        Raises:
            StorageFailedError: the disk failed.
        """
        shard, mine = self.folder / str(year), len(f"{ENTRIES}/")
        gone = shard / f"entries{TEMPORARY}"
        with _step("pruning"), opened(self.folder) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if year >= self._newest or any(y < year and not self.is_pruned(y) for y in self.years()):
                return
            size = self.head(year).size
            if (shard / ENTRIES).exists():
                write_durably({shard / FIRST: TreeReader(size, self._file(year)).entry(0)})
                (shard / ENTRIES).rename(gone)
                sync(shard / "tile")
                sync(shard)
            if not gone.exists():
                return
            tree = TreeReader(size, lambda path: (gone / path[mine:]).read_bytes())
            for start in range(0, size, WIDTH):
                path = tile_path("entries", start // WIDTH, min(WIDTH, size - start))
                if (gone / path[mine:]).exists():  # else it was handed out before this was killed
                    yield from tree.bundle(start // WIDTH)
            shutil.rmtree(gone)
            sync(shard)
