"""Logs in yearly shards: turning over, by any number of writers, and pruning."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
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
    read_shard,
    settled,
)
from fakes.operators import W1, Scripted, Switched, new_witness

from audit.canonical import encode64
from audit.checkpoint import parse_checkpoint, verify_checkpoint, verify_proof
from audit.entry import CLOSE, OPEN, Entry, format_entry, is_last
from audit.errors import (
    EntryError,
    LogCorruptError,
    LogExistsError,
    LogFinishedError,
    LogForkedError,
    LogMissingError,
    NotSealedError,
    StorageFailedError,
    WriterEndedError,
)
from audit.log import Log
from audit.logdir import begin_rotation, create_log, end_rotation, open_log
from audit.note import SigningKey, format_vkey, parse_note
from audit.shards import ENTRIES, Shards, create_shards, shard_years
from audit.verify_shards import verify_logs

TESTS = Path(__file__).parents[2]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory: this is about order, not about the disk."""
    with quick_folder() as path:
        yield path


LAST = format_entry(Entry(id="1", at=new_year(2027), type=CLOSE, actor="svc:log", resource=f"{NAME}/2027"))


def in_threads(*work: Callable[[], object]) -> None:
    """Run all at once; what one raises ends the test."""
    gate, errors = threading.Barrier(len(work)), list[BaseException]()

    def run(each: Callable[[], object]) -> None:
        gate.wait()
        try:
            each()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors


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
    with pytest.raises(LogMissingError):
        open_shards(tmp_path / "none")
    create_shards(tmp_path / "log", NAME, keys, 2026)
    with pytest.raises(LogExistsError):
        create_shards(tmp_path / "log", NAME, keys, 2027)
    shards = open_shards(tmp_path / "log")
    assert (shards.years(), shards.head(2026).size, shards.newest().origin) == ([2026], 0, f"{NAME}/2026")
    shutil.rmtree(tmp_path / "log" / "2026")
    with pytest.raises(LogMissingError):
        shards.publish()
    with pytest.raises(LogCorruptError):
        shards.head(2026)


def test_a_folder_that_cannot_be_made_or_read_is_a_failure_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailedError):
        create_shards(tmp_path / "file" / "log", NAME, keys, 2026)


# ---- turning over by many ---------------------------------------------------------------------------------


def test_a_second_process_follows_one_that_turned_over(tmp_path: Path) -> None:
    first, second = make_shards(tmp_path, 2026), open_shards(tmp_path)
    first.append(entry(10), at=new_year(2027))
    second.append(entry(11), at=new_year(2026))  # knows only the closed shard
    second.append(entry(12), at=new_year(2027))
    first.append(entry(13), at=new_year(2027))
    second.publish()
    assert numbers(tmp_path) == [0, 1, 2, 10, 11, 12, 13]
    assert first.years() == [2026, 2027]


def test_publishing_follows_one_that_turned_over(tmp_path: Path) -> None:
    first, second = make_shards(tmp_path, 2026), open_shards(tmp_path)
    first.append(entry(10), at=new_year(2027))
    assert parse_note(second.publish()).text.startswith(f"{NAME}/2027\n2\n")


@pytest.mark.parametrize("year", [2026, 2027])
def test_threads_that_find_the_shard_closed_by_another_process_follow_it(tmp_path: Path, year: int) -> None:
    for attempt in range(4):
        folder = tmp_path / str(attempt)
        shards = make_shards(folder, 2026)
        open_shards(folder).append(entry(10), at=new_year(2027))
        in_threads(*(partial(shards.append, entry(n), at=new_year(year)) for n in range(20, 28)))
        assert shards.years() == [2026, 2027]
        found, _ = settled(folder)
        assert (found[:4], sorted(found[4:])) == ([0, 1, 2, 10], [*range(20, 28)])


def test_threads_that_turn_over_at_once_do_it_once(tmp_path: Path) -> None:
    for attempt in range(4):
        folder = tmp_path / str(attempt)
        shards = make_shards(folder, 2026)
        work = [partial(shards.append, entry(n), at=new_year(2026 + n % 2)) for n in range(20, 32)]
        in_threads(*work)
        assert shards.years() == [2026, 2027]
        found, facts = settled(folder)
        assert (found[:3], sorted(found[3:])) == ([0, 1, 2], [*range(20, 32)])
        assert len(facts.logs) == 2


def test_a_thread_that_comes_late_does_not_close_the_shard_that_another_has_made(tmp_path: Path) -> None:
    """It saw the old shard as the newest, then waited while the other turned over."""
    shards = make_shards(tmp_path, 2026)
    shards._turn_over(2026, new_year(2027))
    shards._turn_over(2026, new_year(2027))
    assert shards.years() == [2026, 2027]


