"""What a witness decides, what it remembers, and what the log makes of its answers."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.audit_logs import KEY, entries, small_log
from fakes.operators import NEW, START, W1, W2, Operator, Scripted, Switched, new_witness

from audit.checkpoint import parse_checkpoint
from audit.cosign import Request, decide, format_request, parse_request
from audit.errors import FormatError, LogCorruptError, LogForkedError, SignatureError, WriterEndedError
from audit.logdir import create_log, open_log
from audit.merkle import EMPTY_ROOT
from audit.note import (
    COSIGNATURE,
    SigningKey,
    VerifierKey,
    format_note,
    format_vkey,
    parse_note,
    parse_vkey,
    sign_line,
    sign_note,
    verify_lines,
    verify_note,
)
from audit.witness import Witness, create_heads

OPERATOR = Operator()
TRUE, FALSE = entries(0, 12), entries(100, 112)
FORKED = [*TRUE[:7], *FALSE[:5]]


def ask(witness: Witness, history: list[bytes], old: int, operator: Operator = OPERATOR) -> int:
    return witness.add_checkpoint(operator.request(history, old))[0]


def test_a_witness_cosigns_what_grows_and_what_it_has_seen(tmp_path: Path) -> None:
    witness = new_witness(tmp_path)
    for old, size in ((0, 0), (0, 1), (1, 1), (1, 7), (7, 8), (8, 12), (12, 12)):
        status, body = witness.add_checkpoint(OPERATOR.request(TRUE[:size], old))
        assert status == 200
        assert verify_lines(parse_note(OPERATOR.note(TRUE[:size]) + body), [W1.key])[W1.key] >= START


def test_each_way_of_being_refused_has_its_status_and_changes_nothing(tmp_path: Path) -> None:
    witness = new_witness(tmp_path, W1, KEY.key, SigningKey("b", bytes(32)).key)
    stranger, thief = Operator((SigningKey("x", bytes(32)),)), Operator((NEW,))
    request = OPERATOR.request(TRUE[:8], 8)
    note = OPERATOR.note(TRUE[:9])
    refused = {
        404: [stranger.request(TRUE[:9], 8)],
        403: [thief.request(TRUE[:9], 8), OPERATOR.request(TRUE[:9], 8).replace(b"\n9\n", b"\n10\n")],
        409: [OPERATOR.request(TRUE[:9], old) for old in (0, 1, 7, 9)],
        422: [
            OPERATOR.request(FALSE[:8], 8),  # a fork of the same size
            OPERATOR.request(FORKED, 8),  # a larger one
            format_request(Request(8, (), OPERATOR.note(TRUE[:9]))),
            format_request(Request(8, (EMPTY_ROOT,) * 63, OPERATOR.note(TRUE[:9]))),
            format_request(Request(8, (EMPTY_ROOT,), OPERATOR.note(TRUE[:8]))),
        ],
        400: [
            OPERATOR.request(TRUE[:7], 8),  # old size above the new one
            b"",
            b"old 8\n\n",
            b"old 08\n\n" + note,
            b"old -1\n\n" + note,
            b"old 8\n" + note,
            b"old 8\nAAAA\n\n" + note,
            b"\xff\xff\n\n" + note,
            b"old 8\n\n\xff" + note,
            format_request(Request(8, (EMPTY_ROOT,) * 64, note)),
            format_request(Request(8, (), sign_note(f"{KEY.name}\n9\n", KEY))),
            format_request(Request(8, (), sign_note(f"{KEY.name}\n{2**63}\n{'A' * 43}=\n", KEY))),
        ],
    }  # fmt: skip
    assert ask(witness, TRUE[:8], 0) == 200
    for status, bodies in refused.items():
        for body in bodies:
            answer = witness.add_checkpoint(body)
            assert answer == (status, b"8\n" if status == 409 else b""), body
            assert witness.add_checkpoint(request)[0] == 200


def test_a_witness_that_has_seen_nothing_takes_no_proof_and_no_other_empty_tree(tmp_path: Path) -> None:
    witness = new_witness(tmp_path)
    assert (
        witness.add_checkpoint(format_request(Request(0, (EMPTY_ROOT,), OPERATOR.note(TRUE[:2]))))[0] == 422
    )
    wrong = sign_note(f"{KEY.name}\n0\n{'A' * 43}=\n", KEY)
    assert witness.add_checkpoint(format_request(Request(0, (), wrong)))[0] == 422
    assert ask(witness, TRUE[:2], 1) == 409
    assert ask(witness, [], 0) == 200
    assert (
        witness.add_checkpoint(format_request(Request(0, (EMPTY_ROOT,), OPERATOR.note(TRUE[:2]))))[0] == 422
    )


def test_a_wrong_line_of_a_known_key_is_refused_although_another_one_holds(tmp_path: Path) -> None:
    both = Operator((KEY, NEW))
    witness = new_witness(tmp_path, W1, KEY.key, NEW.key)
    note = parse_note(both.note(TRUE[:2]))
    spoilt = replace(note.signatures[1], value=bytes(64))
    request = Request(0, (), format_note(replace(note, signatures=(note.signatures[0], spoilt))))
    assert witness.add_checkpoint(format_request(request))[0] == 403
    assert ask(witness, TRUE[:2], 0, both) == 200
    assert ask(witness, TRUE[:3], 2, Operator((NEW,))) == 200


def test_deciding_raises_for_what_is_no_note() -> None:
    with pytest.raises(FormatError):
        decide(Request(0, (), b"x"), [KEY.key], None)
    head = parse_checkpoint(parse_note(OPERATOR.note(TRUE[:3])).text)
    assert decide(parse_request(OPERATOR.request(TRUE[:3], 0)), [KEY.key], None) == (200, head)


def test_a_witness_remembers_over_restarts_and_is_never_made_by_accident(tmp_path: Path) -> None:
    assert ask(new_witness(tmp_path), TRUE[:5], 0) == 200
    assert ask(new_witness(tmp_path), FORKED, 0) == 409
    with pytest.raises(FileExistsError):
        create_heads(tmp_path / "heads.sqlite")
    with pytest.raises(sqlite3.Error):
        Witness(W1, [KEY.key], tmp_path / "other.sqlite")
    assert not (tmp_path / "other.sqlite").exists()
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(sqlite3.Error):
        Witness(W1, [KEY.key], tmp_path / "empty.sqlite")


def test_of_forks_sent_at_once_by_many_threads_one_is_cosigned(tmp_path: Path) -> None:
    witness = new_witness(tmp_path)
    assert ask(witness, TRUE[:4], 0) == 200
    histories = [[*TRUE[:4], *entries(200 + n, 202 + n)] for n in range(12)]
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda h=h: statuses.append(ask(witness, h, 4))) for h in histories]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 11


DYING = """
import os, signal, sys
from pathlib import Path
from fakes.audit_logs import KEY, entries
from fakes.operators import W1, Operator
from audit.witness import Witness
class Dying:
    key = W1.key
    def sign(self, data):
        os.kill(os.getpid(), signal.SIGKILL)
