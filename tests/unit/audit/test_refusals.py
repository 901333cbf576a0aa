"""Every refusal of the formats says exactly what it is about and why, and limits hold to the byte."""

from __future__ import annotations

import calendar
import hashlib
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from fakes.audit_logs import entries, entry

from audit.canonical import decode64, decode_json, decode_number, digest, encode_json, read_exact
from audit.entry import MAX_BYTES, Detail, Entry, _fast_pattern, check_entry, format_entry, parse_entry
from audit.errors import (
    ConsistencyError,
    EntryError,
    FormatError,
    InclusionError,
    LogCorruptError,
    NotSealedError,
)
from audit.merkle import (
    consistency_proof,
    frontier,
    leaf_hash,
    leaf_hashes,
    node_hash,
    perfect_root,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from audit.segment import encode_group, scan
from audit.tiles import TreeReader, decode_bundle, decode_row, encode_bundle, grow, row_widths

GOOD: dict[str, Any] = {"id": "1", "at": datetime(2026, 1, 2, tzinfo=UTC), "type": "a:b", "actor": "x"}
FIRST, SECOND = encode_group(7, entries(7, 9)), encode_group(9, entries(9, 10))
LEAF, OTHER = leaf_hash(b"a"), leaf_hash(b"b")


def _unprintable(text: str) -> str:
    raise FormatError("inner", text)


@pytest.mark.parametrize(
    ("work", "what", "problem"),
    [
        (lambda: decode64("YQ", "here"), "here", "malformed"),
        (lambda: decode64("YR==", "here"), "here", "spelling"),
        (lambda: decode_number("01", "here"), "here", "decimal number"),
        (lambda: decode_json(b"{", "here"), "here", "malformed"),
        (lambda: decode_json(b"[1, 2]", "here"), "here", "spelling"),
        (lambda: encode_json({1, 2}), "json", "value cannot be written"),
        (lambda: read_exact("x", "here", _unprintable, str), "inner", "x"),
        (lambda: decode_row(bytes(31), 1), "hash tile", "length"),
        (lambda: encode_bundle([bytes(65_536)]), "entry bundle", "entry too long"),
        (lambda: decode_bundle(b"\x00\x01", 1), "entry bundle", "length"),
    ],
)
def test_format_error_names_the_thing_and_the_problem(
    work: Callable[[], object], what: str, problem: str
) -> None:
    with pytest.raises(FormatError) as caught:
        work()
    assert caught.value == FormatError(what, problem)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"{", "json"),
        (entry(1).replace(b'"v":1', b'"v":2'), "v"),
        (entry(1).replace(b"user:ann", b'user:\\"ann'), "actor"),
        (entry(1) + b" ", "spelling"),
        (entry(1).replace(b'"n":1', b'"a":1'), "spelling"),
    ],
)
def test_an_entry_that_is_not_canonical_names_its_field(data: bytes, field: str) -> None:
    with pytest.raises(EntryError) as caught:
        parse_entry(data)
    assert caught.value == EntryError(field)


def test_the_fast_check_names_details_out_of_order() -> None:
    data = entry(1).replace(b'"batch":"b-1","n":1', b'"n":1,"batch":"b-1"')
    with pytest.raises(EntryError) as caught:
        check_entry(data)
    assert caught.value == EntryError("detail")


def sized(size: int) -> Entry:
    """An entry of so many bytes when formatted."""
    base = tuple((f"k{n:03d}", "x" * 250) for n in range(250))
    missing = size - len(format_entry(Entry(**GOOD, detail=base)))
    parts = (*base, ("l", "x" * 200), ("m", "x" * (missing - 200 - 2 * len(',"l":""'))))
    return Entry(**GOOD, detail=parts)


def test_the_longest_entry_has_65535_bytes() -> None:
    data = format_entry(sized(MAX_BYTES))
    assert len(data) == MAX_BYTES
    check_entry(data)
    assert decode_bundle(encode_bundle([data]), 1) == [data]
    with pytest.raises(EntryError) as caught:
        format_entry(sized(MAX_BYTES + 1))
    assert caught.value == EntryError("detail")


def test_integers_of_details_fill_64_bits() -> None:
    least = Entry(**GOOD, detail=(("a", -(1 << 63)), ("b", (1 << 63) - 1)))
    assert parse_entry(format_entry(least)) == least
    with pytest.raises(EntryError):
        Entry(**GOOD, detail=(("a", -(1 << 63) - 1),))


FIELDS = {
    name: Entry(**{**GOOD, name: value})
    for name, value in {
        "id": "0" * 32,
        "type": "ab_c:d_ef",
        "actor": "user:ann, +=@/._-",
        "decision": "deny",
        "role": "r",
        "purpose": "p",
        "basis": "b",
        "policy": "sha256:0",
        "rule": "r:s",
        "resource": "d/x",
        "tag": "ff",
        "payload": "sha256:1",
        "subjects": 10**17,
        "rho": 7,
    }.items()
}
DETAILS: list[Detail] = [
    (),
    (("a", "x"),),
    (("", ""),),
    (("a", 0),),
    (("a", -12),),
    (("a", 1), ("b", "y"), ("c", 0)),
]


