"""Whatever the bytes: rows in = typed rows + rejected rows; what a reference reader takes, we take."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import polars as pl
from fakes.contracts import GOOD, HEADER, make_contract
from fakes.intake import joined, read_all
from hypothesis import example, given
from hypothesis import strategies as st
from mutants.truncating_csv import read_truncating

from service.adapters.connectors.delimited import read_delimited
from service.adapters.connectors.jsonl import read_jsonl
from service.adapters.connectors.mojibake import MOJIBAKE
from service.errors import ContractError

CONTRACT = make_contract()
N_COLUMNS = len(CONTRACT.columns)

pieces = st.sampled_from(
    [
        GOOD,
        GOOD,
        GOOD,
        ",",
        '"',
        '""',
        "\n",
        "\r\n",
        "\r",
        "x",
        "7",
        "phone",
        "2005-04-01",
        "",
        "张",
        "\u2028",
        "\ufeff",
    ]
)
bodies = st.lists(pieces, max_size=12).map("".join)
texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters='\n\t",'), min_size=1
).filter(lambda text: not pl.Series([text]).str.contains(MOJIBAKE).item())


def _read(body: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    return joined(read_delimited([f"{HEADER}\n{body}"], CONTRACT, separator=","))


def _lines(text: str) -> int:
    return len(text.split("\n")) - text.endswith("\n") if text else 0


def _inner_line_ends(frame: pl.DataFrame) -> int:
    """Line ends inside taken fields; only free text may hold any."""
    return int(frame["text"].str.count_matches("\n", literal=True).sum() or 0)


@given(bodies)
@example(f'{GOOD}\n"{GOOD}\n{GOOD}')
@example(f'{GOOD}"\n\n{GOOD}"')
def test_every_line_of_a_broken_csv_is_counted_once(body: str) -> None:
    frame, rejected = _read(body)

    rows = sorted([*frame["_row"], *rejected["_row"]])
    assert rows == list(range(1, len(rows) + 1))
    n_lines = len(rows) + _inner_line_ends(frame)
    assert n_lines <= _lines(body)
    if rejected.filter(
        pl.col("column") != ""
    ).is_empty():  # else lines inside a rejected record are not seen here
        assert n_lines == _lines(body)


def test_the_count_finds_a_reader_that_cuts_ragged_rows() -> None:
    frame = read_truncating(f"{HEADER}\n{GOOD}\n{GOOD},surplus\n\n".encode(), CONTRACT)

    assert frame.height != _lines(f"{GOOD}\n{GOOD},surplus\n\n")
    assert frame.height == 2


@given(st.lists(texts, min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_well_formed_csv_is_taken_as_the_csv_module_takes_it(values: list[str], end: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(HEADER.split(","))
    writer.writerows([*GOOD.split(",")[:-1], value] for value in values)

    frame, rejected = joined(read_delimited([out.getvalue()], CONTRACT, separator=","))

    assert frame["text"].to_list() == values
    assert rejected.is_empty()


@given(st.lists(st.one_of(texts, st.text(max_size=5)), min_size=1, max_size=8))
def test_json_lines_lose_no_line(values: list[str]) -> None:
    good = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    lines = [
        json.dumps({**good, "text": v}, ensure_ascii=False) if i % 3 else v for i, v in enumerate(values, 1)
    ]
    body = "\n".join(lines)
    n_lines = _lines(body)

    try:
        frame, rejected = joined(read_jsonl([body], CONTRACT))
    except ContractError:
        return  # no line at all, or an encoding error: refused as a whole

    assert sorted([*frame["_row"], *rejected["_row"]]) == list(range(1, n_lines + 1))


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda b: b"PAR1" + b + b"PAR1"))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    for suffix in (".csv", ".tsv", ".jsonl", ".parquet"):
        try:
            read_as(suffix, data)
        except ContractError as refused:
            assert refused.reason  # noqa: PT017  any other exception fails the test


def read_as(suffix: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        path.write_bytes(data)
        read_all(path, CONTRACT)
