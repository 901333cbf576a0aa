"""What a writer checks and tidies when it opens a log: the disk must cover what was signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from audit import merkle
from audit.checkpoint import Checkpoint
from audit.entry import is_last
from audit.errors import LogCorruptError, ProofError
from audit.filestore import PENDING, TEMPORARY, FileStore
from audit.segment import scan
from audit.tiles import WIDTH, TreeReader, tile_end, tile_path, tile_paths

_WHERE: Final = "checkpoint"


@dataclass(frozen=True, slots=True)
class State:
    """What a writer knows: the signed tree, index of the next entry, end of the segment, whether closed."""

    note: bytes
    checkpoint: Checkpoint
    next: int
    offset: int
    finished: bool


def load(store: FileStore, note: bytes, checkpoint: Checkpoint, before: State | None) -> State:
    """The state, if the disk covers what was signed and extends what was seen. Raises LogCorruptError."""
    tree = sealed_tree(checkpoint, store.read)
    if before:
        check_extends(before.checkpoint, checkpoint, tree)
    finished = checkpoint.size > 0 and is_last(tree.entry(checkpoint.size - 1))
    return follow(store, State(note, checkpoint, checkpoint.size, 0, finished))


def follow(store: FileStore, state: State) -> State:
    """Read on in the segment; cut a torn tail, drop what is sealed already. Raises LogCorruptError."""
    if store.pending_size() < state.offset:
        raise LogCorruptError(PENDING, "shorter than what was acknowledged")
    store.settle()  # what is built upon or tidied away below must not vanish in a power cut
    data = store.read_pending(state.offset)
    groups, end = scan(data)
    if end < len(data):
        store.cut_pending(state.offset + end)
    if not groups:
        return state
    last = groups[-1]
    if not state.offset and last.stop <= state.checkpoint.size:
        store.cut_pending(0)
        return state
    if groups[0].index != state.next:
        raise LogCorruptError(PENDING, "does not continue the signed tree")
    return replace(state, next=last.stop, offset=state.offset + end, finished=is_last(last.entries[-1]))


def sealed_tree(checkpoint: Checkpoint, read: Callable[[str], bytes]) -> TreeReader:
    """The tree on disk, if its root and the bundle that a cut or a stale copy shortens are as signed.

    Raises:
        LogCorruptError: they are not.
    """
    tree = TreeReader(checkpoint.size, read)
    if tree.root() != checkpoint.root:
        raise LogCorruptError(_WHERE, "the tiles on disk are not the signed tree")
    if (last := tree.last_bundle()) and merkle.leaf_hashes(last) != tree.rows()[0]:
        path = tile_path("entries", tree.size // WIDTH, len(last))
        raise LogCorruptError(path, "not the entries that were signed")
    return tree


def check_extends(old: Checkpoint, new: Checkpoint, tree: TreeReader) -> None:
    """The tree extends the one seen before, if there was one. Raises LogCorruptError."""
    try:
        if old.size:
            proof = merkle.consistency_proof(old.size, new.size, tree.node)
            merkle.verify_consistency(old.size, new.size, old.root, new.root, proof)
    except ProofError as error:
        raise LogCorruptError(_WHERE, "does not extend the tree seen before") from error


def sweep(store: FileStore, size: int, following: int) -> None:
    """Remove what an interrupted publication left; refuse when a signed tile is missing.

    Args:
        store: of the log.
        size: entries in the signed tree.
        following: index of the next entry, after those that are durable but not sealed.

    Raises:
        LogCorruptError: a tile is missing, or covers entries that are not there.
    """
    files, expected = store.files(), frozenset(tile_paths(size))
    if missing := sorted(expected - files):
        raise LogCorruptError(missing[0], "missing")
    ends = {path: tile_end(path) for path in files - expected}
    for path, end in ends.items():
        if end is not None and end > following:
            raise LogCorruptError(path, "larger than the signed tree")
    store.remove(p for p, end in ends.items() if end is not None or p.endswith(TEMPORARY))
    store.finish()
