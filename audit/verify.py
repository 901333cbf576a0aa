"""Offline verification of a log directory, a report bundle or a certificate: no network, no secret.

``python -m audit.verify PATH [--vkey KEY] [--json]`` exits 0 when everything holds, 5 when a link is broken
(it says which, and where), 2 when it is used wrongly.

A log directory holds when: the key is well spelt (and the expected one), it signed the checkpoint, every file
is one that a log of this size has and none is missing, every entry parses, every tile (partial ones too) is
recomputed from the entries, and the root is the signed one. Entries in ``pending`` are well formed and follow
the signed tree; they are reported as not yet sealed, since no signature covers them. Left-overs of a killed
writer do not hold: open the log once to recover, then verify.

Without ``--vkey`` the key that came with the evidence is believed: that shows integrity, not origin.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from audit.bundle import BundleFacts, verify_bundle
from audit.certificate import CertificateFacts, verify_certificate
from audit.checkpoint import Checkpoint, verify_checkpoint
from audit.entry import check_entry
from audit.errors import BrokenLinkError, EntryError, FormatError
from audit.evidence import link, trusted_key
from audit.log import CHECKPOINT, VKEY
from audit.merkle import frontier, leaf_hashes, perfect_root, root_of
from audit.ports import PENDING, TEMPORARY
from audit.segment import scan
from audit.tiles import WIDTH, decode_bundle, encode_row, partial_paths, tile_path, tile_paths

BROKEN: Final = 5
USAGE: Final = 2
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What a verified log says.

    Attributes:
        origin: name of the log.
        size: entries in the signed tree, all recomputed.
        root: its root hash, hex.
        vkey: the key that signed it.
        vkey_pinned: whether the caller named the key; else it was taken from the log.
        unsealed: entries that are durable but not yet sealed: no signature covers them.
        files: number of files, all accounted for.
    """

    origin: str
    size: int
    root: str
    vkey: str
    vkey_pinned: bool
    unsealed: int
    files: int


Facts = LogFacts | BundleFacts | CertificateFacts


def verify_log(directory: Path, *, vkey: str | None = None, progress: Progress | None = None) -> LogFacts:
    """Recompute a whole log from its entries; memory does not grow with it.

    A writer may be at work: what it replaces is read under a shared lock, the rest never changes.

    Args:
        directory: the log.
        vkey: the log's key as the verifier knows it.
        progress: told entries done and entries in all, once per bundle.

    Raises:
        BrokenLinkError: names the first link that does not hold.
    """
    with _shared(directory):
        files = _list(directory)
        head = {name: _read(directory, name) for name in (VKEY, CHECKPOINT, PENDING)}
        text = link("verifier key", lambda: _line(head[VKEY]))
        key = trusted_key(text, vkey)
        checkpoint = link("checkpoint signature", lambda: verify_checkpoint(head[CHECKPOINT], key))
        _account(files, checkpoint.size)
        kept = {path: _read(directory, path) for path in sorted(partial_paths(checkpoint.size))}
    unsealed = _verify_pending(head[PENDING], checkpoint.size)

    def read(path: str) -> bytes:
        return kept[path] if path in kept else _read(directory, path)

    _verify_tree(checkpoint, read, progress)
    return LogFacts(
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        vkey=text,
        vkey_pinned=vkey is not None,
        unsealed=unsealed,
        files=len(files),
    )


@contextlib.contextmanager
def _shared(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # media that cannot lock have no writer either
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def _list(directory: Path) -> frozenset[str]:
    """Path of every file. Raises BrokenLinkError for what is neither a plain file nor a folder."""
    found: list[str] = []
    folders = [""]
    while folders:
        prefix = folders.pop()
        with os.scandir(directory / prefix) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False):
                    folders.append(f"{prefix}{item.name}/")
                elif item.is_file(follow_symlinks=False):
                    found.append(f"{prefix}{item.name}")
                else:
                    raise BrokenLinkError(f"file {prefix}{item.name}", "not a plain file")
    return frozenset(found)


def _read(directory: Path, path: str) -> bytes:
    try:
        return (directory / path).read_bytes()
    except OSError as error:
        raise BrokenLinkError(f"file {path}", error.strerror or "cannot be read") from error


