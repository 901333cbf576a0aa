"""The bank whose statements the tests of every broker send."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fakes.card_events import make_bank


@pytest.fixture(scope="session")
def card_bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bank's files, and a service that knows its customers, made once; tests use copies."""
    return make_bank(tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="session")
def lines(card_bank: Path) -> list[bytes]:
    """One statement a message."""
    return (card_bank / "statements.jsonl").read_bytes().splitlines()


@pytest.fixture
def home(card_bank: Path, tmp_path: Path) -> Path:
    """A copy of the service."""
    return Path(shutil.copytree(card_bank / "model", tmp_path / "home"))
