"""Where a source is cut into blocks and chunks changes neither its text nor its rows nor its errors."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import AnyStr

import polars as pl
from fakes.batches import BUCKETS, admitted, expected, ledger_contract, live, pseudonym
from fakes.contracts import GOOD, HEADER, make_contract
from fakes.intake import joined
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from service.adapters.connectors.delimited import read_delimited
from service.adapters.connectors.encodings import decide_encoding, text_of
from service.adapters.connectors.jsonl import read_jsonl
from service.adapters.events.store import DeltaEventStore
from service.errors import ContractError

CONTRACT = make_contract()
lines = st.lists(
    st.sampled_from([GOOD, f'{GOOD[:-5]}"two\nlines"', f'{GOOD[:-5]}"say ""hi"""', "x,y", "", '"', "张,三"]),
    max_size=20,
)
objects = st.lists(
    st.sampled_from(
        ['{"mobile": "1"}', '{"mobile": "1", "text": "张"}', "[]", "", '{"mobile": 1, "day": "x"}']
    ),
    max_size=20,
)
cuts = st.lists(st.integers(1, 60), min_size=1, max_size=10)


def cut(whole: AnyStr, sizes: Sequence[int]) -> list[AnyStr]:
    """The whole in pieces of these sizes, again and again."""
    pieces: list[AnyStr] = []
    at = 0
    while at < len(whole):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(whole[at : at + size])
        at += size
    return pieces


@settings(deadline=None)
@given(lines, cuts)
def test_rows_of_a_csv_file_do_not_depend_on_its_blocks(body: list[str], sizes: list[int]) -> None:
    text = "\n".join([HEADER, *body])

    whole = joined(read_delimited([text], CONTRACT, separator=","))
    chunked = joined(read_delimited(cut(text, sizes), CONTRACT, separator=","))

    for one, other in zip(whole, chunked, strict=True):
        assert_frame_equal(one, other)


@settings(deadline=None)
@given(objects, cuts)
def test_rows_of_a_json_lines_file_do_not_depend_on_its_blocks(body: list[str], sizes: list[int]) -> None:
    text = "\n".join(body)
    results: list[object] = []
    for pieces in ([text] if text else [], cut(text, sizes)):
        try:
            typed, rejected = joined(read_jsonl(pieces, CONTRACT))
            results.append((typed.rows(), rejected.rows()))
        except ContractError as error:
            results.append((error.reason, dict(error.fields)))

    assert results[0] == results[1]


@given(
    st.text(max_size=60) | st.text("王芳客户来电账单"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030", "cp950"]),
    st.binary(max_size=3),
    st.lists(st.integers(3, 20), min_size=1, max_size=6),
)
def test_text_and_faults_do_not_depend_on_the_blocks(
    text: str, codec: str, tail: bytes, sizes: list[int]
) -> None:
    data = text.encode(codec, errors="ignore") + tail
    results: list[object] = []
    for pieces in ([data], cut(data, sizes)):
        try:
            encoding = decide_encoding(lambda pieces=pieces: pieces)  # type: ignore[misc]  # bound on purpose
            results.append((encoding, "".join(text_of(pieces, encoding))))
        except ContractError as error:
            results.append((error.reason, dict(error.fields)))

    assert results[0] == results[1]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.dates(date(2026, 1, 1), date(2026, 2, 28)), st.integers(0, 99)),
        min_size=1, max_size=40,
    ),
    st.integers(1, 7),
    st.sampled_from([0, 1 << 30]),
)  # fmt: skip
def test_a_batch_in_parts_is_the_batch_whether_spilled_or_not(
    rows: list[tuple[int, date, int]], size: int, in_memory: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = DeltaEventStore(Path(folder), BUCKETS, in_memory=in_memory)
        batch = admitted("a", rows)
        for _ in range(2):  # the second time changes nothing
            with store.stage(batch.id, batch.contract) as stage:
                for at in range(0, len(rows), size):
                    stage.add(admitted("a", rows[at : at + size], rejected=[1, None]))
                done = stage.commit()

            assert live(store.scan("ledger").collect()) == expected(rows)
            assert (done.rows, done.subjects) == (len(rows), len({subject for subject, _, _ in rows}))
        parts = -(-len(rows) // size)
        assert store.scan("quarantine_ledger").collect().height == 2 * parts
        assert not list(Path(folder, "_staging").iterdir())


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.dates(date(2026, 1, 1), date(2026, 1, 4))), max_size=30),
    st.lists(st.tuples(st.integers(0, 5), st.dates(date(2026, 1, 1), date(2026, 1, 4))), max_size=30),
)
def test_a_row_that_repeats_one_in_the_unique_columns_is_set_aside(
    first: list[tuple[int, date]], second: list[tuple[int, date]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = DeltaEventStore(Path(folder), BUCKETS)
        contract = ledger_contract(unique_by=("booked_on",))
        duplicates = 0
        for name, rows in (("a", first), ("b", second)):
            batch = admitted(name, [(s, day, n) for n, (s, day) in enumerate(rows)], contract=contract)
            with store.stage(batch.id, contract) as stage:
                stage.add(batch)
                duplicates += stage.commit().duplicates

        kept = {(pseudonym(s), day) for s, day in first + second}
        stored = store.scan("ledger").select("_sp", "booked_on").collect().rows()
        assert len(stored) == len(kept)
        assert set(stored) == kept
        assert duplicates == len(first) + len(second) - len(kept)
        if duplicates:
            rules = store.scan("quarantine_ledger").collect()["rule"]
            assert rules.to_list() == ["duplicate"] * duplicates


def test_who_is_gone_when_the_batch_is_committed_is_left_out(tmp_path: Path) -> None:
    store = DeltaEventStore(tmp_path, BUCKETS)
    batch = admitted("a", [(n, date(2026, 1, 1), n) for n in range(10)])
    with store.stage(batch.id, batch.contract) as stage:
        stage.add(batch)
        done = stage.commit(lambda: pl.DataFrame({"_sp": [pseudonym(n) for n in range(7)]}))

    assert (done.rows, done.withheld) == (7, 3)
    assert store.residue([pseudonym(8)]) == ()
