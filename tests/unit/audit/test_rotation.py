"""The log's key changes with an overlap, also while another process writes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.audit_logs import CHECKPOINT, KEY, entries, entry, make_bundle, make_certificate
from fakes.operators import NEW, new_witness

from audit.bundle import verify_bundle
from audit.canonical import digest
from audit.certificate import verify_certificate
from audit.checkpoint import open_signed, sign_checkpoint, verify_checkpoint, verify_proof
from audit.dsse import verify_envelope
from audit.entry import parse_entry
from audit.errors import (
    BrokenLinkError,
    FormatError,
    KeyFileError,
    LogCorruptError,
    SignatureError,
    StorageFailedError,
)
from audit.log import Log
from audit.logdir import (
    begin_rotation,
    create_key,
    create_log,
    end_rotation,
    keep_keys,
    load_key,
    load_keys,
    open_log,
)
from audit.note import VerifierKey, format_vkey, parse_note, parse_vkey, sign_note
from audit.policy import Party, Policy
from audit.verify_log import verify_log

AT = datetime(2026, 1, 2, tzinfo=UTC)
NAME = "example.com/log"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    create_key(tmp_path / "log.key", NAME)
    return tmp_path / "log.key"


@pytest.fixture
def log(tmp_path: Path, keys: Path) -> Log:
    create_log(tmp_path / "log", load_key(keys)).append(*entries(0, 3))
    return open_log(tmp_path / "log", lambda: load_keys(keys))


def verifies(log: Path, key: VerifierKey) -> bool:
    try:
        return verify_log(log, vkey=format_vkey(key)).vkey_pinned
    except BrokenLinkError as error:
        return error.link not in {"verifier key", "checkpoint signature"}


def begin(log: Log, keys: Path) -> tuple[VerifierKey, VerifierKey]:
    """The old key and the new one."""
    create_key(keys, NAME, add=True)
    return log.signer.key, parse_vkey(begin_rotation(log, at=AT, actor="user:ann"))


def test_during_the_overlap_either_key_will_do_and_after_it_only_the_new_one(
    tmp_path: Path, log: Log, keys: Path
) -> None:
    old, new = begin(log, keys)
    for _ in range(2):
        assert verifies(tmp_path / "log", old)
        assert verifies(tmp_path / "log", new)
        assert verify_log(tmp_path / "log", vkey=Policy((Party(old), Party(new)), quorum="none")).ignored == 0
        assert verify_log(tmp_path / "log", vkey=format_vkey(old)).ignored == 1
        log.append(entry(3))
        log.publish()
    before = log.checkpoint()
    end_rotation(log, at=AT, actor="user:ann")
    assert not verifies(tmp_path / "log", old)
    assert verifies(tmp_path / "log", new)
    assert verify_checkpoint(before, old).size < verify_checkpoint(log.checkpoint(), new).size
    with pytest.raises(SignatureError):
        verify_checkpoint(log.checkpoint(), old)
    assert log.vkey == format_vkey(new) == (tmp_path / "log" / "vkey").read_text().strip()
    assert open_log(tmp_path / "log", lambda: load_keys(keys)).append(entry(9))


def test_the_new_key_is_named_in_an_entry_that_the_old_key_covers_alone(tmp_path: Path, keys: Path) -> None:
    notes: list[bytes] = []

    class Watching(Log):
        def publish(self, *signers: object) -> bytes:
            notes.append(super().publish(*signers))  # type: ignore[arg-type]  # passed on as it comes
            return notes[-1]

    create_log(tmp_path / "log", load_key(keys))
    log = Watching(open_log(tmp_path / "log", load_key(keys))._store, lambda: load_keys(keys))
    old, new = begin(log, keys)
    (covered, both), rotate = notes, [parse_entry(data) for _, data in log.entries()][-1]
    assert [len(parse_note(note).signatures) for note in notes] == [1, 2]
    assert verify_checkpoint(covered, old) == verify_checkpoint(both, new)
    assert (rotate.type, rotate.payload) == ("key:rotate", digest(format_vkey(new).encode()))
    assert dict(rotate.detail) == {"key": new.id.hex()}
    end_rotation(log, at=AT, actor="user:ann")
    retire = [parse_entry(data) for _, data in log.entries()][-1]
    assert (retire.type, dict(retire.detail)) == ("key:retire", {"key": old.id.hex()})
    assert [len(parse_note(note).signatures) for note in notes[2:]] == [2, 1]


def test_proofs_bundles_and_certificates_hold_under_either_key(log: Log, keys: Path) -> None:
    from audit.dsse import Statement, format_statement, sign_statement

    old, new = begin(log, keys)
    statement = format_statement(Statement({"a": "0" * 64}, "https://example.com/v1", {}))
    envelope = sign_statement(statement, *log.signers)
    for key in (old, new):
        verify_proof(log.proof(0), entry(0), key)
        verify_envelope(envelope, key)
        with pytest.raises(FormatError):
            verify_envelope(envelope, NEW.key)
    with pytest.raises(SignatureError):
        verify_envelope(envelope.replace(b'"sig":"', b'"sig":"AAAA', 1), old, new)
    for make, verify in ((make_bundle, verify_bundle), (make_certificate, verify_certificate)):
        data = make(log, [0])
        assert verify(data, vkey=format_vkey(old)).vkey_pinned
        with pytest.raises(BrokenLinkError):
            verify(data, vkey=format_vkey(NEW.key))


def test_a_rotation_needs_a_new_key_and_has_an_order(log: Log, keys: Path) -> None:
    for wrong in (begin_rotation, end_rotation):
        with pytest.raises(KeyFileError):
            wrong(log, at=AT, actor="user:ann")
    begin(log, keys)
    with pytest.raises(KeyFileError):
        begin_rotation(log, at=AT, actor="user:ann")
    create_key(keys, NAME, add=True)
    with pytest.raises(KeyFileError):
        begin_rotation(log, at=AT, actor="user:ann")
    end_rotation(log, at=AT, actor="user:ann")
    with pytest.raises(KeyFileError):
        end_rotation(log, at=AT, actor="user:ann")


def test_key_files_grow_only_where_there_is_one(tmp_path: Path, keys: Path) -> None:
    first = load_key(keys)
    second = create_key(keys, NAME, add=True)
    assert load_keys(keys) == (first, second)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    with pytest.raises(KeyFileError):
        create_key(tmp_path / "none", NAME, add=True)
    with pytest.raises(KeyFileError):
        create_key(keys, NAME)


def test_a_line_in_the_logs_name_by_a_key_that_is_not_at_hand_is_refused(tmp_path: Path) -> None:
    note = create_log(tmp_path / "log", KEY).checkpoint()
    (tmp_path / "log" / CHECKPOINT).write_bytes(sign_note(parse_note(note).text, KEY, NEW))
    with pytest.raises(LogCorruptError):
        open_log(tmp_path / "log", KEY)
    assert open_log(tmp_path / "log", lambda: (KEY, NEW)).signers == (KEY, NEW)
    with pytest.raises(LogCorruptError):
        open_log(tmp_path / "log", lambda: (NEW,))
    with pytest.raises(SignatureError):
        open_signed(note, (NEW,))
    with pytest.raises(FormatError):
        sign_checkpoint(verify_checkpoint(note, KEY.key), KEY, new_witness(tmp_path)._signer)


WRITER = """
import sys
from pathlib import Path
from fakes.audit_logs import entry
from audit.logdir import load_keys, open_log
log = open_log(Path(sys.argv[1]), lambda: load_keys(Path(sys.argv[2])))
n = 1000
for line in sys.stdin:
    log.append(entry(n), entry(n + 1))
    log.publish()
    n += 2
    print(len(log.signers), log.vkey, flush=True)
