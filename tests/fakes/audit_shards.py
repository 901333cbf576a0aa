"""Logs in yearly shards for tests: made, read back as a whole, and their evidence."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fakes.audit_logs import KEY, REPORT, entry, sign_claim, sign_manifest

from audit.bundle import build_bundle
from audit.canonical import digest
from audit.certificate import build_certificate
from audit.cosign import Cosigner
from audit.entry import CLOSE, OPEN, Entry, format_entry, parse_entry
from audit.evidence import Evidence, Place
from audit.filestore import FIRST
from audit.log import CHECKPOINT
from audit.logdir import create_log, open_log
from audit.note import SigningKey
from audit.shards import ENTRIES, Shards, create_shards, shard_years
from audit.verify_shards import LogsFacts, verify_logs

NAME: Final = "example.com/access"


def key_of(origin: str) -> SigningKey:
    """The key of every shard, under the name of each."""
    return SigningKey(origin, KEY.seed)


def keys(origin: str) -> Sequence[SigningKey]:
    """The keys at hand."""
    return (key_of(origin),)


def new_year(year: int) -> datetime:
    """A time in a year."""
    return datetime(year, 1, 2, tzinfo=UTC)


def open_shards(folder: Path, *witnesses: Cosigner) -> Shards:
    """As the next process would."""
    return Shards(folder, NAME, keys, witnesses)


def make_shards(folder: Path, *years: int, each: int = 3) -> Shards:
    """Shards of these years with the entries 0, 1, ... in the first, 100, 101, ... in the second; sealed."""
    create_shards(folder, NAME, keys, years[0])
    shards = open_shards(folder)
    for number, year in enumerate(years):
        shards.append(*(entry(100 * number + n) for n in range(each)), at=new_year(year))
    shards.publish()
    return shards


def take_entries(folder: Path, year: int | str) -> None:
    """Leave of a shard what pruning leaves, whether or not it may be pruned."""
    shard = folder / str(year)
    bundle = min(path for path in (shard / ENTRIES).rglob("*") if path.is_file()).read_bytes()
    (shard / FIRST).write_bytes(bundle[2 : 2 + int.from_bytes(bundle[:2])])
    shutil.rmtree(shard / ENTRIES)


def read_shard(folder: Path, year: int) -> list[Entry]:
    """The sealed entries of one shard."""
    log = open_log(folder / str(year), key_of(f"{NAME}/{year}"))
    found = [parse_entry(data) for _, data in log.entries()]
    log.close()
    return found


def numbers(folder: Path) -> list[int]:
    """What the entries of all shards were made of, in order.

    Each shard but the newest must end with its only ``log:close``, each but the oldest begin with its only
    ``log:open``; between these there is nothing but entries of tests.
    """
    years, found, before = shard_years(folder), list[int](), b""
    for year in years:
        rest = read_shard(folder, year)
        if year != years[0]:
            first = rest.pop(0)
            assert (first.type, first.payload) == (OPEN, digest(before)), year
        if year != years[-1]:
            last = rest.pop()
            assert (last.type, last.resource) == (CLOSE, f"{NAME}/{years[years.index(year) + 1]}")
        found += [int(dict(each.detail)["n"]) for each in rest]
        before = (folder / str(year) / CHECKPOINT).read_bytes()
    return found


def settled(folder: Path, year: int = 0, number: int = 99_999) -> tuple[list[int], LogsFacts]:
    """Go on as the next process would, and verify: what there is beside the entry that this appends."""
    shards = open_shards(folder)
    shards.append(entry(number), at=new_year(year or shards.years()[-1]))
    shards.publish()
    *found, last = numbers(folder)
    assert last == number
    return found, verify_logs(folder)


def made_of(shards: Shards, *year_and_index: tuple[int, int]) -> list[Place]:
    """Places of entries."""
    return [Place(shards.origin(year), index) for year, index in year_and_index]


def _recorded(shards: Shards, kind: str, envelope: bytes, at: datetime) -> Place:
    shards.append(entry(9_000, kind=kind, payload=digest(envelope)), at=at)
    shards.publish()
    year = shards.years()[-1]
    return Place(shards.origin(year), shards.head(year).size - 1)


def bundle_parts(shards: Shards, cited: Sequence[Place], year: int) -> tuple[bytes, Place, Evidence]:
    """Manifest, place of the act and evidence of a report."""
    envelope = sign_manifest([*map(str, cited)], *shards.newest().signers)
    issue = _recorded(shards, "report:issue", envelope, new_year(year))
    return envelope, issue, shards.evidence([*cited, issue])


def bundle_over(shards: Shards, cited: Sequence[Place], year: int) -> bytes:
    """A report bundle, made as a use case would."""
    envelope, issue, evidence = bundle_parts(shards, cited, year)
    return build_bundle(REPORT, envelope, cited, issue, evidence=evidence)


def certificate_over(shards: Shards, cited: Sequence[Place], year: int) -> bytes:
    """A certificate of a rights request, made as a use case would."""
    envelope = sign_claim(cited, *shards.newest().signers)
    certify = _recorded(shards, "rights:certify", envelope, new_year(year))
    return build_certificate(envelope, cited, certify, evidence=shards.evidence([*cited, certify]))


def opening(before: Path, **changes: str) -> bytes:
    """The first entry of what goes on from the log in ``before``, or says so."""
    note = (before / CHECKPOINT).read_bytes()
    origin = note.partition(b"\n")[0].decode()
    facts = {"id": "1", "type": OPEN, "actor": "svc:log", "resource": origin, "payload": digest(note)}
    return format_entry(Entry(at=new_year(2027), **(facts | changes)))  # type: ignore[arg-type]  # texts


def closing(following: str) -> bytes:
    """The last entry of a log, which another goes on from."""
    return format_entry(
        Entry(id="2", at=new_year(2027), type=CLOSE, actor="svc:log", resource=f"{NAME}/{following}")
    )


def by_hand(folder: Path, year: int, *written: bytes, key: SigningKey | None = None) -> Path:
    """A shard with exactly these entries, whatever they say."""
    log = create_log(folder / str(year), key or key_of(f"{NAME}/{year}"))
    log.append(*written)
    log.publish()
    log.close()
    return folder / str(year)
