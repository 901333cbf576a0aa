"""Entries of old shards are removed, their hashes stay; evidence of those that are kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.audit_forks import quick_folder
from fakes.audit_logs import CHECKPOINT, entries, entry, snapshot
from fakes.audit_shards import (
    NAME,
    key_of,
    keys,
    made_of,
    make_shards,
    new_year,
    numbers,
    open_shards,
)

from audit.checkpoint import verify_proof
from audit.entry import CLOSE, Entry, format_entry
from audit.errors import (
    LogCorruptError,
    NotSealedError,
    StorageFailedError,
)
from audit.filestore import FIRST
from audit.shards import ENTRIES, Shards, create_shards
from audit.verify_shards import verify_logs


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory: this is about order, not about the disk."""
    with quick_folder() as path:
        yield path


LAST = format_entry(Entry(id="1", at=new_year(2027), type=CLOSE, actor="svc:log", resource=f"{NAME}/2027"))


def pruned(folder: Path, *years: int) -> Shards:
    shards = make_shards(folder, 2026, 2027, 2028)
    for year in years:
        list(shards.prune(year))
    return open_shards(folder)


def test_pruned_entries_are_handed_out_then_gone_and_the_hashes_hold(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, each=300)
    shards.append(entry(900), at=new_year(2027))
    kept = [data for _, data in shards.shard(2026).entries()]
    (proof,) = shards.shard(2026).evidence([299]).proofs.values()
    before = snapshot(tmp_path / "2026")
    assert not shards.is_pruned(2026)
    assert list(shards.prune(2026)) == kept
    assert snapshot(tmp_path / "2026") == {FIRST: kept[0]} | {
        path: data for path, data in before.items() if not path.startswith(f"{ENTRIES}/")
    }
    assert [path.name for path in (tmp_path / "2026").iterdir() if path.name.endswith("tmp")] == []
    assert shards.is_pruned(2026)
    assert list(shards.prune(2026)) == []
    facts = verify_logs(tmp_path)
    assert [(log.pruned, log.size) for log in facts.logs] == [(True, 301), (False, 2 - 1)]
    assert verify_proof(proof, entry(299), key_of(f"{NAME}/2026").key) == shards.head(2026)
    shards.append(entry(5), at=new_year(2027))
    assert shards.years() == [2026, 2027]


def test_the_newest_shard_and_one_that_is_to_come_are_never_pruned(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, 2027)
    before = snapshot(tmp_path)
    for year in (2027, 2028):
        assert list(shards.prune(year)) == []
        assert not shards.is_pruned(year)
    shards.newest().finish(LAST)
    assert list(shards.prune(2027)) == []
    assert {path: data for path, data in before.items() if not path.startswith("2027/")} == {
        path: data for path, data in snapshot(tmp_path).items() if not path.startswith("2027/")
    }
    assert (tmp_path / "2027" / ENTRIES).exists()
    assert list(shards.prune(2026)) != []
    assert list(shards.prune(2027)) == []  # also when it is the only one left
    assert (tmp_path / "2027" / ENTRIES).exists()


def test_a_shard_that_has_no_entries_yet_is_not_pruned(tmp_path: Path) -> None:
    create_shards(tmp_path, NAME, keys, 2026)
    assert not open_shards(tmp_path).is_pruned(2026)


def test_a_pruning_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, each=600)
    shards.append(entry(900), at=new_year(2027))
    kept = [data for _, data in shards.shard(2026).entries()]
    going = shards.prune(2026)
    first = next(going)
    del going  # killed after it handed out one
    assert first == kept[0]
    left = tmp_path / "2026" / "entries.tmp"
    assert (shards.is_pruned(2026), left.exists()) == (True, True)
    (left / "000").unlink()  # killed while it removed
    assert list(open_shards(tmp_path).prune(2026)) == kept[256:]
    assert not left.exists()
    assert verify_logs(tmp_path).logs[0].pruned


def test_entries_that_cannot_be_removed_are_not_reported_gone(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, 2027)
    (tmp_path / "2026" / ENTRIES / "elsewhere").symlink_to(tmp_path)
    shutil.move(tmp_path / "2026" / ENTRIES, tmp_path / "real")
    (tmp_path / "2026" / ENTRIES).symlink_to(tmp_path / "real")  # a link is not followed
    with pytest.raises(StorageFailedError) as caught:
        list(shards.prune(2026))
    assert caught.value == StorageFailedError("pruning", 0)  # Python's own refusal has no code
    assert (tmp_path / "real" / "000.p" / "4").exists()


def test_of_a_pruned_shard_nothing_is_given_out_any_more(tmp_path: Path) -> None:
    shards = pruned(tmp_path, 2026)
    with pytest.raises(LogCorruptError):
        shards.evidence(made_of(shards, (2026, 0)))
    assert len(shards.evidence(made_of(shards, (2027, 1), (2028, 1))).entries) == 3


def test_evidence_is_of_published_entries_of_these_shards(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, 2027)
    for year, index, size in ((2025, 1, 0), (2026, 4, 4), (2027, 4, 4), (2027, -1, 4)):
        with pytest.raises(NotSealedError) as caught:
            shards.evidence(made_of(shards, (year, index)))
        assert caught.value == NotSealedError(index, size)
    assert json.loads(json.dumps(made_of(shards, (2026, 0)))) == [[f"{NAME}/2026", 0]]


def test_evidence_leads_to_the_newest_checkpoint_by_the_entries_that_are_needed(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, 2027, 2028)
    wanted = made_of(shards, (2026, 1), (2026, 2))
    evidence = shards.evidence(wanted)
    assert [*evidence.entries] == [*wanted, *made_of(shards, (2027, 0), (2028, 0))]
    assert evidence.entries.keys() == evidence.proofs.keys()
    assert evidence.checkpoint == (tmp_path / "2028" / CHECKPOINT).read_bytes()
    assert evidence.vkey == shards.newest().vkey
    wanted = made_of(shards, (2028, 2))
    assert [*shards.evidence(wanted).entries] == wanted
    assert shards.evidence(made_of(shards, (2027, 3))).entries.keys() == {
        *made_of(shards, (2027, 3), (2028, 0))
    }


def test_many_entries_survive_a_turn_over(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, 2027, each=0)
    shards.append(*entries(0, 700), at=new_year(2026))
    shards.append(*entries(700, 1400), at=new_year(2028))
    shards.publish()
    assert numbers(tmp_path) == [*range(1400)]
    verify_logs(tmp_path)
