"""Reading a log: from anywhere, sealed or not, while it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.audit_forks import quick_folder
from fakes.audit_logs import KEY, entries, entry, small_log

from audit.logdir import create_log
from audit.tiles import WIDTH


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as path:
        yield path / "log"


@pytest.mark.parametrize("size", [0, 3, 256, 300, 600])
def test_entries_are_listed_from_any_start_sealed_or_not(folder: Path, size: int) -> None:
    log = small_log(folder, size, unsealed=2)
    log.append(*entries(size + 2, size + 5))  # another commit
    everything = [*enumerate(entries(0, size + 5))]
    assert [*log.entries()] == everything[:size]
    for start in (0, 1, 255, 256, 257, size, size + 1, size + 4, size + 5, size + 9):
        assert [*log.entries(start)] == everything[start:size]
        assert [*log.entries(start, unsealed=True)] == everything[start:]


def test_listing_from_a_start_does_not_read_what_comes_before(folder: Path) -> None:
    log = small_log(folder, 600)
    (folder / "tile/entries/000").unlink()
    assert [*log.entries(WIDTH)] == [*enumerate(entries(WIDTH, 600), WIDTH)]


def test_the_last_bundle_is_read_as_it_was_also_after_many_others(folder: Path) -> None:
    """Its file is gone by then, and a reader remembers only so many."""
    log, full = create_log(folder, KEY), 65 * WIDTH
    log.append(*entries(0, full + 3))
    log.publish()
    reading = log.read([*range(0, full + 1, WIDTH), full + 2])
    first = next(reading)
    log.append(entry(full + 3))
    log.publish()
    wanted = [*range(0, full + 1, WIDTH), full + 2]
    assert [first, *reading] == [(index, entry(index)) for index in wanted]
