"""Processes that write a log, for the tests that kill, trace or starve them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.audit_forks import Forks, quick_folder, strace_missing


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with quick_folder() as path:
        yield path


@pytest.fixture(scope="module")
def forks(folder: Path) -> Iterator[Forks]:
    with Forks(folder) as made:
        yield made


@pytest.fixture(scope="module")
def strace() -> None:
    """Skips, with the reason, where nothing can be traced."""
    if missing := strace_missing():
        pytest.skip(missing)
