"""One writer at a time: an advisory lock on the event store's directory.

A purge with no retention removes every file that the table does not name, also those a concurrent writer
has written and not yet committed. So whoever writes or purges holds this lease. The kernel drops it when
the process dies, so a killed writer blocks nobody. Readers need none.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writer_lease(directory: Path) -> Iterator[None]:
    """Hold the exclusive lease of ``directory``; waits for the holder. Not reentrant.

    Raises:
        OSError: the lock file cannot be opened.
    """
    (directory / ".lease").touch(mode=0o600)
    with locked(directory / ".lease"):
        yield


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the exclusive lock of a file or folder.

    Raises:
        OSError: it cannot be opened; BlockingIOError when somebody holds it and ``wait`` is not set.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # per open file: also between threads of one process
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
