"""Small real logs, bundles and certificates for tests, and stores that fail or lose power on purpose."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audit.bundle import MANIFEST, build_bundle
from audit.canonical import digest
from audit.certificate import build_certificate
from audit.dsse import Statement, format_statement, sign_statement, subject_digests
from audit.entry import Entry, format_entry
from audit.evidence import Place
from audit.filestore import FileStore
from audit.log import CHECKPOINT, VKEY, Log
from audit.logdir import create_log, open_log
from audit.note import Signer, SigningKey

KEY = SigningKey("example.com/log", bytes(range(32)))
REPORT = {
    "report.json": b'{"a":1}',
    "cells.csv": b"month,n\n2005-09,7\n",
    "report.en.pdf": b"%PDF-1.7 \xff\x00",
}


def entry(number: int, *, kind: str = "dataset:ingest", payload: str = "") -> bytes:
    """Entry bytes that differ for every number."""
    return format_entry(
        Entry(
            id=f"{number:032x}",
            at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
            type=kind,
            actor="user:ann",
            payload=payload,
            detail=(("batch", "b-1"), ("n", number)),
        )
    )


def entries(start: int, stop: int) -> list[bytes]:
    """The entries of a range of numbers."""
    return [entry(number) for number in range(start, stop)]


def small_log(directory: Path, size: int, *, unsealed: int = 0) -> Log:
    """A log with ``size`` sealed entries, sealed in two steps, and some that are not."""
    log = create_log(directory, KEY)
    log.append(*entries(0, size // 2))
    log.publish()
    log.append(*entries(size // 2, size))
    log.publish()
    log.append(*entries(size, size + unsealed))
    return log


def places(log: Log, *indices: int) -> list[Place]:
    """The places of entries of one log."""
    return [Place(log.origin, index) for index in indices]


def sign_manifest(cited: object, *signers: Signer, files: Mapping[str, bytes] = REPORT) -> bytes:
    """The manifest of a report that cites this."""
    statement = Statement(subject_digests(files), "https://example.com/report/v1", {"entries": cited})
    return sign_statement(format_statement(statement), *signers)


def sign_claim(cited: Sequence[Place], *signers: Signer) -> bytes:
    """The statement of a certificate."""
    subjects = {"request/R-1": hashlib.sha256(b"R-1").hexdigest()}
    predicate = {"entries": [*map(str, cited)], "outcome": "erased", "说明": "已删除"}
    statement = Statement(subjects, "https://example.com/erasure/v1", predicate)
    return sign_statement(format_statement(statement), *signers)


def make_bundle(log: Log, cited: Sequence[int], files: Mapping[str, bytes] = REPORT) -> bytes:
    """A report bundle, made as a use case would."""
    named = places(log, *cited)
    envelope = sign_manifest([*map(str, named)], log.signer, files=files)
    (issue,) = log.append(entry(9_000, kind="report:issue", payload=digest(envelope)))
    log.publish()
    evidence = log.evidence([*cited, issue])
    return build_bundle(files, envelope, named, Place(log.origin, issue), evidence=evidence)


def make_certificate(log: Log, cited: Sequence[int]) -> bytes:
    """A certificate of a rights request, made as a use case would."""
    named = places(log, *cited)
    envelope = sign_claim(named, log.signer)
    (certify,) = log.append(entry(9_001, kind="rights:certify", payload=digest(envelope)))
    log.publish()
    evidence = log.evidence([*cited, certify])
    return build_certificate(envelope, named, Place(log.origin, certify), evidence=evidence)


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The data with one byte changed: the lowest bit, then the case bit, at every place."""
    for at in range(len(data)):
        for mask in (0x01, 0x20):
            yield at, data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


class CountingStore(FileStore):
    """A store that counts what it makes durable."""

    syncs = 0

    def sync_pending(self) -> None:
        """Make the segment durable, and count."""
        super().sync_pending()
        self.syncs += 1


class PowerCutStore(FileStore):
    """A store that remembers what it synced, and can lose the rest of the segment as a power cut would."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.durable = self.pending_size()

    def sync_pending(self) -> None:
        """Make the segment durable."""
        super().sync_pending()
        self.durable = self.pending_size()

    def cut_pending(self, size: int) -> None:
        """Shorten the segment, durably."""
        super().cut_pending(size)
        self.durable = size

    def power_cut(self) -> None:
        """Forget what was not synced."""
        super().cut_pending(self.durable)


class FailingStore(FileStore):
    """A store whose n-th operation raises, before or after it took effect."""

    def __init__(self, directory: Path, *, at: int, after: bool, error: Callable[[], BaseException]) -> None:
        super().__init__(directory)
        self._left, self._after, self._error = at, after, error

    @contextmanager
    def _step(self) -> Iterator[None]:
        self._left -= 1
        if self._left == -1 and not self._after:
            raise self._error()
        yield
        if self._left == -1:
            raise self._error()

    @property
    def spent(self) -> bool:
        """Whether the failure has happened."""
        return self._left < 0

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write whole files, each one an operation."""
        for path, data in files.items():
            with self._step():
                super().write({path: data})

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files, each one an operation."""
        for path in paths:
            with self._step():
                super().remove([path])

    def append_pending(self, data: bytes, offset: int) -> None:
        """Write at the end of the segment; the failing write leaves a part of it."""
        try:
            with self._step():
                super().append_pending(data, offset)
        except BaseException:
            super().append_pending(data[: len(data) // 2], offset)
            raise

    def sync_pending(self) -> None:
        """Make the segment durable."""
        with self._step():
            super().sync_pending()

    def cut_pending(self, size: int) -> None:
        """Shorten the segment."""
        with self._step():
            super().cut_pending(size)

    def begin(self) -> None:
        """Mark a publication."""
        with self._step():
            super().begin()

    def finish(self) -> None:
        """Take the mark away."""
        with self._step():
            super().finish()


def stored(directory: Path) -> list[bytes]:
    """Every entry of a log, sealed first: opens it anew and publishes."""
    log = open_log(directory, KEY)
    log.publish()
    return [data for _, data in log.entries()]


def snapshot(directory: Path) -> dict[str, bytes]:
    """Content of every file by relative path."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


__all__ = [
    "CHECKPOINT",
    "KEY",
    "MANIFEST",
    "REPORT",
    "VKEY",
    "CountingStore",
    "FailingStore",
    "PowerCutStore",
    "entries",
    "entry",
    "flips",
    "make_bundle",
    "make_certificate",
    "places",
    "sign_claim",
    "sign_manifest",
    "small_log",
    "snapshot",
    "stored",
]
