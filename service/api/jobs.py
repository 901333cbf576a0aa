"""Work that takes longer than a request may: started, asked after, and told about until a restart.

Nothing is kept on disk: what a job made is there when the process is not, and is found by its own route.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final

from service.errors import ConflictError, FiduciaryError, UnknownError, UsageError

MOST: Final = 32


@dataclass(slots=True)
class Job:
    """How far the work is that somebody asked for, and the name of what it made."""

    asked: object
    made: Future[str]
    step: str = "waiting"
    percent: int = 0

    def tell(self, step: str, percent: int) -> None:
        """Note progress."""
        self.step, self.percent = step, percent

    def result(self) -> str:
        """The name of what was made, or what it failed with."""
        if isinstance(failure := self.made.exception(), Exception):
            raise failure.with_traceback(None)  # which would grow each time
        if failure:  # native libraries panic with what would end the server here
            raise FiduciaryError("an unexpected failure", kind=type(failure).__name__)
        return self.made.result()


class Jobs:
    """One runs, some wait, and the newest ``MOST`` are remembered."""

    def __init__(self) -> None:
        self._pool, self._lock = ThreadPoolExecutor(1, "job"), Lock()
        self._jobs: dict[tuple[str, str], Job] = {}

    def start(self, owner: str, key: str, asked: object, work: Callable[[Job], str]) -> None:
        """Start it, unless this key of this person stands for it already.

        Raises:
            UsageError: the key stands for something else.
            ConflictError: too many are waiting.
        """
        with self._lock:
            if known := self._jobs.get((owner, key)):
                if known.asked != asked:
                    raise UsageError("the idempotency key was used for another request: take a new UUID")
                return
            if len(self._jobs) == MOST:
                oldest = next(iter(self._jobs))
                if not self._jobs[oldest].made.done():
                    raise ConflictError("too many are waiting: ask again when one is done", waiting=MOST)
                del self._jobs[oldest]
            job = self._jobs[owner, key] = Job(asked, Future())
            job.made = self._pool.submit(work, job)

    def close(self) -> None:
        """Let the one that runs come to its end; those that wait are given up."""
        self._pool.shutdown(cancel_futures=True)

    def find(self, owner: str, key: str) -> Job:
        """One's own job. Raises UnknownError, also when a restart or many others came in between."""
        if job := self._jobs.get((owner, key)):
            return job
        raise UnknownError("no such job is remembered; what one made is in the list")
