"""Offline verification of the shards of a log, and of a folder of such logs (``audit.shards``).

Beside what each shard must hold by itself (``audit.verify_log``): the last entry of each but the newest
closes it and names the next, whose first entry names that very checkpoint; and only the oldest may be pruned.
What the caller trusts is asked of the newest shard of each log; the older ones follow from it. One trusted
key stands for itself under the names of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from audit.canonical import digest
from audit.entry import CLOSE, OPEN, Entry, parse_entry
from audit.errors import BrokenLinkError
from audit.evidence import Trust, link, read_vkey
from audit.log import CHECKPOINT, VKEY
from audit.note import format_vkey, parse_vkey
from audit.shards import shard_years
from audit.verify_log import RECOVER, LogFacts, Progress, verify_log


@dataclass(frozen=True, slots=True)
class LogsFacts:
    """What verified logs say, shard by shard, those of a log oldest first; numbers of entries in all."""

    size: int
    unsealed: int
    logs: tuple[LogFacts, ...]


@dataclass(slots=True)
class _Ends:
    """The first and the last entry of a shard, if it has any."""

    first: Entry | None = None
    last: Entry | None = None

    def show(self, start: int, entries: Sequence[bytes]) -> None:
        if start == 0:
            self.first = parse_entry(entries[0])
        self.last = parse_entry(entries[-1])


def verify_logs(folder: Path, *, vkey: Trust = None, progress: Progress | None = None) -> LogsFacts:
    """Verify a folder of shards, or of folders of shards; arguments as ``audit.verify_log.verify_log``.

    Raises:
        BrokenLinkError: names the first link that does not hold.
    """
    series = [folder] if shard_years(folder) else sorted(folder.iterdir())
    logs = tuple(facts for each in series for facts in _verify_settled(each, vkey, progress))
    return LogsFacts(sum(log.size for log in logs), sum(log.unsealed for log in logs), logs)


def _verify_settled(folder: Path, trust: Trust, progress: Progress | None) -> list[LogFacts]:
    """Verify; again when a writer has made a shard meanwhile."""
    years = shard_years(folder)
    try:
        return list(_verify_shards(folder, trust, progress))
    except BrokenLinkError:
        if shard_years(folder) == years:
            raise
        return list(_verify_shards(folder, trust, progress))


def _verify_shards(folder: Path, trust: Trust, progress: Progress | None) -> Iterator[LogFacts]:
    years = shard_years(folder)
    names = {path.name for path in folder.iterdir()} if years else {""}
    if strange := names - {str(year) for year in years}:
        raise BrokenLinkError(f"file {folder.name}/{min(strange)}", f"not part of the log; {RECOVER}")
    before, ends, note = None, _Ends(), ""
    for year in years:
        prunable = year != years[-1] and (before is None or before.pruned)
        vkey = _named(trust, folder / str(year)) if year == years[-1] else None
        last, ends = ends.last, _Ends()
        facts = verify_log(
            folder / str(year), vkey=vkey, progress=progress, show=ends.show, prunable=prunable
        )
        if facts.origin.rpartition("/")[2] != str(year):
            raise BrokenLinkError(f"origin of {folder.name}/{year}", facts.origin)
        _check_first(facts, ends.first, before, note)
        if before and not before.pruned and last and (last.type, last.resource) != (CLOSE, facts.origin):
            raise BrokenLinkError(f"last entry of {before.origin}", f"does not hand over to {facts.origin}")
        yield facts
        before, note = facts, digest((folder / str(year) / CHECKPOINT).read_bytes())
    if ends.last and ends.last.type == CLOSE:
        raise BrokenLinkError(f"presence of {ends.last.resource}", f"missing; {RECOVER}")


def _named(trust: Trust, shard: Path) -> Trust:
    """A trusted key under the shard's name."""
    if not isinstance(trust, str) or not (shard / VKEY).is_file():
        return trust
    own, known = (read_vkey((shard / VKEY).read_bytes()), trust)
    own_key, key = link("verifier key", lambda: (parse_vkey(own), parse_vkey(known)))
    return format_vkey(replace(key, name=own_key.name))


def _check_first(facts: LogFacts, first: Entry | None, before: LogFacts | None, note: str) -> None:
    """The first entry of a shard names the last checkpoint of the one before it, which is there."""
    named = (first.resource, first.payload) if first and first.type == OPEN else None
    if named and before is None:
        raise BrokenLinkError(f"presence of {named[0]}", f"missing, though {facts.origin} goes on from it")
    if before and named != (before.origin, note):
        raise BrokenLinkError(f"first entry of {facts.origin}", f"is not the checkpoint of {before.origin}")
