"""The tables of a bundle as Parquet: the CSV's rows with types, the same bytes every time, read by others."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes.behaviour_facts import report

from service.reporting.document import Column, Source, Table, Text
from service.reporting.tabular import SUPPRESSED, format_csv, format_parquet
from service.reporting.words import NOT_APPLICABLE

ROOT = Path(__file__).resolve().parents[4]
KINDS = ("text", "name", "code", "count", "people", "money", "share", "number", "micro", "date")
HIDDEN = "_suppressed"
Row = dict[str, object]


def table() -> Table:
    """A column of every kind; a row of values, one suppressed, one that does not apply."""
    values = (
        Text("女", "Female"), "=SUM(A1)", "ab" * 32, 12, 2**53 + 1, -9_007_199_254_740_993, 0.1 + 0.2, 2.5, 1,
        date(2005, 4, 1),
    )  # fmt: skip
    columns = tuple(Column(kind, Text(kind, kind), kind) for kind in KINDS)  # type: ignore[arg-type]
    nothing, empty = (None,) * len(KINDS), (NOT_APPLICABLE,) * len(KINDS)
    return Table("t", Text("表", "table"), Source("a.b@1", ("c@1",)), columns, (values, nothing, empty))


def by_polars(data: bytes) -> list[Row]:
    return pl.read_parquet(data).to_dicts()


def by_pyarrow(data: bytes) -> list[Row]:
    rows: list[Row] = pq.read_table(io.BytesIO(data)).to_pylist()
    return rows


def by_duckdb(data: bytes, folder: Path) -> list[Row]:
    (folder / "t.parquet").write_bytes(data)
    found = duckdb.read_parquet(str(folder / "t.parquet"))
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def test_three_readers_find_the_exact_values(tmp_path: Path) -> None:
    data = format_parquet(table())
    first = {
        "text": "Female", "name": "=SUM(A1)", "code": "ab" * 32, "count": 12, "people": 2**53 + 1,
        "money": -9_007_199_254_740_993, "share": 0.1 + 0.2, "number": 2.5, "micro": 1,
        "date": date(2005, 4, 1), HIDDEN: [],
    }  # fmt: skip
    nothing = dict.fromkeys(KINDS)
    wanted = [first, nothing | {HIDDEN: list(KINDS)}, nothing | {HIDDEN: []}]
    assert by_polars(data) == by_pyarrow(data) == by_duckdb(data, tmp_path) == wanted


def test_types_are_those_of_the_kinds_whatever_the_rows() -> None:
    whole, empty = table(), table().rows[1:]
    types = {"share": pa.float64(), "date": pa.date32(), HIDDEN: pa.large_list(pa.large_string())}
    types |= {kind: pa.int64() for kind in ("count", "people", "money", "micro")}
    for rows in (whole.rows, empty, ()):
        other = Table("t", whole.title, whole.source, whole.columns, rows)
        schema = pq.read_schema(io.BytesIO(format_parquet(other)))
        assert {name: schema.field(name).type for name in types} == types
        assert schema.names == [*KINDS, HIDDEN]
    assert pq.read_schema(io.BytesIO(format_parquet(whole))).field("number").type == pa.float64()


def agree(one: Table, parquet: bytes) -> bool:
    """Whether every cell is suppressed, absent or the same as in the CSV."""
    lines = list(csv.DictReader(io.StringIO(format_csv(one).decode())))
    rows = by_polars(parquet)
    if len(lines) != len(rows):
        return False
    for line, row in zip(lines, rows, strict=True):
        hidden = row.pop(HIDDEN)
        assert isinstance(hidden, list)
        said = {
            key: SUPPRESSED if key in hidden else "" if value is None else str(value)
            for key, value in row.items()
        }
        if said != {key: cell.removeprefix("'") for key, cell in line.items()}:
            return False
    return True


Format = Callable[[Table], bytes]


def shows_what_is_hidden(one: Table) -> bytes:
    """Broken: a suppressed cell is a zero."""
    rows = tuple(tuple(0 if cell is None else cell for cell in row) for row in one.rows)
    numbers = tuple(c for c in one.columns if c.kind not in {"text", "name", "code", "date"})
    kept = [n for n, c in enumerate(one.columns) if c in numbers]
    return format_parquet(
        Table("t", one.title, one.source, numbers, tuple(tuple(r[n] for n in kept) for r in rows))
    )


def test_what_is_suppressed_in_the_csv_is_suppressed_here_and_nothing_else_differs() -> None:
    tables = [table(), *report().tables()]
    assert any(cell is None for one in tables[1:] for row in one.rows for cell in row)
    assert all(agree(one, format_parquet(one)) for one in tables)
    assert not agree(table(), shows_what_is_hidden(table()))


@pytest.mark.parametrize("threads", ["1", "4"])
def test_another_process_gives_the_same_bytes(tmp_path: Path, threads: str) -> None:
    code = (
        "from pathlib import Path; from fakes.behaviour_facts import report; "
        "from service.reporting.tabular import format_parquet; "
        "Path('out').write_bytes(b''.join(format_parquet(t) for t in report().tables()))"
    )
    path = f"{ROOT}:{ROOT / 'tests'}"
    environment = {"PYTHONPATH": path, "PYTHONHASHSEED": threads, "POLARS_MAX_THREADS": threads}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=os.environ | environment, check=True)
    assert (tmp_path / "out").read_bytes() == b"".join(format_parquet(t) for t in report().tables())
