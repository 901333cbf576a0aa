"""Take several files in at once: one process per file, no more files open than there are workers.

Memory is that of a worker times their number, whatever the number of files. The stores order themselves:
each worker is a service of its own.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import TYPE_CHECKING, Final

from service.cli.context import SESSION, Progress
from service.errors import FiduciaryError, StorageError

if TYPE_CHECKING:
    from service.ports import BatchRow

_TICK: Final = 0.2  # seconds between two looks at the workers' progress
_Told = tuple[int, str, int]  # file, step, percent
_Tell = Callable[[int, str, int], None]
_TELL: list[SimpleQueue[_Told]] = []  # of a worker


def ingest_files(
    dataset: str, paths: Sequence[Path], *, encoding: str, workers: int, progress: Progress
) -> tuple[list[BatchRow], list[FiduciaryError]]:
    """Take files in; one that fails does not stop the others.

    Returns:
        The batches in the order of ``paths``, and what went wrong.
    """
    tell = _bar(paths, progress)
    if len(paths) == 1 or workers == 1:
        results = [_attempt(dataset, path, encoding, n, tell) for n, path in enumerate(paths)]
    else:
        results = _in_processes(dataset, paths, encoding, min(workers, len(paths)), tell)
    errors = [found for found in results if isinstance(found, FiduciaryError)]
    return [found for found in results if not isinstance(found, FiduciaryError)], errors


def _bar(paths: Sequence[Path], progress: Progress) -> _Tell:
    """One bar for all files, by bytes."""
    sizes = [path.stat().st_size if path.is_file() else 0 for path in paths]
    percents = [0] * len(paths)

    def tell(number: int, step: str, percent: int) -> None:
        percents[number] = percent
        done = sum(size * at for size, at in zip(sizes, percents, strict=True))
        name = f"{paths[number].name}: " if len(paths) > 1 else ""
        progress(f"{name}{step}", done // (sum(sizes) or 1))

    return tell


def _attempt(dataset: str, path: Path, encoding: str, number: int, tell: _Tell) -> BatchRow | FiduciaryError:
    from service.usecases.ingest import ingest

    try:
        return ingest(path, dataset, **SESSION.acting(), encoding=encoding, progress=partial(tell, number))
    except FiduciaryError as error:
        return error


def _in_processes(
    dataset: str, paths: Sequence[Path], encoding: str, workers: int, tell: _Tell
) -> list[BatchRow | FiduciaryError]:
    context = multiprocessing.get_context("spawn")  # threads of the engine do not survive a fork
    told: SimpleQueue[_Told] = context.SimpleQueue()
    os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
    with ProcessPoolExecutor(workers, context, _start, (SESSION.home, told)) as pool:
        jobs = [pool.submit(_work, dataset, path, encoding, n) for n, path in enumerate(paths)]
        waiting: set[Future[BatchRow | FiduciaryError]] = set(jobs)
        while waiting:
            waiting = wait(waiting, _TICK, FIRST_COMPLETED).not_done
            while not told.empty():
                tell(*told.get())
        return [_outcome(job) for job in jobs]


def _outcome(job: Future[BatchRow | FiduciaryError]) -> BatchRow | FiduciaryError:
    error = job.exception()
    if error is None:
        return job.result()
    return StorageError("a worker ended before its file was done; run again", why=type(error).__name__)


def _start(home: Path | None, told: SimpleQueue[_Told]) -> None:
    SESSION.home = home
    _TELL.append(told)


def _work(dataset: str, path: Path, encoding: str, number: int) -> BatchRow | FiduciaryError:
    return _attempt(dataset, path, encoding, number, lambda *step: _TELL[0].put(step))
