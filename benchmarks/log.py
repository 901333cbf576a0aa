"""The audit log: group commit against one sync per entry, and the cost of verifying.

Appending is bound by the disk, so it is measured by wall time: entries made durable in a second. The peer is
an audit table in SQLite with ``synchronous=FULL``, one row per transaction, in the same folder.
Verification is CPU time of ``verify_log`` per entry: every entry checked, every tile recomputed.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from audit.entry import Entry, format_entry
from audit.log import Log
from audit.logdir import create_log
from audit.note import SigningKey
from audit.verify import verify_log
from benchmarks.report import Row, cpu_seconds

BATCH = 1_000
BATCHES = 100
SINGLE = 400


def _entry(number: int) -> bytes:
    return format_entry(
        Entry(
            id=f"{number:032x}",
            at=datetime(2026, 1, 1, tzinfo=UTC),
            type="score:read",
            actor="user:ann",
            role="analyst",
            purpose="credit_scoring",
            basis="consent",
            policy="sha256:" + "0" * 64,
            rule="analyst:score:read",
            resource="score/credit",
            subjects=1,
        )
    )


def _log_rate(log: Log, entries: list[bytes]) -> float:
    start = time.perf_counter()
    for at in range(0, len(entries), BATCH):
        log.append(*entries[at : at + BATCH])
    return len(entries) / (time.perf_counter() - start)


def _sqlite_rate(path: Path, entries: list[bytes]) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    start = time.perf_counter()
    for entry in entries:
        connection.execute("INSERT INTO entries (body) VALUES (?)", (entry,))
    rate = len(entries) / (time.perf_counter() - start)
    connection.close()
    return rate


def _two_hashes(entries: list[bytes]) -> None:
    for entry in entries:
        hashlib.sha256(entry).digest()
        hashlib.sha256(b"\x01" * 65).digest()


def run() -> list[Row]:
    entries = [_entry(number) for number in range(BATCH * BATCHES)]
    # The system's temporary folder may be memory, where a sync costs nothing: stay on the disk we run from.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".benchmark-") as name:
        folder = Path(name)
        log = create_log(folder / "log", SigningKey("bench.example/log", bytes(32)))
        peer = _sqlite_rate(folder / "peer.sqlite", entries[:SINGLE])
        ours = _log_rate(log, entries)
        start = time.perf_counter()
        log.publish()
        sealing = time.perf_counter() - start
        verifying = cpu_seconds(lambda: verify_log(folder / "log"), repeat=5) / len(entries) * 1e6
        hashing = cpu_seconds(lambda: _two_hashes(entries), repeat=5) / len(entries) * 1e6
    return [
        Row(
            what=f"log append, durable, {BATCH} entries of {len(entries[0])} bytes per sync (wall time)",
            ours=f"{ours:,.0f} entries / s",
            peer=f"SQLite synchronous=FULL, one row per transaction: {peer:,.0f} entries / s",
            ratio=ours / peer,
            target="at least 100 times faster",
            met=ours >= 100 * peer,
        ),
        Row(
            what=f"log append and sealing of {len(entries):,} entries (wall time)",
            ours=f"{len(entries) / (len(entries) / ours + sealing):,.0f} entries / s",
            peer=f"the same SQLite table: {peer:,.0f} entries / s",
            ratio=len(entries) / (len(entries) / ours + sealing) / peer,
            target="stated, no bar",
            met=True,
        ),
        Row(
            what="offline verification of a log, every entry parsed, every tile recomputed",
            ours=f"{verifying:.2f} us CPU / entry",
            peer=f"two bare SHA-256 calls, the least a Merkle log costs: {hashing:.2f} us CPU / entry",
            ratio=verifying / hashing,
            target="at most 3 us per entry on an idle core",
            met=verifying <= 3,
        ),
    ]
