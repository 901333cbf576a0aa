"""A witness (C2SP tlog-witness): cosigns a log's checkpoint only if it extends the last one that it cosigned.

``audit.cosign.decide`` is the rule. What it decided is kept in one SQLite table, origin to size and root.
Reading, deciding and writing are one transaction, on disk before the cosignature exists: two requests cannot
pass each other, and after a crash the witness remembers at least what it has signed.

What it has seen is its whole worth. The database is made once, by ``create_heads``, never again on its own: a
witness that forgets would help to rewrite history.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from audit.checkpoint import Checkpoint, format_checkpoint
from audit.cosign import CONFLICT, MALFORMED, decide, parse_request
from audit.errors import FormatError
from audit.note import Signer, VerifierKey, format_lines, sign_line

_TABLE: Final = "CREATE TABLE head (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL)"
_READ: Final = "SELECT origin, size, root FROM head WHERE origin = ?"
_WRITE: Final = "INSERT OR REPLACE INTO head VALUES (?, ?, ?)"
Logs = Sequence[VerifierKey]
_BUSY: Final = 5.0  # seconds to wait for another request's transaction


class Witness:
    """A witness with its memory; threads and processes may share the database."""

    def __init__(
        self, signer: Signer, logs: Logs, heads: Path, clock: Callable[[], float] = time.time
    ) -> None:
        """Open. Raises sqlite3.Error when there is no memory."""
        self.key, self._signer, self._logs, self._clock = signer.key, signer, logs, clock
        self._heads = f"{heads.absolute().as_uri()}?mode=rw"
        with self._transaction() as database:
            database.execute(_READ, ("",))

    def add_checkpoint(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises sqlite3.Error when it cannot remember."""
        try:
            parsed = parse_request(request)
            origin = parsed.note.partition(b"\n")[0].decode("utf-8", "replace")
            with self._transaction() as database:
                row = database.execute(_READ, (origin,)).fetchone()
                seen = Checkpoint(*row) if row else None
                status, head = decide(parsed, self._logs, seen)
                if head:
                    database.execute(_WRITE, (head.origin, head.size, head.root))
        except FormatError:
            return MALFORMED, b""
        if head:
            return status, format_lines(
                [sign_line(format_checkpoint(head), self._signer, int(self._clock()))]
            )
        return status, f"{seen.size if seen else 0}\n".encode() if status == CONFLICT else b""

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Exclusive, and on disk when it ends well; EXTRA is FULL and syncs the folder of the journal too."""
        with contextlib.closing(
            sqlite3.connect(self._heads, _BUSY, uri=True, isolation_level=None)
        ) as database:
            database.execute("PRAGMA synchronous=EXTRA")
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")


def create_heads(path: Path) -> None:
    """An empty memory in a new file. Raises FileExistsError."""
    path.touch(mode=0o600, exist_ok=False)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(_TABLE)
