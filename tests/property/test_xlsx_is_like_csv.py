"""The same table gives the same rows as CSV and as XLSX; a damaged workbook is read or refused, no more."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from datetime import date
from pathlib import Path

import polars as pl
from fakes.contracts import COLUMNS, make_contract
from fakes.intake import read_all
from fakes.workbooks import make_workbook
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from service.adapters.connectors.xlsx import read_xlsx
from service.errors import ContractError

CONTRACT = make_contract()
HEADER = [c.name for c in COLUMNS]

_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=20
).filter(lambda text: not text.startswith(("=", "#")) and not re.search(r"_x[0-9A-Fa-f]{4}_", text))
_NUMBER = st.integers(-(10**15) + 1, 10**15 - 1)
_ROWS = st.tuples(
    st.one_of(st.from_regex(r"[0-9]{11,19}", fullmatch=True), _TEXT, st.integers(0, 10**15 - 1)),
    st.one_of(st.dates(date(1900, 3, 1)), st.dates(date(1900, 3, 1)).map(str), _TEXT),
    st.sampled_from(["phone", "chat", "fax", ""]),
    st.one_of(_NUMBER, _NUMBER.map(str), _NUMBER.map(float), _TEXT),
    st.one_of(st.none(), _TEXT),
).filter(lambda row: any(cell not in {None, ""} for cell in row))


def _shown(cell: object) -> str:
    return "" if cell is None else str(int(cell)) if isinstance(cell, float) else str(cell)


@settings(max_examples=12, deadline=None)
@given(st.lists(_ROWS, min_size=20, max_size=60))
def test_a_table_is_the_same_as_csv_and_as_xlsx(rows: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(
                [HEADER, *([_shown(cell) for cell in row] for row in rows)]
            )
        expected = read_all(path, CONTRACT)
    found = read_xlsx(make_workbook([HEADER, *rows]), CONTRACT)
    for mine, theirs in zip(found, expected, strict=True):
        assert_frame_equal(mine, theirs)


GOOD = make_workbook([HEADER, ["15400000001", date(2005, 4, 1), "phone", 7, "hello"]]).read()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_damaged_workbook_is_read_or_refused(changes: list[tuple[int, int]], cut: bool) -> None:  # noqa: FBT001
    data = bytearray(GOOD)
    for at, byte in changes:
        data[at] = byte
    try:
        frame, rejected = read_xlsx(io.BytesIO(data[: changes[0][0]] if cut else data), CONTRACT)
    except ContractError:
        return
    assert isinstance(frame, pl.DataFrame)
    assert frame.height + rejected.height == 1
