"""Verifying shards: what each must hold by itself, and that each goes on from the one before."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from fakes.audit_forks import quick_folder
from fakes.audit_logs import CHECKPOINT, KEY, VKEY, entries, entry, small_log, snapshot
from fakes.audit_shards import (
    NAME,
    by_hand,
    closing,
    key_of,
    make_shards,
    new_year,
    open_shards,
    opening,
    take_entries,
)
from fakes.operators import W1, new_witness

from audit.entry import parse_entry
from audit.errors import BrokenLinkError, LogCorruptError
from audit.filestore import FIRST
from audit.note import SigningKey, format_vkey
from audit.policy import Party, Policy, format_policy
from audit.shards import ENTRIES, create_shards
from audit.verify import BROKEN, format_facts, main, verify
from audit.verify_log import RECOVER, verify_log
from audit.verify_shards import verify_logs

YEARS = (2026, 2027, 2028)
K26, K27, K28 = (key_of(f"{NAME}/{year}").key for year in YEARS)
THIEF = SigningKey(f"{NAME}/2026", bytes([9] * 32))


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory: these are small files, read many times."""
    with quick_folder() as path:
        yield path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Three shards of three entries each."""
    make_shards(tmp_path / "log", *YEARS)
    return tmp_path / "log"


def broken(folder: Path, vkey: Policy | str | None = None) -> str:
    with pytest.raises(BrokenLinkError) as caught:
        verify_logs(folder, vkey=vkey)
    return caught.value.link


def swap(log: Path) -> None:
    (log / "2026").rename(log / "aside")
    (log / "2027").rename(log / "2026")
    (log / "aside").rename(log / "2027")


def pruned_in_the_middle(log: Path) -> None:
    take_entries(log, 2027)


def pruned_at_the_end(log: Path) -> None:
    take_entries(log, 2028)


CASES: list[tuple[Callable[[Path], object], str]] = [
    (lambda log: shutil.rmtree(log / "2026"), f"presence of {NAME}/2026"),
    (lambda log: shutil.rmtree(log / "2027"), f"first entry of {NAME}/2028"),
    (lambda log: shutil.rmtree(log / "2028"), f"presence of {NAME}/2028"),
    (lambda log: (log / "notes.txt").touch(), "file log/notes.txt"),
    (lambda log: (log / "2028.tmp").mkdir(), "file log/2028.tmp"),
    (lambda log: shutil.copytree(log / "2028", log / "2029.tmp"), "file log/2029.tmp"),
    (lambda log: (log / "0026").mkdir(), "file log/0026"),
    (swap, "origin of log/2026"),
    (lambda log: shutil.copytree(log / "2028", log / "2029"), "origin of log/2029"),
    (pruned_in_the_middle, "file tile/entries/000.p/5"),
    (pruned_at_the_end, "file tile/entries/000.p/4"),
    (lambda log: (log / "2026" / "extra").touch(), "file extra"),
    (lambda log: (log / "2027" / FIRST).touch(), f"file {FIRST}"),  # only a pruned one keeps it
]


@pytest.mark.parametrize(("harm", "link"), CASES)
def test_what_is_missing_strange_or_out_of_order_is_named(
    log: Path, harm: Callable[[Path], object], link: str
) -> None:
    verify_logs(log)
    harm(log)
    assert broken(log) == link


@pytest.mark.parametrize(
    ("year", "problem"),
    [
        (2026, f"missing, though {NAME}/2027 goes on from it"),
        (2027, f"is not the checkpoint of {NAME}/2026"),
        (2028, f"missing; {RECOVER}"),
    ],
)
def test_a_shard_that_is_missing_is_told_from_what_is_left(log: Path, year: int, problem: str) -> None:
    shutil.rmtree(log / str(year))
    with pytest.raises(BrokenLinkError) as caught:
        verify_logs(log)
    assert caught.value.problem == problem


def test_a_byte_in_every_file_of_every_shard_counts(log: Path) -> None:
    list(open_shards(log).prune(2026))
    verify_logs(log)
    for path, data in snapshot(log).items():
        for at in range(0, len(data), max(1, len(data) // 40)):
            (log / path).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            broken(log)
        (log / path).unlink()
        if path != f"2027/{ENTRIES}/000.p/5":  # the next that may be pruned
            broken(log)
        (log / path).write_bytes(data)
    verify_logs(log)


def test_a_shard_that_goes_on_from_another_history_is_refused(tmp_path: Path, log: Path) -> None:
    make_shards(tmp_path / "other", *YEARS, each=4)
    for year in (2027, 2028):
        shutil.rmtree(log / str(year))
        shutil.copytree(tmp_path / "other" / str(year), log / str(year))
    assert broken(log) == f"first entry of {NAME}/2027"
    with pytest.raises(LogCorruptError):
        list(open_shards(log).prune(2026))
    take_entries(log, 2026)
    assert broken(log) == f"first entry of {NAME}/2027"


@pytest.mark.parametrize(
    "change", [{"type": "log:begin"}, {"resource": f"{NAME}/2025"}, {"payload": "sha256:00"}]
)
def test_the_first_entry_must_name_the_last_checkpoint_before(tmp_path: Path, change: dict[str, str]) -> None:
    old = by_hand(tmp_path, 2026, entry(0), closing("2027"))
    by_hand(tmp_path, 2027, opening(old), entry(1))
    verify_logs(tmp_path)
    shutil.rmtree(tmp_path / "2027")
    by_hand(tmp_path, 2027, opening(old, **change), entry(1))
    assert broken(tmp_path) == f"first entry of {NAME}/2027"


def test_a_shard_without_entries_does_not_go_on_from_another(tmp_path: Path) -> None:
    by_hand(tmp_path, 2026, entry(0), closing("2027"))
    by_hand(tmp_path, 2027)
    assert broken(tmp_path) == f"first entry of {NAME}/2027"


@pytest.mark.parametrize("last", [(), (closing("2028"),), (closing("2027"), entry(7))])
def test_the_last_entry_must_hand_over_to_the_next_shard(tmp_path: Path, last: tuple[bytes, ...]) -> None:
    old = by_hand(tmp_path, 2026, *entries(0, 300), *last)
    by_hand(tmp_path, 2027, opening(old))
    with pytest.raises(BrokenLinkError) as caught:
        verify_logs(tmp_path)
    hand_over = (f"last entry of {NAME}/2026", f"does not hand over to {NAME}/2027")
    assert caught.value == BrokenLinkError(*hand_over)


def test_whoever_closed_a_shard_and_made_no_other_is_told_so(tmp_path: Path) -> None:
    by_hand(tmp_path, 2026, entry(0), closing("2027"))
    with pytest.raises(BrokenLinkError, match="recover") as caught:
        verify_logs(tmp_path)
    assert caught.value.link == f"presence of {NAME}/2027"
    open_shards(tmp_path).append(entry(1), at=new_year(2026))
    assert [facts.origin for facts in verify_logs(tmp_path).logs] == [f"{NAME}/2026", f"{NAME}/2027"]


def test_an_oldest_shard_that_is_empty_is_not_taken_for_a_pruned_one(tmp_path: Path, log: Path) -> None:
    shutil.rmtree(log / "2026")
    by_hand(log, 2026, key=THIEF)
    assert broken(log) == f"file {FIRST}"


# ---- pruning ----------------------------------------------------------------------------------------------


def test_the_oldest_shards_may_be_pruned(log: Path) -> None:
    shards = open_shards(log)
    for count, year in enumerate((2026, 2027), 1):
        list(shards.prune(year))
        facts = verify_logs(log, vkey=format_vkey(K28))
        assert [each.pruned for each in facts.logs] == [True] * count + [False] * (3 - count)
        assert [each.size for each in facts.logs] == [4, 5, 4]
    forged = by_hand(log.parent / "forged", 2026, *entries(20, 23), key=THIEF)
    take_entries(log.parent / "forged", 2026)
    shutil.rmtree(log / "2026")
    assert broken(log) == f"presence of {NAME}/2026"
    shutil.copytree(forged, log / "2026")  # another key's, and pruned
    assert broken(log) == f"first entry of {NAME}/2027"


def test_a_shard_behind_one_that_has_its_entries_is_not_pruned(log: Path) -> None:
    assert list(open_shards(log).prune(2027)) == []
    assert not any(each.pruned for each in verify_logs(log).logs)


def test_the_link_of_a_pruned_shard_is_the_entry_that_was_signed(log: Path) -> None:
    shards = open_shards(log)
    for year in (2026, 2027):
        list(shards.prune(year))
    kept = (log / "2027" / FIRST).read_bytes()
    (log / "2027" / FIRST).write_bytes(kept.replace(b'"svc:log"', b'"svc:lag"'))
    with pytest.raises(BrokenLinkError) as caught:
        verify_logs(log)
    assert caught.value == BrokenLinkError(f"file {FIRST}", "not the entry that was signed")
    (log / "2027" / FIRST).write_bytes(b"no entry")
    assert broken(log) == "entry 0"
    (log / "2027" / FIRST).unlink()
    assert broken(log) == f"file {FIRST}"


def test_a_pruning_under_way_is_told(log: Path) -> None:
    going = open_shards(log).prune(2026)
    next(going)
    del going
    assert broken(log) == "file entries.tmp/000.p/4"


def test_a_pruned_shard_keeps_all_its_hashes(log: Path) -> None:
    list(open_shards(log).prune(2026))
    forged = by_hand(log.parent / "forged", 2026, *entries(20, 24))
    take_entries(log.parent / "forged", 2026)
    tile = "tile/0/000.p/4"
    kept = (log / "2026" / tile).read_bytes()
    (log / "2026" / tile).write_bytes((forged / tile).read_bytes())
    assert broken(log) == f"file {FIRST}"
    (log / "2026" / tile).write_bytes(kept[:64] + kept[32:64] + kept[96:])
    assert broken(log) == "root hash"
    (log / "2026" / tile).write_bytes(kept[:-32])
    assert broken(log) == f"file {tile}"
    shutil.rmtree(log / "2026")
    shutil.copytree(forged, log / "2026")
    assert broken(log) == f"first entry of {NAME}/2027"


def test_a_log_alone_is_never_taken_for_a_pruned_one(tmp_path: Path, log: Path) -> None:
    small_log(tmp_path / "one", 300)
    take_entries(tmp_path, "one")
    list(open_shards(log).prune(2026))
    for folder in (tmp_path / "one", log / "2026"):
        with pytest.raises(BrokenLinkError, match="missing"):
            verify_log(folder)
        facts = verify_log(folder, prunable=True)
        assert facts.pruned
    assert not verify_log(log / "2027", prunable=True).pruned
    (log / "2026" / ENTRIES).mkdir()
    (log / "2026" / ENTRIES / "000.p").mkdir()
    shutil.copy(log / "2027" / ENTRIES / "000.p" / "5", log / "2026" / ENTRIES / "000.p" / "5")
    with pytest.raises(BrokenLinkError):  # all or nothing
        verify_log(log / "2026", prunable=True)


# ---- trust ------------------------------------------------------------------------------------------------


def test_the_key_of_the_newest_shard_is_asked_for_and_the_older_follow(log: Path) -> None:
    facts = verify_logs(log, vkey=format_vkey(K28))
    assert [each.vkey_pinned for each in facts.logs] == [False, False, True]
    assert [each.vkey for each in facts.logs] == [*map(format_vkey, (K26, K27, K28))]
    assert broken(log, format_vkey(THIEF.key)) == "verifier key"
    assert broken(log, "a+00000000+AA==") == "verifier key"
    (log / "2028" / VKEY).unlink()
    assert broken(log, format_vkey(K28)) == f"file {VKEY}"
    (log / "2028" / VKEY).write_text(f"{format_vkey(K28)}\n")
    for key in (K26, KEY.key):  # a key is trusted under the name of any shard
        assert verify_logs(log, vkey=format_vkey(key)) == facts
    assert verify_logs(log, vkey=Policy((Party(K26),), quorum="none")).logs[-1].vkey_pinned  # of any year
    assert broken(log, Policy((Party(THIEF.key),), quorum="none")) == "verifier key"
    policy = Policy((Party(K27), Party(K28)), quorum="none")
    assert verify_logs(log, vkey=policy).logs[-1].vkey_pinned


def test_an_older_shard_signed_by_another_breaks_the_chain(tmp_path: Path) -> None:
    old = by_hand(tmp_path, 2026, entry(0), closing("2027"))
    by_hand(tmp_path, 2027, opening(old))
    verify_logs(tmp_path, vkey=format_vkey(K27))
    shutil.rmtree(tmp_path / "2026")
    by_hand(tmp_path, 2026, entry(0), closing("2027"), key=THIEF)
    assert broken(tmp_path, format_vkey(K27)) == f"first entry of {NAME}/2027"


def test_witnesses_are_asked_of_the_newest_shard(tmp_path: Path) -> None:
    make_shards(tmp_path / "log", 2026)
    shards = open_shards(tmp_path / "log", new_witness(tmp_path / "w", W1, K27))
    shards.append(entry(5), at=new_year(2027))
    shards.publish()
    policy = Policy((Party(K27),), (Party(W1.key, "w1"),), (), "w1")
    facts = verify_logs(tmp_path / "log", vkey=policy)
    assert [[*each.cosigned] for each in facts.logs] == [[], ["w1"]]
    shards.append(entry(6), at=new_year(2028))
    shards.publish()
    policy = Policy((Party(K28),), (Party(W1.key, "w1"),), (), "w1")
    assert broken(tmp_path / "log", policy) == "witness quorum"


# ---- folders of logs, and the command ---------------------------------------------------------------------


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two logs, one of which has been pruned."""
    make_shards(tmp_path / "logs" / "access", *YEARS)
    list(open_shards(tmp_path / "logs" / "access").prune(2026))
    create_shards(tmp_path / "logs" / "governance", "example.com/governance", lambda o: [key_of(o)], 2026)
    return tmp_path / "logs"


