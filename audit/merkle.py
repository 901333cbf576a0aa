"""The RFC 6962 Merkle tree over SHA-256: hashes, proofs made from stored nodes, proofs verified.

Rules: a leaf is hashed with prefix 00, an inner node with 01, so that neither can pass for the other; a tree
of n leaves splits at the largest power of two below n; the empty tree has the hash of nothing. ``verify_*``
returns None or raises.

>>> a, b = leaf_hash(b"a"), leaf_hash(b"b")
>>> verify_inclusion(a, 0, 2, (b,), node_hash(a, b))
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from audit.errors import ConsistencyError, InclusionError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

#: ``node(height, index)``: hash over the leaves ``[index * 2**height, (index + 1) * 2**height)``.
Node = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one entry (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Sequence[bytes]) -> list[bytes]:
    """Hash of each entry."""
    sha256 = hashlib.sha256
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def perfect_root(row: Sequence[bytes]) -> bytes:
    """Root over a power of two of neighbouring hashes of one height."""
    sha256 = hashlib.sha256
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return row[0]


def frontier(rows: Sequence[Sequence[bytes]]) -> tuple[bytes, ...]:
    """Roots of the perfect subtrees that make up the tree, left to right.

    Args:
        rows: hashes of the partial tile of each level, level 0 first: one row per base-256 digit of the size.
    """
    peaks: list[bytes] = []
    for row in reversed(rows):
        at = 0
        while at < len(row):
            width = 1 << ((len(row) - at).bit_length() - 1)
            peaks.append(perfect_root(row[at : at + width]))
            at += width
    return tuple(peaks)


def root_of(peaks: Sequence[bytes]) -> bytes:
    """Root of the tree with this frontier."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def _split(count: int) -> int:
    """The largest power of two below ``count`` (count > 1)."""
    return 1 << ((count - 1).bit_length() - 1)


def _subtree(low: int, high: int, node: Node) -> bytes:
    count = high - low
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return node(height, low >> height)
    middle = low + _split(count)
    return node_hash(_subtree(low, middle, node), _subtree(middle, high, node))


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """PATH(index, D[size]), sibling of the leaf first (RFC 6962 section 2.1.1). Raises InclusionError."""
    if not 0 <= index < size:
        raise InclusionError(index, size)

    def path(low: int, high: int) -> tuple[bytes, ...]:
        if high - low == 1:
            return ()
        middle = low + _split(high - low)
        if index < middle:
            return (*path(low, middle), _subtree(middle, high, node))
        return (*path(middle, high), _subtree(low, middle, node))

    return path(0, size)


def consistency_proof(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """PROOF(old, D[new]) (RFC 6962 section 2.1.2). Raises ConsistencyError."""
    if not 0 < old <= new:
        raise ConsistencyError(old, new)

    def path(low: int, high: int) -> tuple[bytes, ...]:
        if high == old:  # the old tree itself, whose root the verifier has, or its right edge
            return () if low == 0 else (_subtree(low, high, node),)
        middle = low + _split(high - low)
        if old <= middle:
            return (*path(low, middle), _subtree(middle, high, node))
        return (*path(middle, high), _subtree(low, middle, node))

    return path(0, new)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 section 2.1.3.2. Raises InclusionError.

    Below the height ``inner`` the path to the leaf and the right edge of the tree differ, so siblings stand
    on either side; above it they stand on the left, one for each bit set in the index.
    """
    broken = InclusionError(index, size)
    if not 0 <= index < size or any(len(item) != HASH_BYTES for item in (leaf, root, *proof)):
        raise broken
    inner = (index ^ (size - 1)).bit_length()
    if len(proof) != inner + (index >> inner).bit_count():
        raise broken
    found = leaf
    for height, item in enumerate(proof):
        left = height >= inner or index >> height & 1
        found = node_hash(item, found) if left else node_hash(found, item)
    if found != root:
        raise broken


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162 section 2.1.4.2; an empty old tree proves nothing. Raises ConsistencyError.

    The path starts at the largest perfect subtree on the old tree's right edge: the old tree itself when its
    size is a power of two, else the first hash of the proof. From there on as in ``verify_inclusion``, for
    both roots at once.
    """
    broken = ConsistencyError(old, new)
    if not 0 < old <= new or any(len(item) != HASH_BYTES for item in proof):
        raise broken
    if old == new:
        if proof or old_root != new_root:
            raise broken
        return
    height = (old & -old).bit_length() - 1
    path = [old_root, *proof] if old == 1 << height else proof
    place, last = (old - 1) >> height, (new - 1) >> height
    inner = (place ^ last).bit_length()
    if len(path) != 1 + inner + (place >> inner).bit_count():
        raise broken
    before = after = path[0]
    for step, item in enumerate(path[1:]):
        if step >= inner or place >> step & 1:
            before, after = node_hash(item, before), node_hash(item, after)
        else:
            after = node_hash(after, item)
    if (before, after) != (old_root, new_root):
        raise broken
