"""Cosignatures and witness requests: the examples of the specifications, and ``tlog-scales`` beside us."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from fakes.audit_logs import KEY, entries
from fakes.operators import W1, new_witness
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint

from audit.cosign import format_request, parse_request
from audit.logdir import create_log
from audit.note import COSIGNATURE, format_lines, format_note, format_vkey, parse_note

#: C2SP tlog-witness, "Example request body".
REQUEST = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()  # noqa: E501  as published
#: C2SP tlog-witness, "Example response body" (lines whose keys are not published).
RESPONSE = """— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==
""".encode()  # noqa: E501  as published


def test_the_published_request_is_read_and_written() -> None:
    request = parse_request(REQUEST)
    assert (request.old, len(request.proof)) == (20852014, 4)
    assert format_request(request) == REQUEST
    assert len(parse_note(request.note).signatures) == 2


def test_the_published_answer_is_read_and_written() -> None:
    lines = parse_note(b"x\n\n" + RESPONSE).signatures
    assert [len(line.value) for line in lines] == [72] * 3
    assert format_lines(lines) == RESPONSE


def test_tlog_scales_accepts_our_cosignature_and_no_changed_one(tmp_path: Path) -> None:
    log = create_log(tmp_path / "log", KEY, [new_witness(tmp_path / "w")])
    log.append(*entries(0, 5))
    note = parse_note(log.publish())
    accept(format_note(note))
    line = note.signatures[1]
    for at in range(len(line.value)):
        value = line.value[:at] + bytes([line.value[at] ^ 1]) + line.value[at + 1 :]
        with pytest.raises(InvalidSignature):
            accept(format_note(replace(note, signatures=(note.signatures[0], replace(line, value=value)))))


def accept(note: bytes) -> None:
    """Both lines, as the other library sees them."""
    checkpoint = Checkpoint.from_text(note.decode())
    for key in (KEY.key, W1.key):
        checkpoint.verify(Vkey.from_string(format_vkey(key)))


def test_tlog_scales_has_the_same_keys() -> None:
    vkey = Vkey(W1.name, None, COSIGNATURE, W1.key.public)
    assert (vkey.name, vkey.key_id) == (W1.name, int.from_bytes(W1.key.id))
