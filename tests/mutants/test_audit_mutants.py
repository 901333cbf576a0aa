"""Broken variants of the log, each caught by a check that the real one passes."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from fakes.audit_logs import (
    KEY,
    PowerCutStore,
    entries,
    entry,
    make_bundle,
    make_certificate,
    small_log,
    stored,
)
from fakes.mutated import Mutant, mutated
from fakes.operators import NEW, W1, W2, Operator, Scripted

import audit.bundle
import audit.certificate
import audit.checkpoint
import audit.cosign
import audit.entry
import audit.evidence
import audit.log
import audit.logdir
import audit.merkle
import audit.note
import audit.policy
import audit.recovery
import audit.segment
import audit.tiles
import audit.verify_log
import audit.witness
from audit.canonical import digest
from audit.errors import AuditError, BrokenLinkError, LogForkedError
from audit.logdir import create_log
from audit.note import Signer, SigningKey, format_lines, format_vkey, sign_line
from audit.segment import encode_group


def acknowledged_means_durable(log: ModuleType, folder: Path) -> None:
    create_log(folder / "log", KEY)
    store = PowerCutStore(folder / "log")
    log.Log(store, KEY).append(entry(0))
    store.power_cut()
    assert stored(folder / "log") == [entry(0)]


def segment_outlives_the_checkpoint(log: ModuleType, folder: Path) -> None:
    """A crash right before the checkpoint is written must lose nothing."""

    class Crash(PowerCutStore):
        def write(self, files: Mapping[str, bytes]) -> None:
            if files.keys() == {"checkpoint"}:
                raise OSError
            super().write(files)

    create_log(folder / "log", KEY)
    writer = log.Log(Crash(folder / "log"), KEY)
    writer.append(entry(0))
    with pytest.raises(AuditError):
        writer.publish()
    assert stored(folder / "log") == [entry(0)]


def old_tiles_go(log: ModuleType, folder: Path) -> None:
    create_log(folder / "log", KEY)
    writer = log.Log(PowerCutStore(folder / "log"), KEY)
    for number in range(3):
        writer.append(entry(number))
        writer.publish()
    audit.verify_log.verify_log(folder / "log")


def failure_ends_the_writer(log: ModuleType, folder: Path) -> None:
    class Once(PowerCutStore):
        failed = False

        def sync_pending(self) -> None:
            if not self.failed:
                self.failed = True
                raise OSError
            super().sync_pending()

    create_log(folder / "log", KEY)
    writer = log.Log(Once(folder / "log"), KEY)
    for _ in range(2):
        with pytest.raises(AuditError):
            writer.append(entry(0))


def other_processes_are_seen(log: ModuleType, folder: Path) -> None:
    create_log(folder / "log", KEY)
    writers = [log.Log(PowerCutStore(folder / "log"), KEY) for _ in range(2)]
    assert [writers[n % 2].append(entry(n))[0] for n in range(4)] == [0, 1, 2, 3]
    assert stored(folder / "log") == entries(0, 4)


def rolled_back_log_is_refused(recovery: ModuleType, folder: Path) -> None:
    writer = small_log(folder / "log", 3)
    old = (folder / "log" / "checkpoint").read_bytes()
    writer.append(*entries(3, 300))
    writer.publish()
    (folder / "log" / "checkpoint").write_bytes(old)
    (folder / "log" / "tile/0/000.p").mkdir()
    (folder / "log" / "tile/0/000.p/3").write_bytes((folder / "log" / "tile/0/000").read_bytes()[:96])
    bundle = audit.tiles.encode_bundle(entries(0, 3))
    (folder / "log" / "tile/entries/000.p").mkdir()
    (folder / "log" / "tile/entries/000.p/3").write_bytes(bundle)
    with pytest.raises(AuditError):
        recovery.sweep(PowerCutStore(folder / "log"), 3, 3)


def acknowledged_entries_are_not_emptied_away(recovery: ModuleType, folder: Path) -> None:
    """Behind them stands what was sealed long ago; no writer leaves that."""
    note = small_log(folder / "log", 2, unsealed=2).checkpoint()
    store, head = PowerCutStore(folder / "log"), audit.checkpoint.verify_checkpoint(note, KEY.key)
    kept = store.read_pending(0)
    store.append_pending(encode_group(0, entries(0, 1)), len(kept))
    with pytest.raises(AuditError):
        recovery.follow(store, recovery.State(note, head, 4, len(kept), finished=False))
    assert store.read_pending(0).startswith(kept)


def damage_is_not_a_torn_tail(segment: ModuleType, folder: Path) -> None:
    data = bytearray(encode_group(0, [entry(0)]) + encode_group(1, [entry(1)]))
    data[60] ^= 1
    with pytest.raises(AuditError):
        segment.scan(bytes(data))


def every_file_counts(verify: ModuleType, folder: Path) -> None:
    small_log(folder / "log", 300, unsealed=1)
    for path in sorted((folder / "log").rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
            with pytest.raises(BrokenLinkError):
                verify.verify_log(folder / "log")
            path.write_bytes(data)
    (folder / "log" / "unknown").touch()
    with pytest.raises(BrokenLinkError):
        verify.verify_log(folder / "log")


def swapped_entries_are_found(verify: ModuleType, folder: Path) -> None:
    small_log(folder / "log", 2)
    swapped = [entry(1), entry(0)]
    (folder / "log" / "tile/entries/000.p/2").write_bytes(audit.tiles.encode_bundle(swapped))
    (folder / "log" / "tile/0/000.p/2").write_bytes(b"".join(audit.merkle.leaf_hashes(swapped)))
    with pytest.raises(BrokenLinkError):
        verify.verify_log(folder / "log")


def every_byte_of_a_bundle_counts(bundle: ModuleType, folder: Path) -> None:
    data = make_bundle(small_log(folder / "log", 2), [1])
    for at in range(len(data)):
        with pytest.raises(BrokenLinkError):
            bundle.verify_bundle(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def every_digest_counts(bundle: ModuleType, folder: Path) -> None:
    files = bundle.unpack_bundle(make_bundle(small_log(folder / "log", 2), [1]))
    with pytest.raises(BrokenLinkError):
        bundle.verify_bundle(bundle.pack_bundle(files | {"report.json": b"{}"}))


def only_the_logged_manifest_counts(evidence: ModuleType, folder: Path) -> None:
    log = small_log(folder / "log", 2)
    envelope, proofs = audit.certificate.parse_certificate(make_certificate(log, [1]))
    (act,) = log.append(entry(7, kind="rights:certify", payload=digest(b"another")))
    log.publish()
    with pytest.raises(BrokenLinkError):
        evidence.verify_chain("s", envelope, log.evidence([1, act]), act="rights:certify", vkey=None)
    (act,) = log.append(entry(8, kind="rights:open", payload=digest(envelope)))
    log.publish()
    with pytest.raises(BrokenLinkError):
        evidence.verify_chain("s", envelope, log.evidence([1, act]), act="rights:certify", vkey=None)
    with pytest.raises(BrokenLinkError):
        evidence.verify_chain("s", envelope, proofs, act="rights:certify", vkey="other+00000000+AA==")


def wrong_proofs_fail(merkle: ModuleType, folder: Path) -> None:
    a, b = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    root = merkle.node_hash(a, b)
    for leaf, index, size, proof in (
        (a, 1, 2, [b]),
        (root, 0, 1, [a]),
        (a, 0, 2, [b, b]),
        (a, 0, 2, []),
        (root, 0, 2, []),
    ):
        with pytest.raises(AuditError):
            merkle.verify_inclusion(leaf, index, size, proof, root)
    assert merkle.leaf_hash(a + b) != merkle.node_hash(a, b)


def notes_need_the_signature(note: ModuleType, folder: Path) -> None:
    key = note.SigningKey("a", bytes(32))
    other = note.SigningKey("a", bytes(31) + b"1")
    data = note.sign_note("a\n", key)
    for wrong, against in (
        (data.replace(b"a\n\n", b"b\n\n"), key),
        (data, other),
        (note.sign_note("a\n", other), key),
    ):
        with pytest.raises(AuditError):
            note.verify_note(wrong, against.key)


def notes_have_one_line_per_key(note: ModuleType, folder: Path) -> None:
    parsed = note.parse_note(note.sign_note("a\n", note.SigningKey("a", bytes(32))))
    twice = note.Note(parsed.text, parsed.signatures * 2)
    with pytest.raises(AuditError):
        note.verify_lines(twice, [note.SigningKey("a", bytes(32)).key])


def details_have_one_order(entry_module: ModuleType, folder: Path) -> None:
    data = entry(1).replace(b'"batch":"b-1","n":1', b'"n":1,"batch":"b-1"')
    with pytest.raises(AuditError):
        entry_module.check_entry(data)


def a_witness_never_turns_back(cosign: ModuleType, folder: Path) -> None:
    """Forks, rollbacks, strangers and thieves, shown to the rule alone."""
    true, false = entries(0, 9), entries(100, 109)
    operator, thief = Operator(), Operator((NEW,))
    seen = decided(cosign, operator.request(true[:5], 0), None)[1]
    for status, request in (
        (200, operator.request(true, 5)),
        (200, operator.request(true[:5], 5)),
        (400, operator.request(true[:4], 5)),
        (403, thief.request(true, 5)),
        (404, Operator((SigningKey("x", bytes(32)),)).request(true, 5)),
        (409, operator.request(true[:4], 4)),
        (409, operator.request(false, 0)),
        (422, operator.request(false[:5], 5)),
        (422, operator.request(false, 5)),
    ):
        assert decided(cosign, request, seen)[0] == status


def decided(cosign: ModuleType, request: bytes, seen: object) -> tuple[int, object]:
    status, head = cosign.decide(cosign.parse_request(request), [KEY.key], seen)
    return status, head


def the_log_stops_when_told_no(cosign: ModuleType, folder: Path) -> None:
    before, after = Operator().note(entries(0, 1)), Operator().note(entries(0, 3))
    for answer in ((422, b""), (409, b"9\n")):
        with pytest.raises(LogForkedError):
            cosign.cosign(after, before, lambda *_: b"", [Scripted([answer])], again=True)
    forged = format_lines([sign_line("other\n", W1, 1)])
    for useless in (None, (500, b""), (200, forged)):
        try:
            note = cosign.cosign(after, before, lambda *_: b"", [Scripted([useless])], again=True)
        except OSError as error:
            raise AssertionError from error
        assert note == after


def what_was_signed_is_remembered(witness: ModuleType, folder: Path) -> None:
    """Also when the witness dies before it answers."""

    class Dying:
        key = W1.key

        def sign(self, _data: bytes) -> bytes:
            raise KeyboardInterrupt

    witness.create_heads(folder / "heads")
    with pytest.raises(KeyboardInterrupt):
        witness.Witness(Dying(), [KEY.key], folder / "heads").add_checkpoint(
            Operator().request(entries(0, 3), 0)
        )
    again = witness.Witness(W1, [KEY.key], folder / "heads")
    assert again.add_checkpoint(Operator().request(entries(5, 8), 0)) == (409, b"3\n")


def one_request_at_a_time(witness: ModuleType, folder: Path) -> None:
    """Between reading and writing nobody else may write: the fork that comes in between waits, and fails."""
    witness.create_heads(folder / "heads")
    real = witness.Witness(W1, [KEY.key], folder / "heads")
    with real._transaction():
        other = sqlite3.connect(folder / "heads", timeout=0)
        with pytest.raises(sqlite3.OperationalError):
            other.execute("INSERT INTO head VALUES ('a', 1, '')")
        other.close()


def only_a_quorum_of_trusted_keys_will_do(policy: ModuleType, folder: Path) -> None:
    trusted = policy.parse_policy(
        f"log {format_vkey(KEY.key)}\nwitness a {format_vkey(W1.key)}\nwitness b {format_vkey(W2.key)}\n"
        "group g 2 a b\nquorum g\n".encode()
    )
    note = Operator().note(entries(0, 2))
    text = audit.note.parse_note(note).text
    one, two = (format_lines([sign_line(text, signer, 1)]) for signer in (W1, W2))
    assert [*policy.open_checkpoint(note + one + two, trusted).cosigned] == ["a", "b"]
    thief = Operator((NEW,)).note(entries(0, 2))
    for wrong in (note, note + one, note + two, thief + one + two, note + one + one):
        with pytest.raises(AuditError):
            policy.open_checkpoint(wrong, trusted)
    for text in ("quorum none\nquorum none\n", "group g 1 h\nquorum none\n", "log x\nquorum none\n"):
        with pytest.raises(AuditError):
            policy.parse_policy(text.encode())
    key = format_vkey(W1.key)
    for text in (f"log {key}\n", f"witness a {key}\nwitness b {key}\n", f"witness a {key}\ngroup g 2 a\n"):
        with pytest.raises(AuditError):
            policy.parse_policy(f"{text}quorum none\n".encode())


def the_old_key_covers_the_new_one(logdir: ModuleType, folder: Path) -> None:
    """The last checkpoint of the old key alone holds the entry that names the new one."""
    notes: list[bytes] = []

    class Watching(audit.log.Log):
        def publish(self, *signers: Signer) -> bytes:
            notes.append(super().publish(*signers))
            return notes[-1]

    create_log(folder / "log", KEY)
    log = Watching(PowerCutStore(folder / "log"), lambda: (KEY, NEW))
    at = datetime(2026, 1, 2, tzinfo=UTC)
    logdir.begin_rotation(log, at=at, actor="user:ann")
    assert audit.checkpoint.verify_checkpoint(notes[0], KEY.key).size == 1
    assert len(audit.note.parse_note(notes[0]).signatures) == 1
    audit.checkpoint.verify_checkpoint(notes[-1], KEY.key)
    audit.checkpoint.verify_checkpoint(notes[-1], NEW.key)
    logdir.end_rotation(log, at=at, actor="user:ann")
    with pytest.raises(AuditError):
        audit.checkpoint.verify_checkpoint(notes[-1], KEY.key)


def foreign_keys_end_the_writer(checkpoint: ModuleType, folder: Path) -> None:
    note = Operator((KEY, NEW)).note(entries(0, 2))
    assert checkpoint.open_signed(note, [KEY, NEW])[1] == (KEY, NEW)
    with pytest.raises(AuditError):
        checkpoint.open_signed(note, [KEY])


MUTANTS: list[Mutant] = [
    (
        "witness: signs any size",
        audit.cosign,
        "    if request.old != (seen.size if seen else 0):\n",
        "    if False:\n",
        a_witness_never_turns_back,
    ),
    (
        "witness: signs any tree",
        audit.cosign,
        "    if seen and seen.size:\n",
        "    if False:\n",
        a_witness_never_turns_back,
    ),
    (
        "witness: signs for anybody",
        audit.cosign,
        "        if not keys or not verify_lines(note, keys):\n",
        "        if not keys:\n",
        a_witness_never_turns_back,
    ),
    (
        "witness: goes back",
        audit.cosign,
        "    if request.old > head.size or head.size > _LARGEST:\n",
        "    if False:\n",
        a_witness_never_turns_back,
    ),
    (
        "log: goes on after a fork",
        audit.cosign,
        "        if status == FORK or old > size:\n",
        "        if old > size:\n",
        the_log_stops_when_told_no,
    ),
    (
        "log: goes on after a rollback",
        audit.cosign,
        "        if status == FORK or old > size:\n",
        "        if status == FORK:\n",
        the_log_stops_when_told_no,
    ),
    (
        "log: publishes any answer",
        audit.cosign,
        "                verify_lines(answer, [witness.key])\n",
        "",
        the_log_stops_when_told_no,
    ),
    (
        "log: stops when a witness is down",
        audit.cosign,
        "        except (OSError, AuditError):\n",
        "        except AuditError:\n",
        the_log_stops_when_told_no,
    ),
    (
        "witness: forgets",
        audit.witness,
        '            database.execute("COMMIT")\n',
        "            pass\n",
        what_was_signed_is_remembered,
    ),
    ("witness: does not lock", audit.witness, "BEGIN IMMEDIATE", "BEGIN", one_request_at_a_time),
    (
        "policy: no quorum",
        audit.policy,
        "    if not policy.is_met(cosigned):\n",
        "    if False:\n",
        only_a_quorum_of_trusted_keys_will_do,
    ),
    (
        "policy: one is enough",
        audit.policy,
        ">= group.threshold:",
        ">= 1:",
        only_a_quorum_of_trusted_keys_will_do,
    ),
    (
        "policy: any log",
        audit.policy,
        "    if not signers:\n",
        "    if False:\n",
        only_a_quorum_of_trusted_keys_will_do,
    ),
    (
        "policy: a witness is a log",
        audit.policy,
        "if kinds != [party.key.kind for party in parties] or",
        "if",
        only_a_quorum_of_trusted_keys_will_do,
    ),
    (
        "policy: one key, two witnesses",
        audit.policy,
        "(names, members, keys, logs)",
        "(names, members, logs)",
        only_a_quorum_of_trusted_keys_will_do,
    ),
    (
        "policy: two quorums",
        audit.policy,
        'case ["quorum", name] if not policy.quorum:',
        'case ["quorum", name]:',
        only_a_quorum_of_trusted_keys_will_do,
    ),
    (
        "policy: a group too small",
        audit.policy,
        " or not 1 <= threshold <= len(members)",
        "",
        only_a_quorum_of_trusted_keys_will_do,
    ),
    (
        "note: a key has two lines",
        audit.note,
        "            if key in found:\n",
        "            if False:\n",
        notes_have_one_line_per_key,
    ),
    (
        "rotation: the new key signs its own entry",
        audit.logdir,
        '    _record(log, "key:rotate", fresh[0], at, actor)\n    log.publish(log.signer, fresh[0])\n',
        '    log.publish(log.signer, fresh[0])\n    _record(log, "key:rotate", fresh[0], at, actor)\n',
        the_old_key_covers_the_new_one,
    ),
    (
        "rotation: the old key stays",
        audit.logdir,
        "    log.publish(*rest)\n",
        "    log.publish(old, *rest)\n",
        the_old_key_covers_the_new_one,
    ),
    (
        "log: takes a line that it cannot check",
        audit.checkpoint,
        "    if not found or len(found) !=",
        "    if not found or 0 >",
        foreign_keys_end_the_writer,
    ),
    (
        "acknowledges before the sync",
        audit.log,
        "                self._store.sync_pending()\n",
        "",
        acknowledged_means_durable,
    ),
    (
        "empties the segment before the checkpoint",
        audit.log,
        "        self._store.write({CHECKPOINT: note})\n        self._store.cut_pending(0)\n",
        "        self._store.cut_pending(0)\n        self._store.write({CHECKPOINT: note})\n",
        segment_outlives_the_checkpoint,
    ),
    (
        "leaves old partial tiles",
        audit.log,
        "        self._store.remove(partial_paths(state.checkpoint.size) - partial_paths(state.next))\n",
        "",
        old_tiles_go,
    ),
    (
        "goes on after a failed sync",
        audit.log,
        "self._ended = StorageFailedError(step, error.errno or 0)\n            raise self._ended from",
        "raise StorageFailedError(step, 0) from",
        failure_ends_the_writer,
    ),
    (
        "does not look for other processes",
        audit.log,
        "elif self._store.pending_size() != state.offset:",
        "elif False:",
        other_processes_are_seen,
    ),
    (
        "sweeps away sealed tiles",
        audit.recovery,
        "if end is not None and end > following:",
        "if False:",
        rolled_back_log_is_refused,
    ),
    (
        "empties a segment that has more than what is sealed",
        audit.recovery,
        "if not state.offset and last.stop <=",
        "if last.stop <=",
        acknowledged_entries_are_not_emptied_away,
    ),
    (
        "takes damage for a torn tail",
        audit.segment,
        "        if _group(data, later):\n",
        "        if False:\n",
        damage_is_not_a_torn_tail,
    ),
    (
        "skips partial tiles",
        audit.verify_log,
        "if path in expected and read(path)",
        'if path in expected and ".p/" not in path and read(path)',
        every_file_counts,
    ),
    (
        "skips full tiles",
        audit.verify_log,
        "if path in expected and read(path)",
        'if path in expected and ".p/" in path and read(path)',
        every_file_counts,
    ),
    ("ignores unknown files", audit.verify_log, "sorted(files - expected)", "()", every_file_counts),
    (
        "skips the segment",
        audit.verify_log,
        "unsealed, since = _verify_pending(kept[PENDING], head.size)",
        'unsealed, since = 0, ""',
        every_file_counts,
    ),
    (
        "skips the root",
        audit.verify_log,
        "if root_of(frontier(rows)) != checkpoint.root:",
        "if False:",
        swapped_entries_are_found,
    ),
    (
        "does not pack again",
        audit.bundle,
        "lambda: unpack_bundle(data))",
        "lambda: None)",
        every_byte_of_a_bundle_counts,
    ),
    ("skips digests", audit.bundle, "!= expected:", "!= expected and False:", every_digest_counts),
    (
        "accepts a statement that was not logged",
        audit.evidence,
        " or recorded.payload != digest(envelope)",
        "",
        only_the_logged_manifest_counts,
    ),
    ("accepts any act", audit.evidence, "recorded.type != act or ", "", only_the_logged_manifest_counts),
    (
        "ignores the expected key",
        audit.evidence,
        "    key = trust if isinstance(trust, str) else text\n",
        "    key = text\n",
        only_the_logged_manifest_counts,
    ),
    (
        "ignores the length of a proof",
        audit.merkle,
        "    if len(proof) != inner + (index >> inner).bit_count():\n",
        "    if False:\n",
        wrong_proofs_fail,
    ),
    (
        "hashes leaves without a prefix",
        audit.merkle,
        'hashlib.sha256(b"\\x00" + entry)',
        'hashlib.sha256(b"\\x01" + entry)',
        wrong_proofs_fail,
    ),
    (
        "trusts a note without our signature",
        audit.note,
        "    if key not in verify_lines(note, [key]):\n",
        "    if verify_lines(note, [key]) is None:\n",
        notes_need_the_signature,
    ),
    (
        "does not verify signatures",
        audit.note,
        "            found[key] = key.verify_line(line.value, note.text)\n",
        "            found[key] = 0\n",
        notes_need_the_signature,
    ),
    (
        "takes details in any order",
        audit.entry,
        "elif match.lastindex:",
        "elif False:",
        details_have_one_order,
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant[0] for mutant in MUTANTS])
def test_mutant_is_caught_and_the_real_one_passes(tmp_path: Path, mutant: Mutant) -> None:
    _, module, old, new, check = mutant
    check(module, tmp_path)
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    caught = pytest.raises((AssertionError, AuditError, pytest.fail.Exception))
    with mutated(module, old, new, tmp_path) as broken, caught:
        check(broken, tmp_path)
