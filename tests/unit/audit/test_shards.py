"""Logs in yearly shards: turning over, the keys of a new shard, its witnesses, and evidence."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.audit_forks import quick_folder
from fakes.audit_logs import CHECKPOINT, entry
from fakes.audit_shards import (
    NAME,
    key_of,
    keys,
    make_shards,
    new_year,
    numbers,
    open_shards,
    read_shard,
    settled,
)
from fakes.operators import W1, Scripted, Switched, new_witness

from audit.canonical import encode64
from audit.checkpoint import parse_checkpoint, verify_checkpoint
from audit.entry import CLOSE, OPEN
from audit.errors import (
    EntryError,
    LogCorruptError,
    LogError,
    LogExistsError,
    LogForkedError,
    LogMissingError,
    StorageFailedError,
)
from audit.logdir import begin_rotation, end_rotation, open_log
from audit.note import SigningKey, format_vkey, parse_note
from audit.shards import Shards, create_shards, shard_years
from audit.verify_shards import verify_logs


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory: this is about order, not about the disk."""
    with quick_folder() as path:
        yield path


def test_the_first_entry_of_a_later_year_turns_the_log_over(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, 2027, 2030)  # years without entries have no shard
    assert shards.years() == shard_years(tmp_path) == [2026, 2027, 2030]
    assert numbers(tmp_path) == [*range(3), *range(100, 103), *range(200, 203)]
    facts = verify_logs(tmp_path, vkey=format_vkey(key_of(f"{NAME}/2030").key))
    assert [(log.origin, log.size, log.pruned) for log in facts.logs] == [
        (f"{NAME}/2026", 4, False),
        (f"{NAME}/2027", 5, False),
        (f"{NAME}/2030", 4, False),
    ]
    assert facts.size == 13


def test_the_first_entry_of_a_shard_names_the_last_checkpoint_of_the_one_before(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, 2027)
    note = (tmp_path / "2026" / CHECKPOINT).read_bytes()
    head = parse_checkpoint(parse_note(note).text)
    assert shards.head(2026) == head == verify_checkpoint(note, key_of(f"{NAME}/2026").key)
    first, last = read_shard(tmp_path, 2027)[0], read_shard(tmp_path, 2026)[-1]
    assert (first.type, first.resource) == (OPEN, head.origin)
    assert dict(first.detail) == {"root": encode64(head.root), "size": head.size}
    assert (last.type, last.resource) == (CLOSE, shards.origin(2027))
    assert first.at == last.at == new_year(2027)
    assert first.actor == last.actor == "svc:log"
    assert (len(first.id), len(last.id), first.id == last.id) == (32, 32, False)


def test_entries_dated_earlier_go_into_the_newest_shard(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, 2027)
    for number, year in ((300, 2026), (301, 2020), (302, 2027)):
        shards.append(entry(number), at=new_year(year))
    shards.publish()
    assert shards.years() == [2026, 2027]
    assert numbers(tmp_path)[-3:] == [300, 301, 302]
    verify_logs(tmp_path)


def test_what_is_no_entry_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026)
    with pytest.raises(EntryError):
        shards.append(b"no entry", at=new_year(2026))
    assert settled(tmp_path)[0] == [0, 1, 2]


def test_unsealed_entries_are_sealed_when_the_year_ends(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026)
    shards.append(entry(3), at=new_year(2026))
    shards.append(entry(4), at=new_year(2027))
    assert shards.head(2026).size == 5
    assert settled(tmp_path)[0] == [0, 1, 2, 3, 4]


def test_shards_are_made_once_and_found_only_where_they_are(tmp_path: Path) -> None:
    assert shard_years(tmp_path / "none") == []
    with pytest.raises(LogMissingError) as missing:
        open_shards(tmp_path / "none")
    assert missing.value == LogMissingError(str(tmp_path / "none"))
    create_shards(tmp_path / "log", NAME, keys, 2026)
    with pytest.raises(LogExistsError) as there:
        create_shards(tmp_path / "log", NAME, keys, 2027)
    assert there.value == LogExistsError(str(tmp_path / "log"))
    shards = open_shards(tmp_path / "log")
    assert (shards.years(), shards.head(2026).size, shards.newest().origin) == ([2026], 0, f"{NAME}/2026")
    shutil.rmtree(tmp_path / "log" / "2026")
    with pytest.raises(LogMissingError):
        shards.publish()
    with pytest.raises(LogError):
        shards.head(2026)


def test_a_folder_that_cannot_be_made_or_read_is_a_failure_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailedError):
        create_shards(tmp_path / "file" / "log", NAME, keys, 2026)


