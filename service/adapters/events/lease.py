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
    handle = os.open(directory / ".lease", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # per open file: also between threads of one process
        yield
    finally:
        os.close(handle)
