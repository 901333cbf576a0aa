"""Offline verification of one log directory: every byte of it is accounted for.

It holds when: the key is well spelt, it and a trusted one signed the checkpoint, every file
is one that a log of this size has and none is missing, every entry parses, every tile (partial ones too) is
recomputed from the entries, and the root is the signed one. Entries in ``pending`` are well formed and follow
the signed tree; they are reported as not yet sealed, since no signature covers them. Left-overs of a killed
writer do not hold: open the log once to recover, then verify.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from audit.checkpoint import Checkpoint
from audit.entry import check_entry, parse_entry
from audit.errors import BrokenLinkError, EntryError
from audit.evidence import HeadFacts, Trust, head_facts, link, read_vkey, trusted_checkpoint
from audit.filestore import FIRST, PENDING, TEMPORARY, list_files, opened
from audit.log import CHECKPOINT, VKEY
from audit.merkle import frontier, leaf_hash, leaf_hashes, root_of
from audit.segment import scan
from audit.tiles import WIDTH, decode_bundle, decode_row, grow, partial_paths, tile_path, tile_paths

ENTRIES: Final = "tile/entries/"
RECOVER: Final = "if a writer was killed, open the log, or append to it, to recover"
Progress = Callable[[int, int], None]
Show = Callable[[int, Sequence[bytes]], None]


@dataclass(frozen=True, slots=True)
class LogFacts(HeadFacts):
    """What a verified log says.

    Attributes:
        vkey: the key of the log.
        unsealed: entries that are durable but not yet sealed: no signature covers them.
        unsealed_since: time of the first of them, ISO 8601; empty for none.
        files: number of files, all accounted for.
        pruned: whether its entries were removed; then the hashes hold.
    """

    vkey: str
    unsealed: int
    unsealed_since: str
    files: int
    pruned: bool


def verify_log(
    directory: Path,
    *,
    vkey: Trust = None,
    progress: Progress | None = None,
    show: Show | None = None,
    prunable: bool = False,
) -> LogFacts:
    """Recompute a whole log from its entries; memory does not grow with it.

    A writer may be at work: what it replaces is read under a shared lock, the rest never changes.

    Args:
        directory: the log.
        vkey: the log's key, or the policy, that the verifier trusts.
        progress: told entries done and entries in all, once per bundle.
        show: given the sealed entries, a bundle at a time with the index of its first.
        prunable: whether all entries may be gone, as of a shard that another continues.

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
        pruned = prunable and not any(path.startswith(ENTRIES) for path in files)
        kept_apart = {FIRST} if pruned else files & {FIRST} if prunable else set()  # pruned, or soon to be
        expected = _account(files, head.size, kept_apart, pruned=pruned)
        kept |= {path: _read(directory, path) for path in partial_paths(head.size) & expected}
    unsealed, since = _verify_pending(kept[PENDING], head.size)

    def read(path: str) -> bytes:
        return kept[path] if path in kept else _read(directory, path)

    first = read(FIRST) if FIRST in expected else None
    leaves = partial(_read_leaves if pruned else _read_bundle, read=read, show=show, first=first)
    _verify_tree(head, expected, read, leaves, progress)
    return LogFacts(
        **head_facts(seen, vkey),
        vkey=text,
        unsealed=unsealed,
        unsealed_since=since,
        files=len(files),
        pruned=pruned,
    )


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


def _account(files: frozenset[str], size: int, more: Collection[str], *, pruned: bool) -> frozenset[str]:
    """Every file that a log of this size has, if they are there and no others are."""
    tiles = (path for path in tile_paths(size) if not (pruned and path.startswith(ENTRIES)))
    expected = frozenset({VKEY, CHECKPOINT, PENDING, *tiles, *more})
    for path in sorted(expected - files):
        raise BrokenLinkError(f"file {path}", "missing")
    for path in sorted(files - expected):
        left = path.endswith(TEMPORARY) or path.startswith("tile/")
        raise BrokenLinkError(f"file {path}", f"left over; {RECOVER}" if left else "not part of the log")
    return expected


def _verify_pending(data: bytes, size: int) -> tuple[int, str]:
    """Number of well-formed entries that follow the signed tree and wait to be sealed, and since when."""
    groups, end = link("pending", lambda: scan(data))
    if end != len(data):
        raise BrokenLinkError("pending", f"damaged at byte {end}; {RECOVER}")
    if groups and groups[0].index != size:
        raise BrokenLinkError("pending", "does not follow the signed tree")
    for group in groups:
        _verify_entries(group.entries, group.index)
    if not groups:
        return 0, ""
    return groups[-1].stop - size, parse_entry(groups[0].entries[0]).at.isoformat()


def _verify_tree(
    checkpoint: Checkpoint,
    expected: frozenset[str],
    read: Callable[[str], bytes],
    leaves: Callable[[int, int], list[bytes]],
    progress: Progress | None,
) -> None:
    """Recompute every tile from the leaves, then the root."""
    size, rows = checkpoint.size, list[list[bytes]]()
    for start in range(0, size, WIDTH):
        width = min(WIDTH, size - start)
        tiles, rows = grow(start, rows, leaves(start, width))
        for path, data in tiles.items():  # some are partial tiles that later entries replace
            if path in expected and read(path) != data:
                raise BrokenLinkError(f"file {path}", "not the hashes of the entries")
        if progress:
            progress(start + width, size)
    if root_of(frontier(rows)) != checkpoint.root:
        raise BrokenLinkError("root hash", "the entries are not those that were signed")


def _read_bundle(
    start: int, width: int, read: Callable[[str], bytes], show: Show | None, first: bytes | None
) -> list[bytes]:
    """Hashes of the entries of a bundle."""
    path = tile_path("entries", start // WIDTH, width)
    entries = link(f"file {path}", lambda: decode_bundle(read(path), width))
    if start == 0 and first not in {None, entries[0]}:
        raise BrokenLinkError(f"file {FIRST}", "not the entry that was signed")
    _verify_entries(entries, start)
    if show:
        show(start, entries)
    return leaf_hashes(entries)


def _read_leaves(
    start: int, width: int, read: Callable[[str], bytes], show: Show | None, first: bytes | None
) -> list[bytes]:
    """The hashes that are left of a bundle, and the first entry."""
    path = tile_path(0, start // WIDTH, width)
    leaves = link(f"file {path}", lambda: decode_row(read(path), width))
    if start == 0 and first is not None:
        _verify_entries([first], 0)
        if leaf_hash(first) != leaves[0]:
            raise BrokenLinkError(f"file {FIRST}", "not the entry that was signed")
        if show:
            show(0, [first])
    return leaves


def _verify_entries(entries: Sequence[bytes], first: int) -> None:
    for index, entry in enumerate(entries, first):
        try:
            check_entry(entry)
        except EntryError as error:
            raise BrokenLinkError(f"entry {index}", str(error)) from error