def test_a_turn_over_that_fails_says_so_and_why(tmp_path: Path) -> None:
    shards = make_shards(tmp_path / "log", 2026)
    shutil.rmtree(tmp_path / "log")
    with pytest.raises(StorageFailedError) as caught:
        shards.append(entry(5), at=new_year(2027))
    assert caught.value == StorageFailedError("turn-over", errno.ENOENT)


def test_an_empty_shard_that_was_closed_is_followed_by_those_who_saw_it_open(tmp_path: Path) -> None:
    create_shards(tmp_path, NAME, keys, 2026)
    first, second = open_shards(tmp_path), open_shards(tmp_path)
    first.append(entry(0), at=new_year(2027))
    second.append(entry(1), at=new_year(2026))
    second.publish()
    assert numbers(tmp_path) == [0, 1]
    assert [facts.size for facts in verify_logs(tmp_path).logs] == [1, 3]


def test_of_several_keys_at_hand_the_first_signs_the_first_shard(tmp_path: Path) -> None:
    held = [SigningKey(f"{NAME}/2026", bytes([seed] * 32)) for seed in (1, 2)]
    create_shards(tmp_path, NAME, lambda _: held, 2026)
    assert Shards(tmp_path, NAME, lambda _: held).newest().signers == (held[0],)


def test_during_a_rotation_both_keys_sign_the_new_shard(tmp_path: Path) -> None:
    ring = [bytes([1] * 32)]

    def held(origin: str) -> list[SigningKey]:
        return [SigningKey(origin, seed) for seed in ring]

    create_shards(tmp_path, NAME, held, 2026)
    shards, other = Shards(tmp_path, NAME, held), Shards(tmp_path, NAME, held)
    shards.append(entry(0), at=new_year(2026))
    ring.append(bytes([2] * 32))
    begin_rotation(shards.newest(), at=new_year(2026), actor="user:ann")
    other.append(entry(1), at=new_year(2027))
    for key in held(f"{NAME}/2027"):
        assert verify_logs(tmp_path, vkey=format_vkey(key.key)).logs[-1].vkey_pinned
        verify_checkpoint((tmp_path / "2027" / CHECKPOINT).read_bytes(), key.key)
    for year in (2026, 2027):
        note = parse_note((tmp_path / str(year) / CHECKPOINT).read_bytes())
        assert len(note.signatures) == 2
    end_rotation(other.newest(), at=new_year(2027), actor="user:ann")
    other.append(entry(2), at=new_year(2028))
    assert other.newest().signers == tuple(held(f"{NAME}/2028")[1:])
    assert other.newest().vkey == format_vkey(held(f"{NAME}/2028")[1].key)
    verify_logs(tmp_path, vkey=other.newest().vkey)


def test_a_new_shard_is_cosigned_by_the_witness_that_knows_it_and_goes_without_the_others(
    tmp_path: Path,
) -> None:
    create_shards(tmp_path / "log", NAME, keys, 2026)
    origins = [f"{NAME}/2026", f"{NAME}/2027"]
    knows = new_witness(tmp_path / "w1", W1, *(key_of(origin).key for origin in origins))
    shards = open_shards(tmp_path / "log", knows)
    shards.append(entry(0), at=new_year(2026))
    for year in (2027, 2028):
        shards.append(entry(year), at=new_year(year))
        shards.publish()
    seen = [open_log(tmp_path / "log" / str(y), key_of(f"{NAME}/{y}"), [knows]) for y in (2026, 2027, 2028)]
    assert [log.cosigned()[W1.name] > 0 for log in seen] == [True, True, False]
    verify_logs(tmp_path / "log")


def test_only_the_newest_shard_is_shown_to_witnesses(tmp_path: Path) -> None:
    make_shards(tmp_path / "log", 2026, 2027)
    witness = Switched(new_witness(tmp_path / "w", W1, key_of(f"{NAME}/2026").key))
    shards = open_shards(tmp_path / "log", witness)
    asked = witness.asked
    assert asked > 0
    shards.shard(2026)
    assert witness.asked == asked


def test_a_witness_that_saw_another_history_stops_the_turn_over(tmp_path: Path) -> None:
    create_shards(tmp_path, NAME, keys, 2026)
    shards = open_shards(tmp_path, Scripted([(404, b""), (422, b"")]))
    with pytest.raises(LogForkedError):
        shards.append(entry(0), at=new_year(2027))
    assert shards.years() == [2026]
    assert settled(tmp_path)[0] == []


def test_the_head_of_the_oldest_shard_needs_what_it_goes_on_from(tmp_path: Path) -> None:
    make_shards(tmp_path, 2026, 2027, 2028)
    shutil.rmtree(tmp_path / "2026")
    shards = open_shards(tmp_path)
    assert shards.head(2028).size > 0
    with pytest.raises(LogCorruptError) as caught:
        shards.head(2027)
    assert caught.value.where == f"{NAME}/2026"
