"""Strict grammars: what would not be printed is not read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.audit_logs import KEY

from audit.canonical import decode64, decode_json, decode_number, encode_json
from audit.checkpoint import (
    Checkpoint,
    Proof,
    format_checkpoint,
    format_proof,
    parse_checkpoint,
    parse_proof,
    sign_checkpoint,
    verify_checkpoint,
    verify_proof,
)
from audit.dsse import (
    Statement,
    format_envelope,
    format_statement,
    parse_envelope,
    parse_statement,
    sign_statement,
    verify_envelope,
)
from audit.errors import FormatError, SignatureError
from audit.merkle import EMPTY_ROOT, leaf_hash
from audit.note import Note, SigningKey, VerifierKey, format_note, parse_note, sign_note, verify_note

OTHER = SigningKey("example.com/log", bytes(32))
ROOT = leaf_hash(b"x")


@pytest.mark.parametrize("text", ["YQ", "YQ=", "YR==", "Y Q=", "YQ==\n", "_-__", "é", "="])
def test_base64_that_is_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        decode64(text, "x")


@pytest.mark.parametrize("text", ["", "01", "+1", "-1", "1_0", "1.0", "٣", " 1", "1" * 20])
def test_numbers_have_one_spelling(text: str) -> None:
    with pytest.raises(FormatError):
        decode_number(text, "x")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b"[1, 2]",
        b"NaN",
        b"1e3",
        b'"\\u0061"',
        b'"\xff"',
        b"[" * 60_000,
        b'"\\ud800"',
    ],
)
def test_json_has_one_spelling(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode_json(data, "x")


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"x", "\ud800"])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(FormatError):
        encode_json(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\n",
        "text\n\n— a YWJjZGU=".encode(),
        "text\n\n— a YWJjZGU=\r\n".encode(),
        b"text\n\n- a YWJjZGU=\n",
        "text\n\n— a  YWJjZGU=\n".encode(),
        "text\n\n— a YWJjZA==\n".encode(),
        "text\n\n— a YWJjZGU\n".encode(),
        "text\n\n— a+b YWJjZGU=\n".encode(),
        "te\txt\n\n— a YWJjZGU=\n".encode(),
        "text\n\n— a\u2028b YWJjZGU=\n".encode(),
        b"\xff\n\n",
        "text\n\n— a YWJjZGU=\nrubbish\n".encode(),
        b"text\n\n" + "— a YWJjZGU=\n".encode() * 65,
    ],
)
def test_malformed_note_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_note(data)


@pytest.mark.parametrize("text", ["", "no newline", "bell\x07\n"])
def test_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(FormatError):
        sign_note(text, KEY)


def test_signatures_of_unknown_keys_are_ignored_in_a_note() -> None:
    note = parse_note(sign_note("a\n", KEY))
    foreign = parse_note(sign_note("a\n", OTHER)).signatures
    data = format_note(Note(note.text, (*foreign, *note.signatures)))
    assert verify_note(data, KEY.key) == "a\n"


def test_one_bad_signature_of_the_known_key_refuses_the_note() -> None:
    good, bad = parse_note(sign_note("a\n", KEY)), parse_note(sign_note("b\n", KEY))
    with pytest.raises(SignatureError):
        verify_note(format_note(Note("a\n", (*good.signatures, *bad.signatures))), KEY.key)


def test_the_seed_does_not_show() -> None:
    assert "seed" not in repr(KEY)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x01"])
def test_key_names_that_a_note_cannot_carry_are_refused(name: str) -> None:
    with pytest.raises(FormatError):
        SigningKey(name, bytes(32))
    with pytest.raises(FormatError):
        VerifierKey(name, bytes(32))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_key_lengths(length: int) -> None:
    with pytest.raises(FormatError):
        SigningKey("a", bytes(length))
    with pytest.raises(FormatError):
        VerifierKey("a", bytes(length))


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 0, EMPTY_ROOT), ("a\nb", 0, EMPTY_ROOT), ("a", 0, ROOT), ("a", -1, ROOT), ("a", 1, b"short")],
)
def test_what_is_no_tree_head_is_refused(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(FormatError):
        Checkpoint(origin, size, root)


def test_checkpoint_extension_lines_and_missing_lines_are_refused() -> None:
    text = format_checkpoint(Checkpoint("a", 1, ROOT))
    for wrong in (
        text + "extension\n",
        text[:-1],
        text.replace("\n1\n", "\n01\n"),
        "\n".join(text.split("\n")[:2]),
    ):
        with pytest.raises(FormatError):
            parse_checkpoint(wrong)


def test_checkpoint_needs_the_signature_of_its_own_log_and_passes_over_others() -> None:
    data = sign_checkpoint(Checkpoint(KEY.name, 1, ROOT), KEY)
    assert verify_checkpoint(data, KEY.key) == Checkpoint(KEY.name, 1, ROOT)
    note, foreign = parse_note(data), parse_note(sign_note("a\n", OTHER))
    both = format_note(Note(note.text, foreign.signatures + note.signatures))
    assert verify_checkpoint(both, KEY.key) == Checkpoint(KEY.name, 1, ROOT)
    with pytest.raises(SignatureError):
        verify_checkpoint(data, OTHER.key)


def test_checkpoint_of_another_origin_is_neither_signed_nor_accepted() -> None:
    other = Checkpoint("example.com/other", 1, ROOT)
    with pytest.raises(FormatError):
        sign_checkpoint(other, KEY)
    with pytest.raises(FormatError):
        verify_checkpoint(sign_note(format_checkpoint(other), KEY), KEY.key)


def test_proof_with_extra_data_round_trips_and_verifies() -> None:
    note = sign_checkpoint(Checkpoint(KEY.name, 1, leaf_hash(b"e")), KEY)
    data = format_proof(Proof(0, (), note, b"extra"))
    assert parse_proof(data) == Proof(0, (), note, b"extra")
    assert verify_proof(data, b"e", KEY.key).size == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"c2sp.org/tlog-proof@v2\nindex 0\n\nx",
        b"c2sp.org/tlog-proof@v1\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 0\n",
        b"c2sp.org/tlog-proof@v1\nindex 00\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 0\nYQ==\n\nx",
        b"\xff",
    ],
)
def test_malformed_proof_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_proof(data)


STATEMENT = Statement(
    {"a.csv": "0" * 64, "b.csv": "1" * 64}, "https://example.com/v1", {"entries": [1], "名": "值"}
)


def test_statement_is_signed_and_verified() -> None:
    data = sign_statement(format_statement(STATEMENT), KEY)
    assert verify_envelope(data, KEY.key) == STATEMENT
    with pytest.raises(FormatError):  # names another key
        verify_envelope(data, OTHER.key)


@pytest.mark.parametrize(
    ("subjects", "kind"), [({}, "t"), ({"a": "0" * 63}, "t"), ({"a": "A" * 64}, "t"), ({"a": "0" * 64}, "")]
)
def test_statement_about_nothing_is_refused(subjects: dict[str, str], kind: str) -> None:
    with pytest.raises(FormatError):
        Statement(subjects, kind, {})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"sha256"', b'"sha512"'),
        (b'"_type":"https://in-toto.io/Statement/v1"', b'"_type":"x"'),
        (b"b.csv", b"a.csv"),
        (b'"name":"a.csv"', b'"name":"z.csv"'),
        (b'"predicateType"', b'"predicatetype"'),
    ],
)
def test_malformed_statement_is_refused_and_not_signed(old: bytes, new: bytes) -> None:
    data = format_statement(STATEMENT)
    assert old in data
    with pytest.raises(FormatError):
        parse_statement(data.replace(old, new))
    with pytest.raises(FormatError):
        sign_statement(data.replace(old, new), KEY)


@pytest.mark.parametrize("data", [b"[]", b"{}", b"1", b'{"payload":1,"payloadType":"","signatures":[]}'])
def test_malformed_envelope_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_envelope(data)


def test_envelope_with_two_signatures_or_another_type_is_refused() -> None:
    data = sign_statement(format_statement(STATEMENT), KEY)
    envelope = parse_envelope(data)
    assert format_envelope(envelope) == data
    line = data[data.index(b"[") + 1 : data.rindex(b"]")]
    with pytest.raises(FormatError):
        parse_envelope(data.replace(line, line + b"," + line))
    for keys, changed in ((KEY, data.replace(b"application/vnd.in-toto+json", b"text/plain")), (OTHER, data)):
        with pytest.raises(FormatError) as caught:
            verify_envelope(changed, keys.key)
        assert caught.value == FormatError("envelope", "payload type or key id")


@pytest.mark.parametrize("key_id", ["cafe", "+cafe", "somebody+cafe"])
def test_signatures_of_others_are_passed_over(key_id: str) -> None:
    envelope = parse_envelope(sign_statement(format_statement(STATEMENT), KEY))
    more = replace(envelope, signatures={**envelope.signatures, key_id: b"x"})
    assert verify_envelope(format_envelope(more), KEY.key) == STATEMENT