def test_a_folder_of_logs_is_verified_log_by_log(logs: Path) -> None:
    told = list[tuple[int, int]]()
    facts = verify_logs(logs, progress=lambda done, size: told.append((done, size)))
    origins = [*(f"{NAME}/{year}" for year in YEARS), "example.com/governance/2026"]
    assert [each.origin for each in facts.logs] == origins
    assert told == [(4, 4), (5, 5), (4, 4)]
    assert facts.size == 13
    both = Policy((Party(K28), Party(key_of("example.com/governance/2026").key)), quorum="none")
    assert [each.vkey_pinned for each in verify_logs(logs, vkey=both).logs] == [False, False, True, True]
    assert verify_logs(logs, vkey=format_vkey(K28)) == verify_logs(logs, vkey=both)
    assert broken(logs, Policy((Party(K28),), quorum="none")) == "verifier key"  # of one of them only
    assert verify(logs) == verify_logs(logs)
    assert verify(logs / "access") == verify_logs(logs / "access")
    assert verify(logs / "access" / "2028") == verify_log(logs / "access" / "2028")
    with pytest.raises(BrokenLinkError):
        verify(logs / "access" / "2026")


@pytest.mark.parametrize("name", ["README", "empty/", ".hidden"])
def test_what_is_no_log_in_a_folder_of_logs_is_named(logs: Path, name: str) -> None:
    if name.endswith("/"):
        (logs / name).mkdir()
    else:
        (logs / name).touch()
    assert broken(logs) == f"file {name.rstrip('/')}/"
    with pytest.raises(BrokenLinkError):
        verify(logs)


