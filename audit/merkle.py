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
        row = [
            sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=True)
        ]
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
    proof: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(_subtree(middle, high, node))
            high = middle
        else:
            proof.append(_subtree(low, middle, node))
            low = middle
    return tuple(reversed(proof))


def consistency_proof(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """PROOF(old, D[new]) (RFC 6962 section 2.1.2). Raises ConsistencyError."""
    if not 0 < old <= new:
        raise ConsistencyError(old, new)
    proof: list[bytes] = []
    low, high, whole = 0, new, True
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_subtree(middle, high, node))
            high = middle
        else:
            proof.append(_subtree(low, middle, node))
            low, whole = middle, False
    if not whole:
        proof.append(_subtree(low, high, node))
    return tuple(reversed(proof))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 section 2.1.3.2. Raises InclusionError."""
    broken = InclusionError(index, size)
    if not 0 <= index < size or any(len(item) != HASH_BYTES for item in (leaf, root, *proof)):
        raise broken
    place, last, found = index, size - 1, leaf
    for item in proof:
        if last == 0:
            raise broken
        if place & 1 or place == last:
            found = node_hash(item, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, item)
        place, last = place >> 1, last >> 1
    if last or found != root:
        raise broken


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162 section 2.1.4.2; an empty old tree proves nothing. Raises ConsistencyError."""
    broken = ConsistencyError(old, new)
    if not 0 < old <= new or any(len(item) != HASH_BYTES for item in proof):
        raise broken
    if old == new:
        if proof or old_root != new_root:
            raise broken
        return
    if not proof:
        raise broken
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if _climb(old - 1, new - 1, path) != (old_root, new_root):
        raise broken


def _climb(place: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Both roots that a consistency path leads to, None when its length does not fit."""
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for item in path[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = node_hash(item, old), node_hash(item, new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, item)
        place, last = place >> 1, last >> 1
    return None if last else (old, new)
