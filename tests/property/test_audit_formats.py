"""Every parser of the log is the exact inverse of its printer, and every tree verifies."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime
from typing import Any

from fakes import naive_merkle as naive
from hypothesis import given
from hypothesis import strategies as st

from audit.bundle import pack_bundle, unpack_bundle
from audit.canonical import decode64, decode_json, decode_number, encode64, encode_json
from audit.checkpoint import (
    Checkpoint,
    Proof,
    format_checkpoint,
    format_proof,
    parse_checkpoint,
    parse_proof,
    sign_checkpoint,
    verify_checkpoint,
)
from audit.dsse import (
    Statement,
    format_statement,
    parse_envelope,
    parse_statement,
    sign_statement,
    verify_envelope,
)
from audit.entry import Entry, check_entry, format_entry, parse_entry
from audit.errors import AuditError, EntryError, FormatError
from audit.merkle import (
    consistency_proof,
    frontier,
    inclusion_proof,
    leaf_hashes,
    perfect_root,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from audit.note import (
    Note,
    Signature,
    SigningKey,
    VerifierKey,
    format_note,
    format_skey,
    format_vkey,
    parse_note,
    parse_skey,
    parse_vkey,
    sign_note,
    verify_note,
)
from audit.segment import encode_group, scan
from audit.tiles import decode_bundle, encode_bundle, grow, row_widths, tile_end, tile_path

HASH = st.binary(min_size=32, max_size=32)
NAME = st.text(string.ascii_letters + string.digits + "./-_é中", min_size=1, max_size=20)
TEXT = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=20)
LINES = st.lists(TEXT, min_size=1, max_size=5).map(lambda lines: "\n".join(lines) + "\n")
CODE = st.text(string.ascii_letters + string.digits + "._:/@+=,- ", max_size=12)
NUMBER = st.integers(0, (1 << 63) - 1)
DETAIL = st.dictionaries(CODE, CODE | st.integers(-(1 << 63), (1 << 63) - 1), max_size=4).map(
    lambda d: tuple(sorted(d.items()))
)
ENTRY = st.builds(
    Entry,
    id=CODE.filter(bool),
    at=st.datetimes(timezones=st.just(UTC)),
    type=st.from_regex(re.compile(r"[a-z]{1,5}(_[a-z]{1,3})?:[a-z]{1,5}", re.ASCII), fullmatch=True),
    actor=CODE.filter(bool),
    decision=st.sampled_from(["allow", "deny"]),
    role=CODE,
    purpose=CODE,
    basis=CODE,
    policy=CODE,
    rule=CODE,
    resource=CODE,
    tag=CODE,
    payload=CODE,
    subjects=NUMBER,
    rho=NUMBER,
    detail=DETAIL,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(ENTRY)
def test_entry(entry: Entry) -> None:
    data = format_entry(entry)
    assert parse_entry(data) == entry
    check_entry(data)


def accepts(check: Any, data: bytes) -> bool:
    try:
        check(data)
    except EntryError:
        return False
    return True


@given(ENTRY, st.data())
def test_fast_entry_check_agrees_with_the_parser_on_damaged_entries(
    entry: Entry, data: st.DataObject
) -> None:
    whole = format_entry(entry)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 3)))
    middle = data.draw(
        st.binary(max_size=3) | st.sampled_from([b'"', b",", b":", b'":"', b'","', b"0", b"-", b"{}"])
    )
    changed = whole[:start] + middle + whole[end:]
    assert accepts(check_entry, changed) == accepts(parse_entry, changed)


@given(st.lists(st.tuples(CODE, CODE | st.integers(-5, 5)), max_size=4))
def test_fast_entry_check_agrees_with_the_parser_on_any_order_of_details(
    items: list[tuple[str, str | int]],
) -> None:
    def spell(value: str | int) -> str:
        return f'"{value}"' if isinstance(value, str) else str(value)

    detail = ",".join(f'"{key}":{spell(value)}' for key, value in items)
    base = format_entry(Entry(id="1", at=datetime(2026, 1, 1, tzinfo=UTC), type="a:b", actor="x"))
    data = base[:-1] + f',"detail":{{{detail}}}}}'.encode()
    assert accepts(check_entry, data) == accepts(parse_entry, data)


@given(st.binary(max_size=40), NUMBER, JSON)
def test_canonical_spellings(data: bytes, number: int, value: object) -> None:
    assert decode64(encode64(data), "x") == data
    assert decode_number(str(number), "x") == number
    assert encode_json(decode_json(encode_json(value), "x")) == encode_json(value)


@given(NAME, HASH)
def test_keys(name: str, seed: bytes) -> None:
    key = SigningKey(name, seed)
    assert parse_skey(format_skey(key)) == key
    assert parse_vkey(format_vkey(key.key)) == key.key == VerifierKey(name, key.key.public)


@given(
    LINES,
    st.lists(
        st.builds(Signature, NAME, st.binary(min_size=4, max_size=4), st.binary(min_size=1)),
        min_size=1,
        max_size=4,
    ),
)
def test_note(text: str, signatures: list[Signature]) -> None:
    note = Note(text, tuple(signatures))
    assert parse_note(format_note(note)) == note


@given(LINES, NAME, HASH)
def test_signed_note(text: str, name: str, seed: bytes) -> None:
    key = SigningKey(name, seed)
    assert verify_note(sign_note(text, key), key.key) == text


@given(st.binary(max_size=60) | LINES.map(str.encode))
def test_whatever_a_parser_accepts_it_prints_back(data: bytes) -> None:
    for parse, form in (
        (parse_note, format_note),
        (parse_proof, format_proof),
        (parse_statement, format_statement),
        (unpack_bundle, pack_bundle),
        (parse_entry, format_entry),
        (parse_envelope, None),
    ):
        try:
            value: Any = parse(data)
        except (FormatError, EntryError):
            continue
        printer: Any = form
        assert printer(value) == data


@given(NAME, st.integers(1, 10**18), HASH, HASH)
def test_checkpoint(name: str, size: int, root: bytes, seed: bytes) -> None:
    checkpoint, key = Checkpoint(name, size, root), SigningKey(name, seed)
    assert parse_checkpoint(format_checkpoint(checkpoint)) == checkpoint
    assert verify_checkpoint(sign_checkpoint(checkpoint, key), key.key) == checkpoint


@given(NUMBER, st.lists(HASH, max_size=5), LINES, st.none() | st.binary(max_size=10))
def test_proof(index: int, hashes: list[bytes], checkpoint: str, extra: bytes | None) -> None:
    proof = Proof(index, tuple(hashes), checkpoint.encode(), extra)
    assert parse_proof(format_proof(proof)) == proof


@given(
    st.dictionaries(TEXT, HASH.map(bytes.hex), min_size=1, max_size=3),
    TEXT.filter(bool),
    st.dictionaries(TEXT, JSON, max_size=3),
)
def test_statement(subjects: dict[str, str], kind: str, predicate: dict[str, object]) -> None:
    statement, key = Statement(subjects, kind, predicate), SigningKey("a", bytes(32))
    data = format_statement(statement)
    assert format_statement(parse_statement(data)) == data
    assert format_statement(verify_envelope(sign_statement(data, key), key.key)) == data


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,4}(/[a-z]{1,4})?", fullmatch=True), st.binary(max_size=50), max_size=5
    )
)
def test_zip(files: dict[str, bytes]) -> None:
    assert unpack_bundle(pack_bundle(files)) == files


@given(st.lists(st.binary(max_size=20), max_size=10), NUMBER.filter(lambda n: n < 1 << 62))
def test_bundle_and_group(entries: list[bytes], index: int) -> None:
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries
    groups, end = scan(encode_group(index, entries))
    assert [e for g in groups for e in g.entries] == entries
    assert (end > 0) == bool(entries)


@given(st.sampled_from(["entries", 0, 1, 5, 63]), st.integers(0, 10**7), st.integers(1, 256))
def test_tile_path(level: Any, index: int, width: int) -> None:
    hashes = 0 if level == "entries" else level
    assert tile_end(tile_path(level, index, width)) == (index * 256 + width) << 8 * hashes


@given(st.binary(max_size=200))
def test_any_bytes_in_the_segment_are_either_a_tail_or_an_audit_error(data: bytes) -> None:
    try:
        groups, end = scan(data)
    except AuditError:
        return
    assert end <= len(data)
    assert all(group.entries for group in groups)


@given(st.integers(1, 600), st.data())
def test_any_tree_grown_in_steps_has_the_defined_root_and_proofs(size: int, data: st.DataObject) -> None:
    leaves = [bytes([n % 251, n // 251]) for n in range(size)]
    hashes = leaf_hashes(leaves)
    old = data.draw(st.integers(0, size))
    rows = grow(old, grow(0, [], hashes[:old])[1], hashes[old:])[1]
    assert tuple(map(len, rows)) == row_widths(size)
    root = root_of(frontier(rows))
    assert root == naive.tree_hash(leaves)

    def node(height: int, index: int) -> bytes:
        return perfect_root(hashes[index << height : (index + 1) << height])

    index = data.draw(st.integers(0, size - 1))
    verify_inclusion(hashes[index], index, size, inclusion_proof(index, size, node), root)
    if old:
        verify_consistency(old, size, naive.tree_hash(leaves[:old]), root, consistency_proof(old, size, node))
