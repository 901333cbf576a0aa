"""The Go team's own log packages accept our logs, and refuse every flipped bit as ``audit.verify`` does."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes.audit_logs import CHECKPOINT, KEY, entries, snapshot
from fakes.audit_shards import NAME, key_of, make_shards, new_year
from fakes.foreign import build_go, go_missing

from audit.errors import BrokenLinkError
from audit.logdir import create_log
from audit.note import SigningKey, format_vkey, parse_note
from audit.verify_log import verify_log

VKEY = format_vkey(KEY.key)
STEPS = (1, 100, 256, 257, 600)  # sizes of the tree at each publication
FLIPS = 150
SEED = 20_260_101


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if missing := go_missing():
        pytest.skip(missing)
    return build_go(tmp_path_factory.mktemp("go") / "tlogcheck")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A log of 600 entries and the checkpoints that it published on the way."""
    folder = tmp_path_factory.mktemp("published")
    return folder / "log", grown(folder, STEPS)


def grown(folder: Path, steps: Sequence[int]) -> list[Path]:
    log, size, older = create_log(folder / "log", KEY), 0, []
    for step in steps:
        log.append(*entries(size, step))
        path = folder / f"checkpoint.{step}"
        path.write_bytes(log.publish())
        older.append(path)
        size = step
    log.close()
    return older


def run(program: Path, log: Path, *older: Path, vkey: str = VKEY) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, log, vkey, *older], capture_output=True, text=True, check=False)


def test_go_accepts_note_tiles_entries_inclusion_and_every_older_checkpoint(
    program: Path, published: tuple[Path, list[Path]]
) -> None:
    log, older = published
    assert run(program, log, *older).stdout == f"600 entries, {len(STEPS)} older checkpoints\n"


@pytest.mark.parametrize("steps", [(1,), (2, 3), (255,), (256,), (257, 513), (65_535, 65_793)])
def test_go_accepts_trees_of_every_shape(program: Path, tmp_path: Path, steps: tuple[int, ...]) -> None:
    older = grown(tmp_path, steps)
    result = run(program, tmp_path / "log", *older)
    assert (result.stderr, result.returncode) == ("", 0)


def test_go_refuses_another_key_and_a_checkpoint_of_another_history(
    program: Path, published: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    log, _ = published
    assert run(program, log, vkey=format_vkey(SigningKey(KEY.name, bytes(32)).key)).returncode == 1
    other = create_log(tmp_path / "log", KEY)
    other.append(*entries(1, 101))
    (tmp_path / "other").write_bytes(other.publish())
    assert run(program, log, tmp_path / "other").returncode == 1


def test_go_accepts_each_shard_of_a_log_that_turned_over(program: Path, tmp_path: Path) -> None:
    shards = make_shards(tmp_path / "log", 2026, each=300)
    older = tmp_path / "checkpoint"
    older.write_bytes((tmp_path / "log" / "2026" / CHECKPOINT).read_bytes())
    for number, year in enumerate((2027, 2029), 1):
        shards.append(*entries(1000 * number, 1000 * number + 300), at=new_year(year))
    shards.publish()
    vkeys = {year: format_vkey(key_of(f"{NAME}/{year}").key) for year in (2026, 2027, 2029)}
    said = {year: run(program, tmp_path / "log" / str(year), vkey=vkeys[year]).stdout for year in vkeys}
    sizes = {2026: 301, 2027: 302, 2029: 301}
    assert said == {year: f"{size} entries, 0 older checkpoints\n" for year, size in sizes.items()}
    first = tmp_path / "log" / "2026"
    assert run(program, first, older, vkey=vkeys[2026]).stdout == "301 entries, 1 older checkpoints\n"
    assert run(program, first, vkey=vkeys[2027]).returncode == 1
    assert run(program, tmp_path / "log" / "2027", older, vkey=vkeys[2027]).returncode == 1


def flip_one(chance: random.Random, files: dict[str, bytes], kind: str) -> tuple[str, bytes]:
    """A file of one kind with one bit changed; of the checkpoint only the signed text."""
    path = chance.choice([path for path in files if path.startswith(kind)])
    data = bytearray(files[path])
    end = len(parse_note(files[path]).text.encode()) if path == CHECKPOINT else len(data)
    data[chance.randrange(end)] ^= 1 << chance.randrange(8)
    return path, bytes(data)


def names(link: str, path: str) -> bool:
    """Whether a broken link says where ``path`` is.

    A changed entry shows in the comparison of its bundle with the tile beside it, or as no entry at all.
    """
    if path == CHECKPOINT:
        return link == "checkpoint signature"
    bundle = re.fullmatch(r"tile/entries/(\d{3})(\.p/\d+)?", path)
    if bundle is None:
        return link == f"file {path}"
    if link.startswith("entry "):
        return int(link.removeprefix("entry ")) // 256 == int(bundle[1])
    return link in {f"file {path}", f"file tile/0/{bundle[1]}{bundle[2] or ''}"}


def test_every_flipped_bit_is_refused_by_go_and_located_by_ours(
    program: Path, published: tuple[Path, list[Path]]
) -> None:
    log, older = published
    chance, files = random.Random(SEED), snapshot(published[0])
    found: set[str] = set()
    for n in range(FLIPS):
        path, changed = flip_one(chance, files, (CHECKPOINT, "tile/entries/", "tile/")[n % 3])
        (log / path).write_bytes(changed)
        with pytest.raises(BrokenLinkError) as caught:
            verify_log(log, vkey=VKEY)
        assert names(caught.value.link, path), f"{caught.value} for a flip in {path}"
        assert run(program, log, *older).returncode == 1, f"Go accepts a flip in {path}"
        (log / path).write_bytes(files[path])
        found.add(path)
    assert found >= {path for path in files if path.startswith("tile/")} | {CHECKPOINT}
    assert run(program, log, *older).returncode == 0
