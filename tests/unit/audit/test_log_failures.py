"""Crashes and failing disks: what was acknowledged is never lost, what failed is never acknowledged."""

from __future__ import annotations

import errno
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.audit_logs import (
    CHECKPOINT,
    KEY,
    FailingStore,
    PowerCutStore,
    entries,
    entry,
    small_log,
    stored,
)

from audit.errors import LogError, StorageFailedError, WriterEndedError
from audit.filestore import FileStore
from audit.log import Log
from audit.logdir import create_log, open_log
from audit.verify_log import verify_log


def test_acknowledged_entries_survive_a_power_cut(tmp_path: Path) -> None:
    create_log(tmp_path / "log", KEY)
    store = PowerCutStore(tmp_path / "log")
    log = Log(store, KEY)
    acknowledged = list[bytes]()
    for number in range(12):
        log.append(entry(number))
        acknowledged.append(entry(number))
        if number == 6:
            log.publish()
        store.power_cut()
        assert stored(tmp_path / "log")[: len(acknowledged)] == acknowledged
        log = Log(store, KEY)


@pytest.mark.parametrize("after", [False, True], ids=["not-done", "done"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_failing_at_every_operation_loses_nothing_and_lies_about_nothing(
    tmp_path: Path, code: int, *, after: bool
) -> None:
    at, finished = 0, False
    while not finished:
        directory = tmp_path / str(at)
        create_log(directory, KEY)
        store = FailingStore(directory, at=at, after=after, error=lambda: OSError(code, "injected"))
        acknowledged, failed = _drive(store)
        assert failed is None or (failed.code == code and failed.disk_full == (code == errno.ENOSPC))
        finished = not store.spent
        kept = stored(directory)
        assert kept[: len(acknowledged)] == acknowledged
        assert len(kept) - len(acknowledged) in {0, 2}
        verify_log(directory)
        at += 1
    assert at > 15


def _drive(store: FailingStore) -> tuple[list[bytes], StorageFailedError | None]:
    """Append in pairs and publish twice; stop at the first failure, after which nothing may work."""
    acknowledged = list[bytes]()
    try:
        log = Log(store, KEY)
    except StorageFailedError as error:
        return acknowledged, error
    try:
        for pair in range(4):
            batch = entries(2 * pair, 2 * pair + 2)
            log.append(*batch)
            acknowledged += batch
            if pair % 2:
                log.publish()
    except StorageFailedError as error:
        with pytest.raises(WriterEndedError):
            log.append(entry(99))
        with pytest.raises(WriterEndedError):
            log.publish()
        return acknowledged, error
    return acknowledged, None


def test_another_process_goes_on_after_a_failed_write(tmp_path: Path) -> None:
    create_log(tmp_path / "log", KEY)
    store = FailingStore(tmp_path / "log", at=1, after=False, error=lambda: OSError(errno.EIO, "injected"))
    failing, healthy = Log(store, KEY), open_log(tmp_path / "log", KEY)
    with pytest.raises(StorageFailedError):
        failing.append(entry(0))
    assert healthy.append(entry(1)) == (0,)
    healthy.publish()
    assert stored(tmp_path / "log") == [entry(1)]


def test_another_process_finishes_an_interrupted_publication(tmp_path: Path) -> None:
    create_log(tmp_path / "log", KEY)
    for at in range(3, 9):
        store = FailingStore(
            tmp_path / "log", at=at, after=True, error=lambda: OSError(errno.EIO, "injected")
        )
        failing, healthy = Log(store, KEY), open_log(tmp_path / "log", KEY)
        failing.append(entry(at))
        with pytest.raises(StorageFailedError):
            failing.publish()
        healthy.append(entry(100 + at))
        healthy.publish()
        verify_log(tmp_path / "log")
    assert len(stored(tmp_path / "log")) == 12


def test_everyone_who_waited_for_a_failed_sync_is_told(tmp_path: Path) -> None:
    create_log(tmp_path / "log", KEY)
    store = FailingStore(tmp_path / "log", at=1, after=False, error=lambda: OSError(errno.EIO, "injected"))
    log = Log(store, KEY)
    told = list[LogError]()

    def work(number: int) -> None:
        try:
            log.append(entry(number))
        except LogError as error:
            told.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 8
    assert stored(tmp_path / "log") == []


def test_who_shares_a_failed_commit_is_told_why(tmp_path: Path) -> None:
    create_log(tmp_path / "log", KEY)
    store = FailingStore(tmp_path / "log", at=1, after=False, error=lambda: OSError(errno.EIO, "injected"))
    log, told = Log(store, KEY), set[LogError]()

    def work() -> None:
        try:
            log.append(entry(0))
        except LogError as error:
            told.add(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    with log._turn:  # so all are in one commit
        for thread in threads:
            thread.start()
        while len(log._batches._waiting) < 4:
            time.sleep(0.001)
    for thread in threads:
        thread.join(10)
    failure = StorageFailedError("append", errno.EIO)
    assert told == {failure, WriterEndedError(str(failure))}
    assert log.ended == failure


@pytest.mark.parametrize(
    ("at", "code", "step"), [(0, errno.EIO, "recovery"), (1, errno.EIO, "publication"), (1, None, "append")]
)
def test_a_failure_names_the_step_and_the_code(tmp_path: Path, at: int, code: int | None, step: str) -> None:
    small_log(tmp_path / "log", 2, unsealed=1)
    error = OSError() if code is None else OSError(code, "injected")

    def work() -> None:
        log = Log(FailingStore(tmp_path / "log", at=at, after=False, error=lambda: error), KEY)
        _ = log.publish() if step == "publication" else log.append(entry(3))

    with pytest.raises(StorageFailedError) as caught:
        work()
    assert caught.value == StorageFailedError(step, code or 0)


def test_the_first_failure_is_told_also_when_tidying_up_after_it_fails(tmp_path: Path) -> None:
    class Gone(FileStore):
        def sync_pending(self) -> None:
            raise OSError(errno.EIO, "injected")

        def cut_pending(self, size: int) -> None:
            raise OSError(errno.ENXIO, f"injected at {size}")

    create_log(tmp_path / "log", KEY)
    with pytest.raises(StorageFailedError) as caught:
        Log(Gone(tmp_path / "log"), KEY).append(entry(0))
    assert caught.value == StorageFailedError("append", errno.EIO)


READERS: list[Callable[[Log], object]] = [
    Log.checkpoint,
    lambda log: log.proof(0),
    lambda log: log.evidence([0]),
    lambda log: list(log.read([0])),
    lambda log: list(log.entries()),
]


@pytest.mark.parametrize("read", READERS)
def test_a_log_that_cannot_be_read_says_so_and_the_writer_ends(
    tmp_path: Path, read: Callable[[Log], object]
) -> None:
    log = small_log(tmp_path / "log", 2)
    read(log)
    (tmp_path / "log" / CHECKPOINT).unlink()
    failure = StorageFailedError("reading", errno.ENOENT)
    for error in (failure, WriterEndedError(str(failure))):
        with pytest.raises(LogError) as caught:
            read(log)
        assert caught.value == error
    assert log.ended == failure


def test_an_interrupted_append_and_a_closed_log_say_why_they_take_no_more(tmp_path: Path) -> None:
    create_log(tmp_path / "log", KEY)
    store = FailingStore(tmp_path / "log", at=1, after=False, error=KeyboardInterrupt)
    interrupted, closed = Log(store, KEY), open_log(tmp_path / "log", KEY)
    with pytest.raises(KeyboardInterrupt):
        interrupted.append(entry(0))
    assert interrupted.ended == StorageFailedError("append", 0)
    closed.close()
    assert closed.ended == WriterEndedError("closed")
    with pytest.raises(WriterEndedError) as caught:
        closed.append(entry(0))
    assert caught.value == WriterEndedError(str(closed.ended))


def _append_for_ever(log: Log, acknowledged: list[bytes]) -> None:
    for number in range(1_000):
        log.append(entry(number))
        acknowledged.append(entry(number))


def test_a_full_disk_is_said_clearly_and_loses_nothing(tmp_path: Path) -> None:
    log = create_log(tmp_path / "log", KEY)
    acknowledged = list[bytes]()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))
    try:
        with pytest.raises(StorageFailedError) as caught:
            _append_for_ever(log, acknowledged)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert caught.value.disk_full
    assert "disk is full" in str(caught.value)
    assert 10 < len(acknowledged) < 1_000
    assert stored(tmp_path / "log") == acknowledged
    verify_log(tmp_path / "log")


def test_the_lock_is_given_back_when_its_holder_dies(tmp_path: Path) -> None:
    log = create_log(tmp_path / "log", KEY)
    child = os.fork()
    if child == 0:  # holds the lock, then dies without a word
        with open_log(tmp_path / "log", KEY)._store.lock():
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert log.append(entry(0)) == (0,)
