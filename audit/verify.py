"""Offline verification of a log directory, a report bundle or a certificate: no network, no secret.

``python -m audit.verify PATH [--vkey KEY | --policy FILE] [--tsa FILE] [--json]`` exits 0 when all holds, 5
when a link is broken (it says which, and where), 2 when it is used wrongly.

A log directory holds when: the key is well spelt, it and a trusted one signed the checkpoint, every file
is one that a log of this size has and none is missing, every entry parses, every tile (partial ones too) is
recomputed from the entries, and the root is the signed one. Entries in ``pending`` are well formed and follow
the signed tree; they are reported as not yet sealed, since no signature covers them. Left-overs of a killed
writer do not hold: open the log once to recover, then verify.

``--vkey`` is the policy of one log key and no witness (``audit.policy``). Without either the key that came
with the evidence is believed: that shows integrity, not origin.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from audit.bundle import STAMP, BundleFacts, verify_bundle
from audit.certificate import CertificateFacts, verify_certificate
from audit.checkpoint import Checkpoint
from audit.entry import check_entry
from audit.errors import BrokenLinkError, EntryError, FormatError
from audit.evidence import HeadFacts, Trust, head_facts, link, read_vkey, trusted_checkpoint
from audit.filestore import PENDING, TEMPORARY, list_files, opened
from audit.log import CHECKPOINT, VKEY
from audit.merkle import frontier, leaf_hashes, root_of
from audit.policy import parse_policy
from audit.segment import scan
from audit.tiles import WIDTH, decode_bundle, grow, partial_paths, tile_path, tile_paths

BROKEN: Final = 5
USAGE: Final = 2
_RECOVER: Final = "if a writer was killed, open the log to recover"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class LogFacts(HeadFacts):
    """What a verified log says.

    Attributes:
        vkey: the key of the log.
        unsealed: entries that are durable but not yet sealed: no signature covers them.
        files: number of files, all accounted for.
    """

    vkey: str
    unsealed: int
    files: int


Facts = LogFacts | BundleFacts | CertificateFacts


def verify_log(directory: Path, *, vkey: Trust = None, progress: Progress | None = None) -> LogFacts:
    """Recompute a whole log from its entries; memory does not grow with it.

    A writer may be at work: what it replaces is read under a shared lock, the rest never changes.

    Args:
        directory: the log.
        vkey: the log's key, or the policy, that the verifier trusts.
        progress: told entries done and entries in all, once per bundle.

    Raises:
        BrokenLinkError: names the first link that does not hold.
    """
    with opened(directory) as handle:
        with contextlib.suppress(OSError):  # media that cannot lock have no writer either
            fcntl.flock(handle, fcntl.LOCK_SH)
        files = frozenset(_plain_files(directory))
        kept = {name: _read(directory, name) for name in (VKEY, CHECKPOINT, PENDING)}
        text = read_vkey(kept[VKEY])
        seen = trusted_checkpoint(kept[CHECKPOINT], text, vkey)
        head = seen.checkpoint
        expected = _account(files, head.size)
        kept |= {path: _read(directory, path) for path in partial_paths(head.size)}
    unsealed = _verify_pending(kept[PENDING], head.size)

    def read(path: str) -> bytes:
        return kept[path] if path in kept else _read(directory, path)

    _verify_tree(head, expected, read, progress)
    return LogFacts(**head_facts(seen, vkey), vkey=text, unsealed=unsealed, files=len(files))


def _plain_files(directory: Path) -> Iterator[str]:
    for path, plain in list_files(directory):
        if not plain:
            raise BrokenLinkError(f"file {path}", "not a plain file")
        yield path


def _read(directory: Path, path: str) -> bytes:
    try:
        return (directory / path).read_bytes()
    except OSError as error:
        raise BrokenLinkError(f"file {path}", error.strerror or "cannot be read") from error


def _account(files: frozenset[str], size: int) -> frozenset[str]:
    """Every file that a log of this size has, if they are there and no others are."""
    expected = frozenset({VKEY, CHECKPOINT, PENDING, *tile_paths(size)})
    for path in sorted(expected - files):
        raise BrokenLinkError(f"file {path}", "missing")
    for path in sorted(files - expected):
        left = path.endswith(TEMPORARY) or path.startswith("tile/")
        raise BrokenLinkError(f"file {path}", f"left over; {_RECOVER}" if left else "not part of the log")
    return expected


def _verify_pending(data: bytes, size: int) -> int:
    """Number of well-formed entries that follow the signed tree and wait to be sealed."""
    groups, end = link("pending", lambda: scan(data))
    if end != len(data):
        raise BrokenLinkError("pending", f"damaged at byte {end}; {_RECOVER}")
    if groups and groups[0].index != size:
        raise BrokenLinkError("pending", "does not follow the signed tree")
    for group in groups:
        _verify_entries(group.entries, group.index)
    return groups[-1].stop - size if groups else 0


def _verify_tree(
    checkpoint: Checkpoint, expected: frozenset[str], read: Callable[[str], bytes], progress: Progress | None
) -> None:
    """Recompute every tile from the entry bundles, then the root."""
    size, rows = checkpoint.size, list[list[bytes]]()
    for start in range(0, size, WIDTH):
        entries = _read_bundle(start, min(WIDTH, size - start), read)
        tiles, rows = grow(start, rows, leaf_hashes(entries))
        for path, data in tiles.items():  # some are partial tiles that later entries replace
            if path in expected and read(path) != data:
                raise BrokenLinkError(f"file {path}", "not the hashes of the entries")
        if progress:
            progress(start + len(entries), size)
    if root_of(frontier(rows)) != checkpoint.root:
        raise BrokenLinkError("root hash", "the entries are not those that were signed")


def _read_bundle(start: int, width: int, read: Callable[[str], bytes]) -> list[bytes]:
    path = tile_path("entries", start // WIDTH, width)
    entries = link(f"file {path}", lambda: decode_bundle(read(path), width))
    _verify_entries(entries, start)
    return entries


def _verify_entries(entries: Sequence[bytes], first: int) -> None:
    for index, entry in enumerate(entries, first):
        try:
            check_entry(entry)
        except EntryError as error:
            raise BrokenLinkError(f"entry {index}", str(error)) from error


def verify(path: Path, *, vkey: Trust = None, tsa: bytes = b"", progress: Progress | None = None) -> Facts:
    """Verify a log directory, a bundle or a certificate, told apart by content.

    Raises:
        FileNotFoundError: there is nothing at ``path``.
        BrokenLinkError: names the first link that does not hold.
    """
    data = b"" if path.is_dir() else path.read_bytes()
    if data.startswith(b"PK"):
        return verify_bundle(data, vkey=vkey, tsa=tsa)
    if tsa:
        raise BrokenLinkError(f"presence of {STAMP}", "only report bundles have one")
    if path.is_dir():
        return verify_log(path, vkey=vkey, progress=progress)
    if data.startswith(b"{"):
        return verify_certificate(data, vkey=vkey)
    raise BrokenLinkError("kind of evidence", "neither a log, a report bundle nor a certificate")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m audit.verify", description="Verify evidence offline.")
    parser.add_argument("path", type=Path, metavar="PATH", help="log directory, report bundle or certificate")
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--vkey", help="the log's verifier key, name+id+key")
    trust.add_argument(
        "--policy", type=Path, help="file of trusted logs, witnesses and the quorum (tlog-policy)"
    )
    parser.add_argument("--tsa", type=Path, help="certificate (PEM) of the time-stamp authority you trust")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    said: dict[str, object]
    try:
        policy = options.policy and parse_policy(options.policy.read_bytes())
        tsa = options.tsa.read_bytes() if options.tsa else b""
        facts = verify(options.path, vkey=policy or options.vkey, tsa=tsa)
        kind = type(facts).__name__.removesuffix("Facts").lower()
        code, said = 0, {"ok": True, "kind": kind, **asdict(facts)}
    except BrokenLinkError as error:
        link_ = {"ok": False, "link": error.link} if options.json else {"BROKEN": error.link}
        code, said = BROKEN, {**link_, "problem": error.problem}
    except (OSError, FormatError) as error:
        code, said = USAGE, {"ok": False, "problem": getattr(error, "strerror", str(error))}
    lines = [json.dumps(said, ensure_ascii=False)] if options.json else [f"{k}: {v}" for k, v in said.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
