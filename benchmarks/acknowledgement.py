"""How long one entry waits to be acknowledged when 64 wait: in threads, and in tasks of one event loop.

Wall time, stated in syncs: of the disk we run from, measured between the runs, and of one of 4 ms, for which
the bar was set. Why there are two is in docs/adr/0021-acknowledgement.md.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from audit.filestore import FileStore
from audit.log import Log
from audit.logdir import create_log
from benchmarks.log import KEY, some_entry
from benchmarks.report import Row

WAITERS = 64
ROUNDS = 12
RUNS = 7
SLOW = 0.004  # seconds that a sync takes on the disk that the bar was set for


def _sync_seconds(path: Path, entries: list[bytes]) -> list[float]:
    """Time of each ``fdatasync`` after one entry was appended."""
    spent = list[float]()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for entry in entries:
        os.write(handle, entry)
        start = time.perf_counter()
        os.fdatasync(handle)
        spent.append(time.perf_counter() - start)
    os.close(handle)
    return spent


class _SlowDisk(FileStore):
    """A disk whose sync takes 4 ms."""

    def sync_pending(self) -> None:
        end = time.perf_counter() + SLOW
        super().sync_pending()
        time.sleep(max(0.0, end - time.perf_counter()))


HERE = "this disk"
DISKS = {HERE: FileStore, "a disk of 4 ms": _SlowDisk}


def _threads(append: Callable[[bytes], object], entries: list[bytes]) -> list[float]:
    """How long each of 64 threads waits for each of its entries to be acknowledged."""
    spent, ready = list[float](), threading.Barrier(WAITERS)

    def work(mine: list[bytes]) -> None:
        ready.wait()
        for entry in mine:
            start = time.perf_counter()
            append(entry)
            spent.append(time.perf_counter() - start)

    threads = [threading.Thread(target=work, args=(entries[n::WAITERS],)) for n in range(WAITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return spent


def _handovers(entries: list[bytes]) -> list[float]:
    """The same where a thread tells each at once and writes nothing: what waking threads costs by itself."""
    asked = queue.SimpleQueue["threading.Lock | None"]()

    def hand_over(_: bytes) -> None:
        told = threading.Lock()
        told.acquire()
        asked.put(told)
        told.acquire()

    def tell() -> None:
        while told := asked.get():
            told.release()

    teller = threading.Thread(target=tell)
    teller.start()
    spent = _threads(hand_over, entries)
    asked.put(None)
    teller.join()
    return spent


async def _tasks(log: Log, entries: list[bytes]) -> list[float]:
    """The same for 64 tasks of one event loop; a thread commits what they have gathered."""
    loop, spent, gathered = asyncio.get_running_loop(), list[float](), asyncio.Event()
    waiting = list[tuple[bytes, asyncio.Future[None]]]()

    async def commit() -> None:
        with ThreadPoolExecutor(1) as pool:
            while await gathered.wait():
                gathered.clear()
                batch = waiting.copy()
                waiting.clear()
                await loop.run_in_executor(pool, log.append, *(entry for entry, _ in batch))
                for _, told in batch:
                    told.set_result(None)

    async def work(mine: list[bytes]) -> None:
        for entry in mine:
            start, told = time.perf_counter(), loop.create_future()
            waiting.append((entry, told))
            gathered.set()
            await told
            spent.append(time.perf_counter() - start)

    committing = loop.create_task(commit())
    await asyncio.gather(*(work(entries[n::WAITERS]) for n in range(WAITERS)))
    committing.cancel()
    return spent


def _percentiles(spent: list[float]) -> list[float]:
    ranked = sorted(spent)
    return [ranked[int(part * len(ranked))] for part in (0.5, 0.9, 0.99)]


def _medians(runs: list[list[float]]) -> list[float]:
    return [statistics.median(same) for same in zip(*runs, strict=True)]


def _wait_rows(folder: Path, entries: list[bytes]) -> list[Row]:
    """All take turns and medians are compared: the disk is the same, its mood changes."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    syncs, handovers = list[list[float]](), list[list[float]]()
    for turn in range(RUNS):
        syncs.append(_percentiles(_sync_seconds(folder / "syncs", entries[:200])))
        handovers.append(_percentiles(_handovers(entries)))
        for (disk, store), face in itertools.product(DISKS.items(), ("threads", "tasks")):
            at = folder / f"{disk} {face} {turn}"
            create_log(at, KEY).close()
            log = Log(store(at), KEY)
            spent = _threads(log.append, entries) if face == "threads" else asyncio.run(_tasks(log, entries))
            found.setdefault((face, disk), []).append(_percentiles(spent))
            log.close()
    sync, handover = _medians(syncs), _medians(handovers)
    return [_row(face, disk, _medians(runs), sync, handover) for (face, disk), runs in found.items()]


def _row(face: str, disk: str, spent: list[float], sync: list[float], handover: list[float]) -> Row:
    """Who comes in the middle of a commit is told after the next: two commits, and two rounds of telling."""
    here, threads = disk == HERE, face == "threads"
    one = sync[0] if here else SLOW
    typical, ninth, last = (f"{seconds * 1e3:.1f} ms ({seconds / one:.1f} syncs)" for seconds in spent)
    peer = f"one sync: {one * 1e3:.2f} ms" + (f" (p99 {sync[2] * 1e3:.2f} ms)" if here else "")
    if threads:
        peer += f"; {WAITERS} threads told by one that writes nothing: p99 {handover[2] * 1e3:.1f} ms"
    return Row(
        what=f"acknowledgement of one entry, {WAITERS} {face} waiting, {disk}, p99 (wall time)",
        ours=f"{last}; p90 {ninth}, median {typical}",
        peer=peer,
        ratio=spent[2] / one,
        target="at most 4 syncs",
        met=spent[2] <= 4 * one,
    )


def run() -> list[Row]:
    # The system's temporary folder may be memory, where a sync costs nothing: stay on the disk we run from.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".benchmark-") as folder:
        return _wait_rows(Path(folder), [some_entry(number) for number in range(WAITERS * ROUNDS)])
