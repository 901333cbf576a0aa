"""The tree's functions against the definitions of RFC 6962."""

from __future__ import annotations

import pytest
from fakes import naive_merkle as naive

from audit.errors import ConsistencyError, InclusionError
from audit.merkle import (
    consistency_proof,
    frontier,
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    perfect_root,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [bytes([n]) * n for n in range(20)]
HASHES = leaf_hashes(LEAVES)


def node(height: int, index: int) -> bytes:
    return perfect_root(HASHES[index << height : (index + 1) << height])


def root(size: int) -> bytes:
    return root_of(frontier([HASHES[:size]]))


@pytest.mark.parametrize("size", range(20))
def test_root_is_the_defined_one(size: int) -> None:
    assert root(size) == naive.tree_hash(LEAVES[:size])


@pytest.mark.parametrize("size", range(1, 20))
def test_every_inclusion_proof_is_the_defined_one_and_verifies_nowhere_else(size: int) -> None:
    for index in range(size):
        proof = inclusion_proof(index, size, node)
        assert list(proof) == naive.path(index, LEAVES[:size])
        verify_inclusion(HASHES[index], index, size, proof, root(size))
        for other in range(size):
            if other != index:
                with pytest.raises(InclusionError):
                    verify_inclusion(HASHES[index], other, size, proof, root(size))
        with pytest.raises(InclusionError):
            verify_inclusion(HASHES[index], index, size, (*proof, HASHES[0]), root(size))


@pytest.mark.parametrize("new", range(1, 20))
def test_every_consistency_proof_is_the_defined_one_and_verifies(new: int) -> None:
    for old in range(1, new + 1):
        proof = consistency_proof(old, new, node)
        assert list(proof) == naive.proof(old, LEAVES[:new])
        verify_consistency(old, new, root(old), root(new), proof)
        with pytest.raises(ConsistencyError):
            verify_consistency(old, new, leaf_hash(b"x"), root(new), proof)
        with pytest.raises(ConsistencyError):
            verify_consistency(old, new, root(old), leaf_hash(b"x"), proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (5, 4), (0, 0)])
def test_no_proof_of_an_entry_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(InclusionError) as caught:
        inclusion_proof(index, size, node)
    assert caught.value == InclusionError(index, size)
    with pytest.raises(InclusionError):
        verify_inclusion(HASHES[0], index, size, (), root(size))


@pytest.mark.parametrize(("old", "new"), [(0, 4), (5, 4), (-1, 4), (0, 0)])
def test_no_consistency_proof_of_sizes_that_do_not_grow(old: int, new: int) -> None:
    with pytest.raises(ConsistencyError) as caught:
        consistency_proof(old, new, node)
    assert caught.value == ConsistencyError(old, new)
    with pytest.raises(ConsistencyError):
        verify_consistency(old, new, root(0), root(0), ())


@pytest.mark.parametrize("length", [0, 31, 33])
def test_hashes_of_another_length_are_refused(length: int) -> None:
    wrong = bytes(length)
    with pytest.raises(InclusionError):
        verify_inclusion(wrong, 0, 1, (), wrong)
    with pytest.raises(InclusionError):
        verify_inclusion(HASHES[0], 0, 2, (wrong,), root(2))
    with pytest.raises(ConsistencyError):
        verify_consistency(1, 2, root(1), root(2), (wrong,))
