"""Programs by others that check our logs: where they are, and how they are made ready for a test session."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parents[1] / "conformance" / "audit"
GO_PATH = Path("/usr/share/gocode")  #: where Debian puts Go sources
NODE_MODULES = Path(sys.prefix) / "node"  #: filled by tools/node_packages.sh


def go_missing() -> str:
    """What Go needs and this machine has not; empty when all is there."""
    wanted = [GO_PATH / "src/golang.org/x" / part for part in ("mod/sumdb/tlog", "crypto")]
    if shutil.which("go") and all(path.is_dir() for path in wanted):
        return ""
    return "golang-go or golang-golang-x-mod-dev is not installed; run tools/system_packages.sh"


def build_go(target: Path) -> Path:
    """The Go verifier, from Debian's packages alone: no module, no proxy."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", str(target.parent)),
        "GO111MODULE": "off",
        "GOPATH": str(GO_PATH),
        "GOCACHE": str(target.parent / "go-cache"),
        "CGO_ENABLED": "0",
    }
    command = ["go", "build", "-o", str(target), str(HERE / "go" / "main.go")]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return target


def node_missing() -> str:
    """What the JavaScript verifier needs and this machine has not; empty when all is there."""
    if shutil.which("node") and (NODE_MODULES / "node_modules/@sigstore/verify").is_dir():
        return ""
    return "node or @sigstore/verify is not installed; run tools/node_packages.sh"


@dataclass(frozen=True)
class Claim:
    """That an entry is in a tree: what a verifier of inclusion is asked."""

    entry: bytes
    index: int
    size: int
    root: bytes
    proof: Sequence[bytes]


def ask_node(claims: Sequence[Claim]) -> list[str]:
    """The verdict of ``@sigstore/verify`` on each claim: ``ok`` or its error code."""
    lines = [
        json.dumps(
            {
                "entry": _base64(claim.entry),
                "index": str(claim.index),
                "size": str(claim.size),
                "root": _base64(claim.root),
                "proof": [_base64(item) for item in claim.proof],
            }
        )
        for claim in claims
    ]
    result = subprocess.run(
        ["node", str(HERE / "npm" / "inclusion.cjs"), str(NODE_MODULES / "node_modules")],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.split()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
