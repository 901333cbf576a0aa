"""Verifying a log directory: any changed byte, any missing or unknown file breaks a named link."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.audit_logs import (
    KEY,
    entries,
    entry,
    flips,
    make_bundle,
    make_certificate,
    small_log,
    snapshot,
)

from audit.errors import BrokenLinkError, EntryError, LogCorruptError
from audit.logdir import create_log
from audit.merkle import leaf_hashes
from audit.note import SigningKey, format_vkey
from audit.segment import encode_group
from audit.tiles import encode_bundle
from audit.verify import BROKEN, USAGE, main, verify
from audit.verify_log import RECOVER, LogFacts, verify_log

VKEY = format_vkey(KEY.key)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 513, 66_000])
def test_a_log_of_any_size_verifies(tmp_path: Path, size: int) -> None:
    small_log(tmp_path / "log", size)
    facts = verify_log(tmp_path / "log", vkey=VKEY)
    assert (facts.size, facts.unsealed, facts.vkey_pinned, facts.vkey) == (size, 0, True, VKEY)
    assert facts.files == len(snapshot(tmp_path / "log"))
    assert not verify_log(tmp_path / "log").vkey_pinned


def test_unsealed_entries_are_reported_as_such(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 2, unsealed=3)
    facts = verify_log(tmp_path / "log")
    assert (facts.size, facts.unsealed) == (2, 3)


def test_progress_is_told_per_bundle(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 600)
    told = list[tuple[int, int]]()
    verify_log(tmp_path / "log", progress=lambda done, size: told.append((done, size)))
    assert told == [(256, 600), (512, 600), (600, 600)]


def test_every_single_byte_of_every_file_counts(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 6, unsealed=2)
    files = snapshot(tmp_path / "log")
    assert sum(map(len, files.values())) > 1_000
    for path, data in files.items():
        for _, changed in flips(data):
            (tmp_path / "log" / path).write_bytes(changed)
            with pytest.raises(BrokenLinkError):
                verify_log(tmp_path / "log")
        (tmp_path / "log" / path).write_bytes(data)
    verify_log(tmp_path / "log")


def test_a_byte_in_every_file_of_a_larger_log_counts(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 600)
    for path, data in snapshot(tmp_path / "log").items():
        for at in range(0, len(data), max(1, len(data) // 7)):
            (tmp_path / "log" / path).write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
            with pytest.raises(BrokenLinkError):
                verify_log(tmp_path / "log")
        (tmp_path / "log" / path).write_bytes(data)


def test_dropping_truncating_or_lengthening_any_file_is_named(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 300, unsealed=1)
    for path, data in snapshot(tmp_path / "log").items():
        target = tmp_path / "log" / path
        target.unlink()
        with pytest.raises(BrokenLinkError) as caught:
            verify_log(tmp_path / "log")
        assert path in caught.value.link
        for changed in (data[:-1], data + b"\n", data + data):
            target.write_bytes(changed)
            with pytest.raises(BrokenLinkError):
                verify_log(tmp_path / "log")
        target.write_bytes(data)


@pytest.mark.parametrize(
    "path",
    [
        "extra",
        "checkpoint.tmp",
        "publishing.tmp",
        "tile/0/001",
        "tile/0/000.p/5",
        "tile/entries/000.p/299",
        "tile/2/000.p/1",
        "tile/x",
        "deep/er/file",
        ".hidden",
    ],
)
def test_a_file_that_is_not_part_of_the_log_is_named(tmp_path: Path, path: str) -> None:
    small_log(tmp_path / "log", 300)
    (tmp_path / "log" / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "log" / path).touch()
    with pytest.raises(BrokenLinkError) as caught:
        verify_log(tmp_path / "log")
    assert caught.value.link == f"file {path}"


def test_a_link_or_a_pipe_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 3)
    target = tmp_path / "log" / "tile/0/000.p/3"
    target.rename(tmp_path / "elsewhere")
    target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BrokenLinkError) as caught:
        verify_log(tmp_path / "log")
    assert caught.value.link == "file tile/0/000.p/3"
    target.unlink()
    os.mkfifo(target)
    with pytest.raises(BrokenLinkError):
        verify_log(tmp_path / "log")


def put(name: str, data: bytes) -> Callable[[Path], object]:
    def write(log: Path) -> None:
        (log / name).write_bytes(data)

    return write


def pipe(log: Path) -> None:
    (log / "tile/0/000").unlink()
    os.mkfifo(log / "tile/0/000")


GROUP = encode_group(300, [entry(300)])
NO_ENTRY = encode_bundle([*entries(256, 299), b"no entry"])


@pytest.mark.parametrize(
    ("harm", "link", "problem"),
    [
        (pipe, "file tile/0/000", "not a plain file"),
        (lambda log: (log / "vkey").unlink(), "file vkey", "No such file or directory"),
        (lambda log: (log / "tile/0/000").unlink(), "file tile/0/000", "missing"),
        (put("extra", b""), "file extra", "not part of the log"),
        (put("extra.tmp", b""), "file extra.tmp", f"left over; {RECOVER}"),
        (put("tile/x", b""), "file tile/x", f"left over; {RECOVER}"),
        (put("pending", GROUP + b"FDS1"), "pending", f"damaged at byte {len(GROUP)}; {RECOVER}"),
        (put("pending", b"X" + GROUP), "pending", str(LogCorruptError("pending", "damaged at byte 0"))),
        (put("pending", encode_group(7, [entry(7)])), "pending", "does not follow the signed tree"),
        (put("tile/0/000", bytes(8192)), "file tile/0/000", "not the hashes of the entries"),
        (put("tile/entries/000", b"x"), "file tile/entries/000", "entry bundle: length"),
        (put("tile/entries/001.p/44", NO_ENTRY), "entry 299", str(EntryError("json"))),
    ],
)
def test_the_broken_link_says_what_is_wrong(
    tmp_path: Path, harm: Callable[[Path], object], link: str, problem: str
) -> None:
    small_log(tmp_path / "log", 300)
    verify_log(tmp_path / "log")
    harm(tmp_path / "log")
    with pytest.raises(BrokenLinkError) as caught:
        verify_log(tmp_path / "log")
    assert caught.value == BrokenLinkError(link, problem)


def test_swapped_entries_with_recomputed_tiles_break_the_root(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 4)
    swapped = [entry(1), entry(0), entry(2), entry(3)]
    (tmp_path / "log" / "tile/entries/000.p/4").write_bytes(encode_bundle(swapped))
    (tmp_path / "log" / "tile/0/000.p/4").write_bytes(b"".join(leaf_hashes(swapped)))
    with pytest.raises(BrokenLinkError) as caught:
        verify_log(tmp_path / "log")
    assert caught.value == BrokenLinkError("root hash", "the entries are not those that were signed")


def test_entries_that_do_not_parse_are_named_by_index(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 4)
    changed = [*entries(0, 3), entry(3).replace(b"user:ann", b"user:ann\\u0020")]
    (tmp_path / "log" / "tile/entries/000.p/4").write_bytes(encode_bundle(changed))
    with pytest.raises(BrokenLinkError) as caught:
        verify_log(tmp_path / "log")
    assert caught.value.link == "entry 3"


@pytest.mark.parametrize(
    ("group", "link"),
    [((7, [entry(7)]), "pending"), ((3, [entry(3)]), "pending"), ((4, [b"no entry"]), "entry 4")],
)
def test_pending_entries_must_be_well_formed_and_follow_the_tree(
    tmp_path: Path, group: tuple[int, list[bytes]], link: str
) -> None:
    small_log(tmp_path / "log", 4)
    (tmp_path / "log" / "pending").write_bytes(encode_group(*group))
    with pytest.raises(BrokenLinkError) as caught:
        verify_log(tmp_path / "log")
    assert caught.value.link == link


def test_a_log_of_another_key_is_refused_by_whoever_knows_the_key(tmp_path: Path) -> None:
    other = SigningKey(KEY.name, bytes(32))
    create_log(tmp_path / "log", other).append(entry(0))
    assert verify_log(tmp_path / "log").unsealed == 1
    with pytest.raises(BrokenLinkError) as caught:
        verify_log(tmp_path / "log", vkey=VKEY)
    assert caught.value.link == "verifier key"


def test_evidence_is_told_apart_by_content(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 3)
    (tmp_path / "a").write_bytes(make_bundle(log, [1]))
    (tmp_path / "b").write_bytes(make_certificate(log, [0, 2]))
    (tmp_path / "c").write_bytes(b"hello")
    kinds = [type(verify(tmp_path / name, vkey=VKEY)).__name__ for name in ("log", "a", "b")]
    assert kinds == ["LogFacts", "BundleFacts", "CertificateFacts"]
    with pytest.raises(BrokenLinkError):
        verify(tmp_path / "c")
    assert isinstance(verify(tmp_path / "log"), LogFacts)


def test_the_module_runs_as_a_program_without_a_warning(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 3)
    command = [sys.executable, "-W", "error", "-m", "audit.verify", str(tmp_path / "log"), "--json"]
    result = subprocess.run(command, capture_output=True, check=True)
    assert (json.loads(result.stdout)["size"], result.stderr) == (3, b"")


@pytest.mark.usefixtures("strace")
def test_a_log_on_media_that_cannot_lock_is_verified(tmp_path: Path) -> None:
    small_log(tmp_path / "log", 3)
    inject = ["strace", "-f", "-o", str(tmp_path / "trace"), "-e", "inject=flock:error=ENOLCK"]
    command = [*inject, sys.executable, "-m", "audit.verify", str(tmp_path / "log"), "--json"]
    result = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(result.stdout)["size"] == 3
    assert "ENOLCK" in (tmp_path / "trace").read_text()


def test_command_line_says_what_holds_and_what_broke(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = small_log(tmp_path / "log", 3)
    bundle = tmp_path / "report.zip"
    bundle.write_bytes(make_bundle(log, [1]))
    assert main([str(tmp_path / "log"), "--vkey", VKEY]) == 0
    assert "size: 4" in capsys.readouterr().out
    assert main([str(bundle), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "bundle"
    bundle.write_bytes(bundle.read_bytes().replace(b'{"a":1}', b'{"a":2}'))
    assert main([str(bundle), "--json"]) == BROKEN
    assert json.loads(capsys.readouterr().out)["link"] == "digest of report.json"
    assert main([str(bundle)]) == BROKEN
    assert "digest of report.json" in capsys.readouterr().out
    assert main([str(tmp_path / "none")]) == USAGE
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == USAGE
