"""What a writer checks and tidies when it opens a log: the disk must cover what was signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from audit import merkle
from audit.checkpoint import Checkpoint
from audit.errors import LogCorruptError, ProofError
from audit.filestore import TEMPORARY, FileStore
from audit.tiles import WIDTH, TreeReader, tile_end, tile_path, tile_paths

_WHERE: Final = "checkpoint"


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
