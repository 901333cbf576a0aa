"""Published subtree proofs (transparency-dev/merkle, testdata/LICENSE), as proofs of the trees that they are.

A subtree ``[start, end)`` is a tree of its own when ``start`` is a multiple of the next power of two of its
size. So a proof in it is an inclusion proof at ``index - start``, and one that begins at 0 is an old tree.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TypedDict

import pytest

from audit.errors import ProofError
from audit.merkle import verify_consistency, verify_inclusion

DATA = Path(__file__).parent / "testdata"


class Vector(TypedDict):
    """One file."""

    leafIdx: int
    start: int
    end: int
    size: int
    root: str
    leafHash: str
    root1: str
    root2: str
    proof: list[str] | None
    wantErr: bool


def _load(path: Path) -> Vector:
    vector: Vector = json.loads(path.read_text())
    return vector


def _is_tree(v: Vector) -> bool:
    size = v["end"] - v["start"]
    return size > 0 and v["start"] % (1 << (size - 1).bit_length()) == 0


def _paths(kind: str) -> list[Path]:
    return sorted((DATA / kind).rglob("*.json"))


INCLUSION = [path for path in _paths("subtreeinclusion") if _is_tree(_load(path))]
#: An empty subtree is consistent with everything there and proves nothing here; one inside is no old tree.
CONSISTENCY = [path for path in _paths("subtreeconsistency") if (v := _load(path))["start"] == 0 < v["end"]]


def test_all_published_vectors_are_there() -> None:
    assert (len(_paths("subtreeinclusion")), len(_paths("subtreeconsistency"))) == (204, 118)
    assert all(_load(path)["wantErr"] for path in {*_paths("subtreeinclusion")} - {*INCLUSION})
    assert (len(INCLUSION), len(CONSISTENCY)) == (204 - 19, 118 - 27)
    assert sum(not _load(path)["wantErr"] for path in INCLUSION + CONSISTENCY) == 12 + 6


@pytest.mark.parametrize("path", INCLUSION, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_subtree_inclusion_vector(path: Path) -> None:
    v = _load(path)
    proof = [base64.b64decode(item) for item in v["proof"] or ()]
    leaf, root = base64.b64decode(v["leafHash"]), base64.b64decode(v["root"])
    arguments = (leaf, v["leafIdx"] - v["start"], v["end"] - v["start"], proof, root)
    if v["wantErr"]:
        with pytest.raises(ProofError):
            verify_inclusion(*arguments)
    else:
        verify_inclusion(*arguments)


@pytest.mark.parametrize("path", CONSISTENCY, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_subtree_consistency_vector(path: Path) -> None:
    v = _load(path)
    proof = [base64.b64decode(item) for item in v["proof"] or ()]
    arguments = (v["end"], v["size"], base64.b64decode(v["root1"]), base64.b64decode(v["root2"]), proof)
    if v["wantErr"]:
        with pytest.raises(ProofError):
            verify_consistency(*arguments)
    else:
        verify_consistency(*arguments)