def test_entries_of_every_shape_take_the_fast_way() -> None:
    """The grammar admits them, so that verification stays within its bar; the parser agrees."""
    fast = _fast_pattern()
    assert fast.groups == 1  # that of several details, whose order is checked besides
    everything = Entry(**{name: getattr(item, name) for name, item in FIELDS.items()}, at=GOOD["at"])
    days = [
        (month, day) for month in range(1, 13) for day in range(1, calendar.monthrange(2026, month)[1] + 1)
    ]
    instants = [datetime(2026, month, day, 23, 59, 59, 999_999, tzinfo=UTC) for month, day in days]
    for item in (
        everything,
        *FIELDS.values(),
        *(Entry(**GOOD, detail=detail) for detail in DETAILS),
        *(Entry(**{**GOOD, "at": at}) for at in instants),
    ):
        data = format_entry(item)
        assert fast.fullmatch(data), data
        assert parse_entry(data) == item


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"id":"1"', b'"id":""'),
        (b'"id":"1",', b""),
        (b'"actor":"x"', b'"actor":""'),
        (b',"actor":"x"', b""),
        (b'"actor":"x"', b'"actor":"x","actor":"x"'),
        (b'"type":"a:b"', b'"type":"a:b:c"'),
        (b'"type":"a:b"', b'"type":"' + b"a" * 255 + b':b"'),
        (b'"decision":"allow"', b'"decision":"maybe"'),
        (b'"decision":"allow"', b'"decision":""'),
        (b'"subjects":3', b'"subjects":03'),
        (b'"subjects":3', b'"subjects":0'),
        (b'"subjects":3', b'"subjects":3,"subjects":3'),
        (b"2026-01-02", b"2026-13-02"),
        (b"2026-01-02", b"2026-04-31"),
        (b"2026-01-02", b"2026-02-29"),
        (b"T00:", b"T24:"),
        (b".000000", b".00000"),
        (b'{"a":1}', b'{"a":01}'),
        (b'{"a":1}', b"{}"),
        (b'{"v":1', b'{"v":2'),
    ],
)
def test_the_fast_grammar_admits_nothing_else(old: bytes, new: bytes) -> None:
    data = format_entry(Entry(**GOOD, subjects=3, detail=(("a", 1),)))
    changed = data.replace(old, new)
    assert changed != data
    assert _fast_pattern().fullmatch(changed) is None
    with pytest.raises(EntryError):
        check_entry(changed)


def test_digest_is_sha256_in_lower_case_hexadecimal() -> None:
    assert digest(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest(b"abc") == f"sha256:{hashlib.sha256(b'abc').hexdigest()}"


def test_a_perfect_subtree_has_a_power_of_two_of_leaves() -> None:
    with pytest.raises(ValueError, match="shorter"):
        perfect_root([LEAF, OTHER, LEAF])


def test_refused_proofs_name_place_and_sizes() -> None:
    with pytest.raises(InclusionError) as inclusion:
        verify_inclusion(LEAF, 1, 2, (OTHER,), LEAF)
    assert inclusion.value == InclusionError(1, 2)
    with pytest.raises(ConsistencyError) as consistency:
        verify_consistency(1, 2, LEAF, LEAF, (OTHER,))
    assert consistency.value == ConsistencyError(1, 2)


def test_the_place_after_the_last_is_not_in_the_tree() -> None:
    with pytest.raises(InclusionError):
        verify_inclusion(LEAF, 1, 1, (OTHER,), node_hash(OTHER, LEAF))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (FIRST + encode_group(10, [entry(10)]), f"entries out of order at byte {len(FIRST)}"),
        (b"X" + FIRST, "damaged at byte 0"),
        (b"X" + FIRST + b"FDS1 torn", "damaged at byte 0"),
        (FIRST + b"XX" + SECOND, f"damaged at byte {len(FIRST)}"),
        (FIRST[:-1] + SECOND + SECOND[:9], "damaged at byte 0"),
    ],
)
def test_damage_of_the_segment_is_located(data: bytes, problem: str) -> None:
    with pytest.raises(LogCorruptError) as caught:
        scan(data)
    assert caught.value == LogCorruptError("pending", problem)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_group_with_a_true_checksum_and_a_false_count_is_none(count: int) -> None:
    body = encode_bundle(entries(0, 2))
    fields = struct.pack(">QII", 0, count, len(body))
    data = b"FDS1" + fields + zlib.crc32(body, zlib.crc32(fields)).to_bytes(4) + body
    assert scan(data) == ((), 0)


def test_a_tree_on_disk_names_the_tile_that_is_missing_or_cut() -> None:
    def missing(path: str) -> bytes:
        raise FileNotFoundError(path)

    for read, problem in ((missing, "missing"), (lambda _: b"short", "length")):
        tree = TreeReader(300, read)
        with pytest.raises(LogCorruptError) as hashes:
            tree.node(0, 256)
        assert hashes.value == LogCorruptError("tile/0/001.p/44", problem)
        with pytest.raises(LogCorruptError) as bundle:
            tree.entry(3)
        assert bundle.value == LogCorruptError("tile/entries/000", problem)


def test_a_tree_on_disk_has_no_entry_outside_it() -> None:
    for index in (-1, 3):
        with pytest.raises(NotSealedError) as caught:
            TreeReader(3, lambda _: b"").entry(index)
        assert caught.value == NotSealedError(index, 3)


def test_a_tree_of_three_levels_is_read_at_its_right_edge() -> None:
    size = 66_100
    hashes = leaf_hashes([b"%d" % n for n in range(size)])
    files, rows = grow(0, [], hashes)
    tree = TreeReader(size, files.__getitem__)
    assert tuple(map(len, tree.rows())) == row_widths(size)
    assert tree.rows() == rows
    assert tree.root() == root_of(frontier(rows))
    proof = consistency_proof(65_900, size, tree.node)
    verify_consistency(65_900, size, root_of(frontier([hashes[:65_900]])), tree.root(), proof)
