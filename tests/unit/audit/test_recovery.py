"""Opening a log: what a killed writer left is tidied away, what does not cover the signed tree is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.audit_forks import quick_folder
from fakes.audit_logs import CHECKPOINT, KEY, entries, entry, small_log, stored
from fakes.operators import Switched, new_witness

from audit.errors import LogCorruptError, SignatureError
from audit.filestore import PENDING, FileStore
from audit.log import Log
from audit.logdir import create_log, open_log
from audit.note import SigningKey
from audit.segment import encode_group
from audit.verify_log import verify_log


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as path:
        yield path / "log"


def damage(path: str) -> Callable[[Path], object]:
    """Change what a file says, not its length."""

    def work(log: Path) -> None:
        data = (log / path).read_bytes()
        (log / path).write_bytes(data.replace(b"allow", b"deny!", 1) if b"allow" in data else data[::-1])

    return work


def remove(path: str) -> Callable[[Path], object]:
    return lambda log: (log / path).unlink()


def put(path: str, data: bytes) -> Callable[[Path], object]:
    return lambda log: (log / path).write_bytes(data)


EDGE = "tile/entries/001.p/44"


@pytest.mark.parametrize(
    ("harm", "where", "problem"),
    [
        (damage("tile/0/001.p/44"), CHECKPOINT, "the tiles on disk are not the signed tree"),
        (damage(EDGE), EDGE, "not the entries that were signed"),
        (remove(EDGE), EDGE, "missing"),
        (remove("tile/entries/000"), "tile/entries/000", "missing"),
        (put("tile/0/001.p/45", b""), "tile/0/001.p/45", "larger than the signed tree"),
        (put(PENDING, encode_group(301, [entry(301)])), PENDING, "does not continue the signed tree"),
        (put(PENDING, encode_group(299, entries(299, 301))), PENDING, "does not continue the signed tree"),
    ],
)
def test_a_log_that_does_not_cover_what_was_signed_is_not_opened(
    folder: Path, harm: Callable[[Path], object], where: str, problem: str
) -> None:
    small_log(folder, 300)
    harm(folder)
    with pytest.raises(LogCorruptError) as caught:
        open_log(folder, KEY)
    assert caught.value == LogCorruptError(where, problem)


def test_a_log_of_another_key_is_not_opened(folder: Path) -> None:
    small_log(folder, 1)
    with pytest.raises(LogCorruptError) as caught:
        Log(FileStore(folder), SigningKey(KEY.name, bytes(32)))
    assert caught.value == LogCorruptError(CHECKPOINT, str(SignatureError(KEY.name)))


def test_a_segment_that_was_sealed_already_is_emptied(folder: Path) -> None:
    log = small_log(folder, 2, unsealed=3)
    pending = (folder / PENDING).read_bytes()
    log.publish()
    (folder / PENDING).write_bytes(pending)  # killed before it was emptied
    assert open_log(folder, KEY).append() == ()
    assert (folder / PENDING).read_bytes() == b""
    assert verify_log(folder).size == 5
    assert log.append(entry(5)) == (5,)


def test_sealed_entries_behind_acknowledged_ones_are_refused_and_these_are_kept(folder: Path) -> None:
    """No writer leaves that; to empty the segment would lose what was acknowledged."""
    log = small_log(folder, 2, unsealed=2)
    kept = (folder / PENDING).read_bytes()
    (folder / PENDING).write_bytes(kept + encode_group(0, entries(0, 1)))
    with pytest.raises(LogCorruptError) as caught:
        log.append(entry(4))
    assert caught.value == LogCorruptError(PENDING, "does not continue the signed tree")
    (folder / PENDING).write_bytes(kept)
    assert stored(folder) == entries(0, 4)


def test_a_segment_that_became_shorter_is_told(folder: Path) -> None:
    log = small_log(folder, 2, unsealed=2)
    (folder / PENDING).write_bytes((folder / PENDING).read_bytes()[:-1])
    with pytest.raises(LogCorruptError) as caught:
        log.append(entry(4))
    assert caught.value == LogCorruptError(PENDING, "shorter than what was acknowledged")


def test_another_history_is_told(folder: Path) -> None:
    small_log(folder, 5)
    witness, asked = Switched(new_witness(folder.parent / "w"), on=False), list[str]()

    def keys() -> tuple[SigningKey]:
        asked.append("keys")
        return (KEY,)

    log = open_log(folder, keys, [witness])
    before, witness.on = log.checkpoint(), True
    asked.clear()
    assert log.publish() != before  # the same tree, and now the line of the witness
    assert log.publish() == log.checkpoint()
    assert asked == []  # no other process published
    other = create_log(folder.parent / "other", KEY)
    other.append(*entries(50, 59))
    other.publish()
    shutil.rmtree(folder / "tile")
    shutil.copytree(folder.parent / "other", folder, dirs_exist_ok=True)
    with pytest.raises(LogCorruptError) as caught:
        log.append(entry(5))
    assert caught.value == LogCorruptError(CHECKPOINT, "does not extend the tree seen before")


def test_publishing_nothing_new_writes_nothing(folder: Path) -> None:
    log = small_log(folder, 3)
    before = {path: path.stat().st_ino for path in folder.rglob("*")}
    log.publish()
    assert {path: path.stat().st_ino for path in folder.rglob("*")} == before