def test_an_empty_folder_and_a_log_without_a_checkpoint_are_no_logs(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    small_log(tmp_path / "log", 3)
    (tmp_path / "log" / CHECKPOINT).unlink()
    for name in ("empty", "log"):
        with pytest.raises(BrokenLinkError):
            verify(tmp_path / name)


def test_the_command_says_what_holds_of_each_shard(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(logs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["ok: True", "kind: logs", "size: 13", "unsealed: 0"]
    assert lines[4:6] == [f"{NAME}/2026:", "  size: 4"]
    assert [line for line in lines if "pruned" in line] == ["  pruned: True"] + ["  pruned: False"] * 3
    assert not [line for line in lines if line.startswith("  origin")]
    assert "example.com/governance/2026:" in lines
    command = [sys.executable, "-m", "audit.verify", str(logs / "access"), "--json"]
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (said["ok"], said["kind"], [each["size"] for each in said["logs"]]) == (True, "logs", [4, 5, 4])
    policy = tmp_path / "policy"
    policy.write_bytes(format_policy(Policy((Party(K28),), quorum="none")))
    assert main([str(logs / "access"), "--policy", str(policy)]) == 0
    assert main([str(logs / "access"), "--vkey", format_vkey(K28)]) == 0
    (logs / "access" / "2029.tmp").mkdir()
    capsys.readouterr()
    assert main([str(logs / "access"), "--json"]) == BROKEN
    said = json.loads(capsys.readouterr().out)
    assert (said["link"], said["problem"]) == ("file access/2029.tmp", f"not part of the log; {RECOVER}")


def test_facts_named_like_a_list_of_logs_are_shown_as_they_are() -> None:
    assert [*format_facts({"logs": 7, "size": 1})] == ["logs: 7", "size: 1"]


def test_numbers_of_entries_are_those_of_all_logs(logs: Path) -> None:
    shards = open_shards(logs / "access")
    shards.append(*entries(50, 52), at=new_year(2028))
    facts = verify_logs(logs)
    assert (facts.size, facts.unsealed, len(facts.logs)) == (13, 2, 4)
    assert datetime.fromisoformat(facts.logs[2].unsealed_since) == parse_entry(entry(50)).at
    assert facts.logs[0].unsealed_since == ""


def test_a_first_entry_put_aside_for_pruning_is_that_entry(log: Path) -> None:
    kept = next((log / "2026" / ENTRIES).rglob("4")).read_bytes()
    (log / "2026" / FIRST).write_bytes(kept[2 : 2 + int.from_bytes(kept[:2])])
    assert not verify_logs(log).logs[0].pruned  # a removal was killed before it took anything
    (log / "2026" / FIRST).write_bytes(entry(77))
    assert broken(log) == f"file {FIRST}"


def test_a_shard_that_is_made_meanwhile_is_verified_too(log: Path) -> None:
    turned = False

    def turn(_done: int, _size: int) -> None:
        nonlocal turned
        if not turned:
            turned = True
            open_shards(log).append(entry(9), at=new_year(2029))

    facts = verify_logs(log, progress=turn)
    assert [each.origin[-4:] for each in facts.logs] == ["2026", "2027", "2028", "2029"]
