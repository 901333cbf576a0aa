"""The writer: indices, proofs, group commit, other processes, and what it refuses."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fakes.audit_logs import CHECKPOINT, KEY, CountingStore, entries, entry, small_log, snapshot, stored

from audit.checkpoint import verify_proof
from audit.entry import format_entry, parse_entry
from audit.errors import (
    EntryError,
    KeyFileError,
    LogCorruptError,
    LogExistsError,
    LogMissingError,
    NotSealedError,
    StorageFailedError,
    WriterEndedError,
)
from audit.log import Log
from audit.logdir import create_key, create_log, load_key, open_log
from audit.note import SigningKey
from audit.tiles import tile_paths
from audit.verify_log import verify_log

WORKER = """
import sys
from pathlib import Path
from fakes.audit_logs import KEY, entry
from audit.logdir import open_log
log = open_log(Path(sys.argv[1]), KEY)
for n in range(int(sys.argv[2]), int(sys.argv[3])):
    print(n, *log.append(entry(n)), flush=True)
    if n % 7 == 0:
        log.publish()
"""


def test_indices_count_up_over_reopening(tmp_path: Path) -> None:
    log = create_log(tmp_path / "log", KEY)
    assert log.append(entry(0), entry(1)) == (0, 1)
    assert log.append() == ()
    log.publish()
    assert log.append(entry(2)) == (2,)
    log = open_log(tmp_path / "log", KEY)
    assert log.append(entry(3)) == (3,)
    log.publish()
    assert [*log.entries()] == [*enumerate(entries(0, 4))]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 513])
def test_every_entry_is_proved_and_exactly_the_expected_files_exist(tmp_path: Path, size: int) -> None:
    log = small_log(tmp_path / "log", size)
    for index in {0, size // 2, size - 1}:
        assert verify_proof(log.proof(index), entry(index), KEY.key).size == size
    assert set(snapshot(tmp_path / "log")) == {"checkpoint", "vkey", "pending", *tile_paths(size)}
    assert stored(tmp_path / "log") == entries(0, size)


def test_publishing_nothing_new_returns_the_same_checkpoint(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 3)
    assert log.publish() == log.checkpoint() == (tmp_path / "log" / CHECKPOINT).read_bytes()


def test_entries_outside_the_signed_tree_have_no_proof_and_do_not_end_the_writer(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 3, unsealed=1)
    for index in (-1, 3, 4):
        with pytest.raises(NotSealedError) as caught:
            log.proof(index)
        assert caught.value == NotSealedError(index, 3)
    assert log.append(entry(4)) == (4,)


def test_listing_is_not_disturbed_by_a_later_publication(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 300)
    listing = log.entries()
    assert next(listing) == (0, entry(0))
    log.append(*entries(300, 600))
    log.publish()
    assert len([*listing]) == 299


@pytest.mark.parametrize("size", [1, 256, 257, 600])
def test_entries_are_read_by_index_as_they_are_listed_also_while_the_log_goes_on(
    tmp_path: Path, size: int
) -> None:
    log = small_log(tmp_path / "log", size)
    everything = dict(log.entries())
    wanted = [*range(size - 1, -1, -3), 0, size - 1]
    reading = log.read(wanted)
    first = next(reading)
    log.append(entry(size))
    log.publish()  # replaces the bundle that is not full
    assert [first, *reading] == [(index, everything[index]) for index in wanted]


@pytest.mark.parametrize("index", [-1, 3, 256])
def test_an_entry_that_is_not_sealed_is_not_read(tmp_path: Path, index: int) -> None:
    log = small_log(tmp_path / "log", 3)
    log.append(entry(3))
    with pytest.raises(NotSealedError):
        list(log.read([index]))
    log.publish()  # the writer goes on


def test_bytes_that_are_no_entry_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 1)
    with pytest.raises(EntryError):
        log.append(entry(1), b"not an entry")
    assert log.append(entry(1)) == (1,)


def test_sixteen_threads_share_syncs_and_every_entry_gets_its_own_index(tmp_path: Path) -> None:
    create_log(tmp_path / "log", KEY)
    store = CountingStore(tmp_path / "log")
    log = Log(store, KEY)
    got: dict[int, int] = {}

    def work(start: int) -> None:
        for n in range(start, start + 25):
            (got[n],) = log.append(entry(n))

    threads = [threading.Thread(target=work, args=(100 * t,)) for t in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got.values()) == list(range(400))
    assert store.syncs < 400
    log.publish()
    for n, index in got.items():
        verify_proof(log.proof(index), entry(n), KEY.key)
    verify_log(tmp_path / "log")


def test_two_processes_append_and_publish_in_one_log(tmp_path: Path) -> None:
    log = create_log(tmp_path / "log", KEY)
    log.append(entry(10_000))
    command = [sys.executable, "-c", WORKER, str(tmp_path / "log")]
    environment = {"PYTHONPATH": f"{Path(__file__).parents[2]}"}
    children = [
        subprocess.Popen(
            [*command, str(start), str(start + 60)], stdout=subprocess.PIPE, text=True, env=environment
        )
        for start in (0, 100)
    ]
    (mine,) = log.append(entry(10_001))
    claims: dict[int, int] = {}
    for child in children:
        out, _ = child.communicate(timeout=60)
        assert child.returncode == 0
        claims |= {int(i): int(n) for n, i in (line.split() for line in out.splitlines())}
    claims |= {0: 10_000, mine: 10_001}
    (last,) = log.append(entry(10_002))
    assert sorted([*claims, last]) == list(range(123))
    log.publish()
    kept = dict(log.entries())
    assert all(kept[index] == entry(number) for index, number in claims.items())
    assert verify_log(tmp_path / "log").size == 123


def test_a_log_is_not_created_where_there_is_something(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 1)
    with pytest.raises(LogExistsError):
        create_log(tmp_path / "log", KEY)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(LogExistsError):
        create_log(tmp_path / "other", KEY)


def test_acknowledged_entries_are_not_overwritten_by_creating_anew(tmp_path: Path) -> None:
    log = create_log(tmp_path / "log", KEY)
    log.append(entry(0))
    (tmp_path / "log" / CHECKPOINT).unlink()
    with pytest.raises(LogExistsError):
        create_log(tmp_path / "log", KEY)


def test_an_interrupted_creation_is_started_again(tmp_path: Path) -> None:
    create_log(tmp_path / "log", KEY)
    (tmp_path / "log" / CHECKPOINT).rename(tmp_path / "log" / "checkpoint.tmp")
    create_log(tmp_path / "log", KEY).append(entry(0))
    assert stored(tmp_path / "log") == [entry(0)]


def test_opening_where_there_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogMissingError):
        open_log(tmp_path, KEY)


def test_opening_with_another_key_is_refused(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 1)
    with pytest.raises(LogCorruptError):
        open_log(tmp_path / "log", SigningKey(KEY.name, bytes(32)))


@pytest.mark.parametrize(
    "path",
    [
        "vkey",
        "pending",
        "tile/0/001.p/44",
        "tile/entries/000",
        "tile/0/000",
        "tile/1/000.p/1",
        "tile/entries/001.p/44",
    ],
)
def test_opening_is_refused_when_a_file_of_the_signed_tree_is_missing(tmp_path: Path, path: str) -> None:
    small_log(tmp_path / "log", 300)
    (tmp_path / "log" / path).unlink()
    with pytest.raises(LogCorruptError):
        open_log(tmp_path / "log", KEY)


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/001.p/44", "tile/1/000.p/1"])
def test_opening_is_refused_when_the_right_edge_is_not_what_was_signed(tmp_path: Path, path: str) -> None:
    small_log(tmp_path / "log", 300)
    target = tmp_path / "log" / path
    data = bytearray(target.read_bytes())
    data[20] ^= 1
    target.write_bytes(data)
    with pytest.raises(LogCorruptError):
        open_log(tmp_path / "log", KEY)


def test_publishing_on_changed_entries_is_refused(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 300, unsealed=1)
    target = tmp_path / "log" / "tile/entries/001.p/44"
    target.write_bytes(target.read_bytes().replace(b"allow", b"deny ", 1))
    with pytest.raises(LogCorruptError):
        log.publish()
    with pytest.raises(WriterEndedError):
        log.append(entry(301))


def test_a_checkpoint_put_back_to_an_older_one_is_refused_and_deletes_nothing(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 3)
    old = (tmp_path / "log" / CHECKPOINT).read_bytes()
    log.append(*entries(3, 300))
    log.publish()
    (tmp_path / "log" / CHECKPOINT).write_bytes(old)
    before = snapshot(tmp_path / "log")
    with pytest.raises(LogCorruptError):
        open_log(tmp_path / "log", KEY)
    with pytest.raises(LogCorruptError):
        log.append(entry(300))
    assert snapshot(tmp_path / "log") == before


def test_a_running_writer_notices_that_the_log_was_exchanged(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 5)
    small_log(tmp_path / "longer", 9)
    other = create_log(tmp_path / "other", KEY)
    other.append(*entries(50, 59))
    other.publish()
    for source, refused in ((tmp_path / "longer", False), (tmp_path / "other", True)):
        shutil.rmtree(tmp_path / "log" / "tile")
        shutil.copytree(source, tmp_path / "log", dirs_exist_ok=True)
        if refused:
            with pytest.raises(LogCorruptError):
                log.publish()
        else:
            log.publish()


def test_a_shortened_segment_is_noticed(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 2, unsealed=2)
    (tmp_path / "log" / "pending").write_bytes(b"")
    with pytest.raises(LogCorruptError):
        log.append(entry(4))


def test_a_segment_that_does_not_continue_the_tree_is_refused(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 2, unsealed=2)
    small_log(tmp_path / "shorter", 1)
    shutil.copy(tmp_path / "log" / "pending", tmp_path / "shorter" / "pending")
    with pytest.raises(LogCorruptError):
        open_log(tmp_path / "shorter", KEY)


def test_a_torn_tail_is_cut_on_opening(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 2, unsealed=2)
    with (tmp_path / "log" / "pending").open("ab") as file:
        file.write(b"FDS1 torn")
    assert stored(tmp_path / "log") == entries(0, 4)


def test_key_file_is_private_and_strict(tmp_path: Path) -> None:
    key = create_key(tmp_path / "keys" / "log.key", "example.com/log")
    path = tmp_path / "keys" / "log.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path) == key
    with pytest.raises(KeyFileError):  # never overwritten
        create_key(path, "example.com/log")
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(KeyFileError):
            load_key(path)
    path.chmod(0o600)
    for data in (b"", b"\xff", path.read_bytes()[:-5], path.read_bytes() + b"\n"):
        path.write_bytes(data)
        with pytest.raises(KeyFileError) as caught:
            load_key(path)
        assert "PRIVATE" not in str(caught.value)
    with pytest.raises(KeyFileError):
        load_key(tmp_path / "none")


def test_interrupting_an_append_ends_the_writer(tmp_path: Path) -> None:
    class Interrupted(CountingStore):
        def sync_pending(self) -> None:
            raise KeyboardInterrupt

    create_log(tmp_path / "log", KEY)
    log = Log(Interrupted(tmp_path / "log"), KEY)
    with pytest.raises(KeyboardInterrupt):
        log.append(entry(0))
    with pytest.raises(WriterEndedError):
        log.append(entry(0))
    assert stored(tmp_path / "log") == []


def test_storage_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailedError):
        create_log(tmp_path / "file" / "log", KEY)


def test_a_closed_log_takes_nothing_more(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 1)
    log.close()
    with pytest.raises(WriterEndedError):
        log.append(entry(1))


def test_stored_entries_parse(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 5)
    assert [format_entry(parse_entry(data)) for data in stored(tmp_path / "log")] == entries(0, 5)