witness = Witness(Dying(), [KEY.key], Path(sys.argv[1]))
witness.add_checkpoint(Operator().request(entries(0, int(sys.argv[2])), int(sys.argv[3])))
"""


def test_a_witness_killed_between_writing_and_answering_remembers(tmp_path: Path) -> None:
    witness = new_witness(tmp_path)
    for size in (3, 5):
        arguments = [
            sys.executable,
            "-c",
            DYING,
            str(tmp_path / "heads.sqlite"),
            str(size),
            str(size - 2 if size > 3 else 0),
        ]
        environment = os.environ | {"PYTHONPATH": f"{Path(__file__).parents[2]}:{Path(__file__).parents[3]}"}
        assert subprocess.run(arguments, env=environment, check=False).returncode == -signal.SIGKILL
        assert witness.add_checkpoint(OPERATOR.request(FALSE[:size], 0)) == (409, f"{size}\n".encode())
        assert ask(witness, FALSE[:size], size) == 422
        assert ask(witness, TRUE[:size], size) == 200


def test_a_published_checkpoint_carries_the_lines_of_the_witnesses(tmp_path: Path) -> None:
    witnesses = [new_witness(tmp_path / "1"), new_witness(tmp_path / "2", W2)]
    log = create_log(tmp_path / "log", KEY, witnesses)
    for size in (1, 300):
        log.append(*entries(0, size))
        assert [*verify_lines(parse_note(log.publish()), [KEY.key, W1.key, W2.key])] == [
            KEY.key,
            W1.key,
            W2.key,
        ]
    assert set(log.cosigned()) == {W1.name, W2.name}
    assert all(at >= START for at in log.cosigned().values())
    note = log.publish()
    assert log.publish() == note  # nothing new, nobody is asked again
    assert open_log(tmp_path / "log", KEY).checkpoint() == note


def test_a_witness_that_is_down_costs_its_line_and_is_asked_again(tmp_path: Path) -> None:
    first, second = Switched(new_witness(tmp_path / "1")), Switched(new_witness(tmp_path / "2", W2), on=False)
    log = create_log(tmp_path / "log", KEY, [first, second])
    log.append(*entries(0, 5))
    log.publish()
    assert (log.cosigned()[W1.name] > 0, log.cosigned()[W2.name]) == (True, 0)
    first.on, second.on, asked = False, True, first.asked
    log.publish()  # nothing new, but a line is missing
    assert first.asked == asked
    assert all(log.cosigned().values())
    log.append(*entries(5, 7))
    log.publish()
    assert (log.cosigned()[W1.name], log.cosigned()[W2.name] > 0) == (0, True)
    first.on = True
    again = open_log(tmp_path / "log", KEY, [first, second])  # the witness has an older tree: it says which
    assert all(again.cosigned().values())
    first.on = second.on = False
    assert all(open_log(tmp_path / "log", KEY, [first, second]).cosigned().values())  # lines are kept


@pytest.mark.parametrize(
    "answers",
    [
        [None],
        [(500, b"")],
        [(404, b"")],
        [(403, b"")],
        [(400, b"")],
        [(200, b"")],
        [(200, b"\xff")],
        [(200, b"\xe2\x80\x94 other AAAAAAAA\n")],
        [(200, b"\xe2\x80\x94 witness.example.com/w1 AAAA\n")],
        [(409, b"")],
        [(409, b"\xff\n")],
        [(409, b"01\n")],
        [(409, b"1\n")],
        [(409, b"2\n")],
    ],
)
def test_an_answer_of_no_use_costs_the_line_and_nothing_else(
    tmp_path: Path, answers: list[tuple[int, bytes] | None]
) -> None:
    log = create_log(tmp_path / "log", KEY)
    log.append(*entries(0, 3))
    log.publish()
    log = open_log(tmp_path / "log", KEY, [Scripted(answers)])
    assert log.cosigned() == {W1.name: 0}
    assert log.append(*entries(3, 4)) == (3,)


def test_a_wrong_cosignature_is_not_published(tmp_path: Path) -> None:
    def spoil(body: bytes) -> bytes:
        note = parse_note(b"x\n\n" + body)
        line = replace(note.signatures[0], value=note.signatures[0].value[:-1] + b"\x00")
        return format_note(replace(note, signatures=(line,)))[3:]

    log = create_log(tmp_path / "log", KEY, [Switched(new_witness(tmp_path / "1"), spoil=spoil)])
    assert log.cosigned() == {W1.name: 0}


def test_only_the_line_of_the_witness_itself_is_taken(tmp_path: Path) -> None:
    foreign = b"\xe2\x80\x94 other AAAAAAAA\n"
    log = create_log(
        tmp_path / "log", KEY, [Switched(new_witness(tmp_path / "1"), spoil=lambda b: foreign + b)]
    )
    assert [line.name for line in parse_note(log.checkpoint()).signatures] == [KEY.name, W1.name]


def test_the_writer_refuses_to_run_when_the_witness_has_seen_more(tmp_path: Path) -> None:
    witness = new_witness(tmp_path / "1")
    log = create_log(tmp_path / "log", KEY, [witness])
    log.append(*TRUE[:5])
    log.publish()
    shutil.copytree(tmp_path / "log", tmp_path / "backup")
    log.append(*TRUE[5:9])
    log.publish()
    with pytest.raises(LogForkedError) as caught:
        open_log(tmp_path / "backup", KEY, [witness])
    assert caught.value == LogForkedError(W1.name, 9)
    without = open_log(tmp_path / "backup", KEY)  # the attack: go on from the copy, unwitnessed
    without.append(*FALSE[:6])
    without.publish()
    with pytest.raises(LogForkedError):
        open_log(tmp_path / "backup", KEY, [witness])


def test_a_fork_found_at_work_ends_the_writer(tmp_path: Path) -> None:
    witness = new_witness(tmp_path / "1")
    log = create_log(tmp_path / "log", KEY, [witness])
    assert ask(witness, FALSE[:3], 0) == 200  # somebody else signs with the same key
    log.append(*TRUE[:5])
    with pytest.raises(LogForkedError):
        log.publish()
    for work in (log.publish, log.checkpoint, lambda: log.append(*TRUE[5:6])):
        with pytest.raises(WriterEndedError):
            work()
    assert open_log(tmp_path / "log", KEY).append(*TRUE[5:6]) == (5,)  # nothing acknowledged is lost


def test_a_writer_killed_between_witness_and_publication_goes_on(tmp_path: Path) -> None:
    witness = new_witness(tmp_path / "1")
    log = create_log(tmp_path / "log", KEY, [witness])
    log.append(*TRUE[:5])
    assert ask(witness, TRUE[:5], 0) == 200  # as if the writer had asked, and died before it published
    again = open_log(tmp_path / "log", KEY, [witness])
    assert again.cosigned()[W1.name]
    assert parse_checkpoint(parse_note(again.checkpoint()).text).size == 5


def test_a_damaged_line_of_a_witness_is_noticed_when_the_log_is_opened(tmp_path: Path) -> None:
    witness = new_witness(tmp_path / "1")
    note = parse_note(create_log(tmp_path / "log", KEY, [witness]).checkpoint())
    line = replace(note.signatures[1], value=note.signatures[1].value[:-1] + b"\x00")
    (tmp_path / "log" / "checkpoint").write_bytes(
        format_note(replace(note, signatures=(note.signatures[0], line)))
    )
    with pytest.raises(LogCorruptError):
        open_log(tmp_path / "log", KEY, [witness])


def test_cosignatures_and_signatures_never_stand_for_each_other() -> None:
    text = "example.com/log\n"
    line = sign_line(text, W1, START)
    twin = VerifierKey(W1.name, W1.key.public)
    assert twin.id != W1.key.id
    with pytest.raises(SignatureError):
        twin.verify_line(line.value, text)
    with pytest.raises(SignatureError):
        W1.key.verify_line(sign_line(text, SigningKey(W1.name, W1.seed)).value, text)
    for at in (0, -1, 2**63):
        with pytest.raises(FormatError):
            sign_line(text, W1, at)
    with pytest.raises(FormatError):
        sign_line(text, KEY, START)


@pytest.mark.parametrize("at", [0, 2**63])
def test_a_cosignature_needs_a_time_below_two_to_the_63(at: int) -> None:
    message = f"cosignature/v1\ntime {at}\nx\n".encode()
    with pytest.raises(SignatureError):
        W1.key.verify_line(at.to_bytes(8) + W1.sign(message), "x\n")


def test_keys_of_witnesses_have_their_type_in_their_spelling() -> None:
    text = format_vkey(W1.key)
    assert parse_vkey(text).kind == COSIGNATURE
    with pytest.raises(FormatError):
        VerifierKey("a", bytes(32), 6)
    with pytest.raises(SignatureError):
        verify_note(small_note(), W1.key)


def small_note() -> bytes:
    return sign_note("x\n", KEY)


def test_a_key_with_two_lines_is_refused() -> None:
    note = parse_note(small_note())
    with pytest.raises(SignatureError):
        verify_note(format_note(replace(note, signatures=note.signatures * 2)), KEY.key)


def test_a_log_without_witnesses_has_no_cosignatures(tmp_path: Path) -> None:
    assert small_log(tmp_path / "log", 3).cosigned() == {}