"""


def test_a_rotation_reaches_a_writer_in_another_process(tmp_path: Path, log: Log, keys: Path) -> None:
    tests = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "log"), str(keys)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{tests}:{tests.parent}"},
    ) as child:

        def other() -> tuple[str, str]:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write("\n")
            child.stdin.flush()
            count, vkey = child.stdout.readline().split()
            return count, vkey

        assert other() == ("1", log.vkey)
        old, new = begin(log, keys)
        for _ in range(2):
            assert other() == ("2", format_vkey(old))
            assert verifies(tmp_path / "log", old)
            assert verifies(tmp_path / "log", new)
        end_rotation(log, at=AT, actor="user:ann")
        assert other() == ("1", format_vkey(new))
        assert not verifies(tmp_path / "log", old)
        assert verifies(tmp_path / "log", new)
        assert child.stdin is not None
        child.stdin.close()
    log.publish()
    assert verify_log(tmp_path / "log").size == 3 + 2 + 4 * 2


def test_a_vkey_file_that_cannot_be_read_is_a_failure_of_the_disk(tmp_path: Path) -> None:
    create_log(tmp_path / "log", KEY)
    (tmp_path / "log" / "vkey").unlink()
    (tmp_path / "log" / "vkey").mkdir()
    with pytest.raises(StorageFailedError):
        open_log(tmp_path / "log", KEY)


@pytest.mark.parametrize("text", ["a\n\n\u2014 b", "a", "a\n\n\u2014 example.com/log AAAAAAA="])
def test_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    """The last one would be read as a shorter text with one more signature."""
    with pytest.raises(FormatError):
        sign_note(text, KEY)


def test_tiles_larger_than_the_log_are_not_swept_away(tmp_path: Path) -> None:
    log = create_log(tmp_path / "log", KEY)
    first = log.checkpoint()
    log.append(*entries(0, 3))
    log.publish()
    (tmp_path / "log" / CHECKPOINT).write_bytes(first)
    with pytest.raises(LogCorruptError):
        open_log(tmp_path / "log", KEY)


def test_keys_that_are_not_kept_are_destroyed_and_a_file_without_keys_goes(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    keep_keys(path, {b"nobody's"})  # no file, nothing to do
    first, second, third = (create_key(path, "example.com/log", add=path.exists()) for _ in range(3))
    keep_keys(path, {key.key.public for key in (first, second, third)})
    assert load_keys(path) == (first, second, third)
    keep_keys(path, {first.key.public, third.key.public, b"another"})
    assert load_keys(path) == (first, third)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["log.key"]
    keep_keys(path, set())
    assert not path.exists()
