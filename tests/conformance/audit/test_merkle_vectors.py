"""Published inclusion and consistency proofs, right and wrong: transparency-dev/merkle, testdata/LICENSE."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TypedDict

import pytest

from audit.errors import ProofError
from audit.merkle import verify_consistency, verify_inclusion

DATA = Path(__file__).parent / "testdata"
INCLUSION = sorted(p.relative_to(DATA).as_posix() for p in (DATA / "inclusion").rglob("*.json"))
CONSISTENCY = sorted(p.relative_to(DATA).as_posix() for p in (DATA / "consistency").rglob("*.json"))


class Vector(TypedDict, total=False):
    """One file."""

    leafIdx: int
    treeSize: int
    root: str | None
    leafHash: str | None
    size1: int
    size2: int
    root1: str | None
    root2: str | None
    proof: list[str] | None
    wantErr: bool


def _load(name: str) -> Vector:
    vector: Vector = json.loads((DATA / name).read_text())
    return vector


def _decode(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_all_published_vectors_are_there() -> None:
    assert len(INCLUSION) + len(CONSISTENCY) == 196


@pytest.mark.parametrize("name", INCLUSION)
def test_inclusion_vector(name: str) -> None:
    v = _load(name)
    proof = [_decode(item) for item in v["proof"] or ()]
    arguments = (_decode(v["leafHash"]), v["leafIdx"], v["treeSize"], proof, _decode(v["root"]))
    if v["wantErr"]:
        with pytest.raises(ProofError):
            verify_inclusion(*arguments)
    else:
        verify_inclusion(*arguments)


@pytest.mark.parametrize("name", CONSISTENCY)
def test_consistency_vector(name: str) -> None:
    v = _load(name)
    proof = [_decode(item) for item in v["proof"] or ()]
    arguments = (v["size1"], v["size2"], _decode(v["root1"]), _decode(v["root2"]), proof)
    if v["wantErr"]:
        with pytest.raises(ProofError):
            verify_consistency(*arguments)
    else:
        verify_consistency(*arguments)