WRITER = """
import sys
from pathlib import Path
from fakes.audit_logs import entry
from fakes.audit_shards import new_year, open_shards
shards = open_shards(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for n in range(int(sys.argv[2]), int(sys.argv[2]) + 60):
    shards.append(entry(n), at=new_year(2026 + n % 1000 // 20))
    if n % 7 == 0:
        shards.publish()
    print(n, flush=True)
"""


def test_processes_that_turn_over_at_once_do_it_once(tmp_path: Path) -> None:
    make_shards(tmp_path, 2026)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(start)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
        )
        for start in (1000, 2000, 3000)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    said = list[list[int]]()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        out, _ = child.communicate(timeout=60)
        assert child.returncode == 0
        said.append([*map(int, out.split())])
    found, facts = settled(tmp_path)
    assert [log.origin for log in facts.logs] == [f"{NAME}/{year}" for year in (2026, 2027, 2028)]
    for start, numbers_said in zip((1000, 2000, 3000), said, strict=True):
        assert numbers_said == [*range(start, start + 60)]
        assert [n for n in found if n // 1000 * 1000 == start] == numbers_said  # in order, each once
    assert len(found) == 183


def test_a_turn_over_begun_for_another_year_is_finished_as_it_was_begun(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026)
    shards.newest().finish(LAST)  # and died
    other = open_shards(tmp_path)
    other.append(entry(5), at=new_year(2029))
    assert other.years() == [2026, 2027, 2029]
    other.append(entry(6), at=new_year(2026))
    other.publish()
    assert numbers(tmp_path) == [0, 1, 2, 5, 6]
    verify_logs(tmp_path)


def test_a_turn_over_is_finished_also_by_an_entry_of_the_old_year(tmp_path: Path) -> None:
    make_shards(tmp_path, 2026).newest().finish(LAST)
    (tmp_path / "2027.tmp").mkdir()
    (tmp_path / "2027.tmp" / "rest").touch()
    open_shards(tmp_path).append(entry(5), at=new_year(2026))
    assert shard_years(tmp_path) == [2026, 2027]
    assert settled(tmp_path)[0] == [0, 1, 2, 5]


def waiting(log: Log, count: int) -> None:
    while len(log._batches._waiting) < count:
        time.sleep(0.001)


# ---- a log that is closed ---------------------------------------------------------------------------------


def closed(folder: Path) -> Log:
    log = create_log(folder, key_of("a/b"))
    log.append(entry(0))
    log.finish(LAST)
    return log


def test_a_closed_log_takes_nothing_and_its_checkpoint_stays(tmp_path: Path) -> None:
    log = closed(tmp_path / "log")
    before = snapshot(tmp_path / "log")
    for writer in (log, open_log(tmp_path / "log", key_of("a/b"))):
        with pytest.raises(LogFinishedError) as caught:
            writer.append(entry(1))
        assert caught.value == LogFinishedError("a/b")
        assert writer.ended is None
        note = writer.publish()
        assert writer.finish(LAST) == writer.publish(key_of("a/b")) == note == writer.checkpoint()
        verify_proof(writer.proof(0), entry(0), key_of("a/b").key)
        assert [data for _, data in writer.entries()] == [entry(0), LAST]
    assert snapshot(tmp_path / "log") == before


def test_a_log_closed_and_not_yet_sealed_is_closed_for_all(tmp_path: Path) -> None:
    log = create_log(tmp_path / "log", key_of("a/b"))
    other = open_log(tmp_path / "log", key_of("a/b"))
    log.append(entry(0), LAST)
    for writer in (log, other, open_log(tmp_path / "log", key_of("a/b"))):
        with pytest.raises(LogFinishedError):
            writer.append(entry(1))
    assert parse_note(other.publish()).text.startswith("a/b\n2\n")


def test_only_the_type_of_an_entry_closes_a_log() -> None:
    said = Entry(id="1", at=new_year(2027), type="a:b", actor="x", resource=CLOSE, detail=(("type", CLOSE),))
    assert is_last(LAST)
    assert not is_last(entry(1, kind=OPEN))
    assert not is_last(format_entry(Entry(id="1", at=new_year(2027), type="log:closed", actor="log:close")))
    assert not is_last(format_entry(said))


def test_all_who_share_a_commit_with_one_refused_are_refused_and_can_go_on(tmp_path: Path) -> None:
    log, refused = create_log(tmp_path / "log", key_of("a/b")), list[str]()

    def append(number: int) -> None:
        try:
            log.append(entry(number))
        except LogFinishedError as error:
            refused.append(error.origin)

    threads = [threading.Thread(target=append, args=(n,)) for n in range(6)]
    with log._turn:  # so all wait for one commit
        for thread in threads:
            thread.start()
        waiting(log, 6)
        open_log(tmp_path / "log", key_of("a/b")).finish(LAST)
    for thread in threads:
        thread.join(10)
    assert refused == ["a/b"] * 6
    assert log.ended is None
    assert parse_note(log.checkpoint()).text.startswith("a/b\n1\n")


def test_threads_that_share_a_commit_on_a_closed_shard_are_all_kept_in_the_next(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026)
    threads = [
        threading.Thread(target=partial(shards.append, entry(n), at=new_year(2026))) for n in range(10, 16)
    ]
    log = shards.newest()
    with log._turn:
        for thread in threads:
            thread.start()
        waiting(log, 6)
        open_shards(tmp_path).append(entry(9), at=new_year(2027))
    for thread in threads:
        thread.join(10)
    assert shards.years() == [2026, 2027]
    found, _ = settled(tmp_path)
    assert (found[:4], sorted(found[4:])) == ([0, 1, 2, 9], [*range(10, 16)])


def test_who_shared_a_commit_whose_leader_was_interrupted_does_not_take_the_log_for_closed(
    tmp_path: Path,
) -> None:
    shards, told = make_shards(tmp_path, 2026), list[object]()
    log = shards.newest()

    def follow() -> None:
        try:
            shards.append(entry(11), at=new_year(2026))
        except WriterEndedError as error:
            told.append(error)

    def interrupt() -> None:
        waiting(log, 1)
        follower.start()
        waiting(log, 2)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def raise_(*_: object) -> None:
        raise KeyboardInterrupt

    follower, other = threading.Thread(target=follow), threading.Thread(target=interrupt)
    previous = signal.signal(signal.SIGUSR1, raise_)
    try:
        other.start()
        with log._turn, pytest.raises(KeyboardInterrupt):  # leads; waits for the turn that this thread has
            shards.append(entry(10), at=new_year(2026))
    finally:
        signal.signal(signal.SIGUSR1, previous)
    other.join(10)
    follower.join(10)
    assert len(told) == 1
    assert shards.years() == [2026]
    assert settled(tmp_path)[0] == [0, 1, 2]


# ---- keys and witnesses -----------------------------------------------------------------------------------


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
    assert [len(log.signers) for log in (shards.log(2026), other.newest())] == [2, 2]
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
    shards.log(2026)
    assert witness.asked == asked


def test_a_witness_that_saw_another_history_stops_the_turn_over(tmp_path: Path) -> None:
    create_shards(tmp_path, NAME, keys, 2026)
    shards = open_shards(tmp_path, Scripted([(404, b""), (422, b"")]))
    with pytest.raises(LogForkedError):
        shards.append(entry(0), at=new_year(2027))
    assert shards.years() == [2026]
    assert settled(tmp_path)[0] == []


# ---- pruning ----------------------------------------------------------------------------------------------


def pruned(folder: Path, *years: int) -> Shards:
    shards = make_shards(folder, 2026, 2027, 2028)
    for year in years:
        list(shards.prune(year))
    return open_shards(folder)


def test_pruned_entries_are_handed_out_then_gone_and_the_hashes_hold(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, each=300)
    shards.append(entry(900), at=new_year(2027))
    kept = [data for _, data in shards.log(2026).entries()]
    proof = shards.log(2026).proof(299)
    before = snapshot(tmp_path / "2026")
    assert not shards.is_pruned(2026)
    assert list(shards.prune(2026)) == kept
    assert snapshot(tmp_path / "2026") == {
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
    shards.log(2027).finish(LAST)
    assert list(shards.prune(2027)) == []
    assert {path: data for path, data in before.items() if not path.startswith("2027/")} == {
        path: data for path, data in snapshot(tmp_path).items() if not path.startswith("2027/")
    }
    assert (tmp_path / "2027" / ENTRIES).exists()


def test_a_pruning_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, each=600)
    shards.append(entry(900), at=new_year(2027))
    kept = [data for _, data in shards.log(2026).entries()]
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
    with pytest.raises(StorageFailedError):
        list(shards.prune(2026))
    assert (tmp_path / "real" / "000.p" / "4").exists()


def test_of_a_pruned_shard_nothing_is_given_out_any_more(tmp_path: Path) -> None:
    shards = pruned(tmp_path, 2026)
    with pytest.raises(LogCorruptError):
        shards.evidence(made_of(shards, (2026, 0)))
    assert len(shards.evidence(made_of(shards, (2027, 1), (2028, 1))).entries) == 3


def test_evidence_is_of_published_entries_of_these_shards(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, 2026, 2027)
    for year, index in ((2025, 1), (2026, 4), (2027, 4), (2027, -1)):
        with pytest.raises(NotSealedError) as caught:
            shards.evidence(made_of(shards, (year, index)))
        assert caught.value.index == index
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