def _line(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    if not text.endswith("\n"):
        raise FormatError("verifier key", "no final newline")
    return text.removesuffix("\n")


def _account(files: frozenset[str], size: int) -> None:
    expected = {VKEY, CHECKPOINT, PENDING, *tile_paths(size)}
    for path in sorted(expected - files):
        raise BrokenLinkError(f"file {path}", "missing")
    for path in sorted(files - expected):
        left = path.endswith(TEMPORARY) or path.startswith("tile/")
        problem = (
            "left over; if a writer was killed, open the log to recover" if left else "not part of the log"
        )
        raise BrokenLinkError(f"file {path}", problem)


def _verify_pending(data: bytes, size: int) -> int:
    """Number of well-formed entries that follow the signed tree and wait to be sealed."""
    groups, end = link("pending", lambda: scan(data))
    if end != len(data):
        raise BrokenLinkError(
            "pending", f"damaged at byte {end}; if a writer was killed, open the log to recover"
        )
    if groups and groups[0].index != size:
        raise BrokenLinkError("pending", "does not follow the signed tree")
    for group in groups:
        _verify_entries(group.entries, group.index)
    return groups[-1].stop - size if groups else 0


def _verify_tree(checkpoint: Checkpoint, read: Callable[[str], bytes], progress: Progress | None) -> None:
    """Recompute every tile from the entry bundles, then the root."""
    size = checkpoint.size
    rows: list[list[bytes]] = [[]]  # hashes of the unfinished tile of each level
    done = [0]  # finished tiles of each level
    for index in range(-(-size // WIDTH)):
        entries = _verify_bundle_file(index, min(WIDTH, size - index * WIDTH), read)
        rows[0] = leaf_hashes(entries)
        _verify_full(rows, done, read)
        if progress:
            progress(min(size, (index + 1) * WIDTH), size)
    for level, row in enumerate(rows):
        if row:
            _verify_tile(tile_path(level, done[level], len(row)), row, read)
    if root_of(frontier(rows)) != checkpoint.root:
        raise BrokenLinkError("root hash", "the entries are not those that were signed")


def _verify_bundle_file(index: int, width: int, read: Callable[[str], bytes]) -> list[bytes]:
    path = tile_path("entries", index, width)
    entries = link(f"file {path}", lambda: decode_bundle(read(path), width))
    _verify_entries(entries, index * WIDTH)
    return entries


def _verify_entries(entries: Sequence[bytes], first: int) -> None:
    for index, entry in enumerate(entries, first):
        try:
            check_entry(entry)
        except EntryError as error:
            raise BrokenLinkError(f"entry {index}", str(error)) from error


def _verify_full(rows: list[list[bytes]], done: list[int], read: Callable[[str], bytes]) -> None:
    """Check the tiles that have just become full, and carry their roots one level up."""
    level = 0
    while len(rows[level]) == WIDTH:
        _verify_tile(tile_path(level, done[level]), rows[level], read)
        if level + 1 == len(rows):
            rows.append([])
            done.append(0)
        rows[level + 1].append(perfect_root(rows[level]))
        rows[level] = []
        done[level] += 1
        level += 1


def _verify_tile(path: str, row: Sequence[bytes], read: Callable[[str], bytes]) -> None:
    if read(path) != encode_row(row):
        raise BrokenLinkError(f"file {path}", "not the hashes of the entries")


def verify(path: Path, *, vkey: str | None = None, progress: Progress | None = None) -> Facts:
    """Verify a log directory, a bundle or a certificate, told apart by content.

    Raises:
        FileNotFoundError: there is nothing at ``path``.
        BrokenLinkError: names the first link that does not hold.
    """
    if path.is_dir():
        return verify_log(path, vkey=vkey, progress=progress)
    data = path.read_bytes()
    if data.startswith(b"PK"):
        return verify_bundle(data, vkey=vkey)
    if data.startswith(b"{"):
        return verify_certificate(data, vkey=vkey)
    raise BrokenLinkError("kind of evidence", "neither a log, a report bundle nor a certificate")


def facts_json(facts: Facts) -> Mapping[str, object]:
    """Facts as JSON values; ``kind`` is ``log``, ``bundle`` or ``certificate``."""
    return {"kind": type(facts).__name__.removesuffix("Facts").lower(), **asdict(facts)}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m audit.verify", description="Verify evidence offline.")
    parser.add_argument("path", type=Path, metavar="PATH", help="log directory, report bundle or certificate")
    parser.add_argument("--vkey", help="the log's verifier key, name+id+key")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        facts = facts_json(verify(options.path, vkey=options.vkey))
    except BrokenLinkError as error:
        broken = {"ok": False, "link": error.link, "problem": error.problem}
        _say(
            broken if options.json else {"BROKEN": error.link, "problem": error.problem}, as_json=options.json
        )
        return BROKEN
    except OSError as error:
        _say({"ok": False, "problem": error.strerror}, as_json=options.json)
        return USAGE
    _say({"ok": True, **facts}, as_json=options.json)
    return 0


def _say(facts: Mapping[str, object], *, as_json: bool) -> None:
    text = (
        json.dumps(facts, ensure_ascii=False) if as_json else "\n".join(f"{k}: {v}" for k, v in facts.items())
    )
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
