"""Read Excel workbooks (``.xlsx``): one table, its header in the first row that holds anything.

Of several visible sheets exactly one may have a column of the contract in its first row, and without a
contract exactly one may be filled; hidden sheets are not read, macros and links to other workbooks not looked
at. A cell is read as the text that it stands for: ``1.0`` and ``1E+3`` are ``1`` and ``1000``, a date is
``YYYY-MM-DD``, a formula is the value that the spreadsheet program stored with it. An empty row is no row,
but it is counted by ``_row``. Rules beside those of ``rows``:

``rounded_number``  16 digits or more that are stored as a number. The format keeps 15, the rest is gone: a
                    card number must be a cell of type text. An integer below 2^53 is still exact.

What would be read wrongly refuses the file: in its sheet error values (``#N/A``), merged cells and formulas
without a stored value; anywhere encryption and document type definitions. Before anything is parsed all parts
are inflated and counted.
"""

from __future__ import annotations

import io
import posixpath
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, Final
from xml.etree import ElementTree as ET

import polars as pl

from service.adapters.connectors import xlsx_child
from service.adapters.connectors.rows import split, type_rows
from service.adapters.connectors.source import check_columns
from service.domain.contracts import Column, DatasetContract, Kind
from service.errors import ContractError

MAX_INFLATED: Final = 2**30
MAX_RATIO: Final = 200
_SMALL: Final = 2**24  # the ratio of less than this harms nobody
_PIECE: Final = 2**20
_EXACT: Final = 2**53
_EXITS: Final = {
    xlsx_child.NO_SHEET: "no visible sheet has the table: a column of the contract in its first row",
    xlsx_child.MANY_SHEETS: "several visible sheets may be the table",
}
_DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, LookupError, OSError, RuntimeError, SyntaxError, ValueError,
)  # fmt: skip
_DTD: Final = "a document type definition, or not UTF-8"
_C: Final = rb"<(?:\w+:)?c"
_V: Final = rb"(?:\w+:)?v"
#: Fault, byte strings of which one is there (quick to look for), pattern.
_FAULTS: Final = (
    (
        _DTD,
        (b"<!", b"\0<", b"<\0", b"\xff\xfe", b"\xfe\xff"),
        rb"<!(?:DOCTYPE|ENTITY)|\A(?:\xff\xfe|\xfe\xff|<\0|\0<)",
    ),
    ("an error value in a cell", (b'"e"', b"'e'"), _C + rb"\s[^<>]*\bt\s*=\s*[\"']e[\"']"),
    ("merged cells", (b"mergeCell ",), rb"<(?:\w+:)?mergeCell\s"),
    (
        "a formula without a stored value",
        (b"<f", b":f"),
        _C + rb"(?![^<>]*\bt=\"str\")[^<>]*>\s*<(?:\w+:)?f\b(?:[^<>]*/>|[^<>]*>[^<]*</(?:\w+:)?f>)\s*"
        rb"(?:<" + _V + rb"\s*/>|<" + _V + rb">\s*</" + _V + rb">)?\s*</(?:\w+:)?c>",
    ),
)


def read_xlsx(file: BinaryIO, contract: DatasetContract) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Typed and rejected rows of the workbook. Raises ContractError for the file as a whole."""
    cells, used = _cells(file.read(), [c.name for c in contract.columns])
    check_columns([str(s[0] or "") for s in used], contract)
    whole = [s[1:].alias(s[0]) for s in used]
    whole += [cells[f"{s.name}#"][1:].alias(f"{s[0]}#") for s in used if f"{s.name}#" in cells.columns]
    frame = pl.DataFrame(whole).with_row_index("_row", offset=1)
    frame = frame.with_columns(_date(c.name) for c in contract.columns if c.kind is Kind.DATE)
    filled = frame.filter(pl.any_horizontal(pl.col(c.name).is_not_null() for c in contract.columns))
    tests = [(c.name, _rounded(c)) for c in contract.columns if f"{c.name}#" in frame.columns]
    exact, rounded = split(filled, tests)
    return type_rows(exact, contract, rounded)


def read_sheet(data: bytes) -> pl.DataFrame:
    """The one filled sheet as text. Raises ContractError."""
    _, used = _cells(data, [])
    names = [str(s[0] or "") for s in used]
    if "" in names or len(set(names)) < len(names):
        raise ContractError("the first row names every column, each once")
    return pl.DataFrame([s[1:].alias(s[0]) for s in used]).with_columns(_date(name) for name in names)


def _cells(data: bytes, columns: list[str]) -> tuple[pl.DataFrame, list[pl.Series]]:
    """The sheet that has one of the columns, header in the first row; and its columns that hold anything."""
    try:
        faults = _look_through(data)
        cells, part = _parse(data, columns)
    except _DAMAGED:
        raise ContractError("not an XLSX workbook, damaged or encrypted") from None
    if part in faults:
        raise ContractError("the sheet cannot be read without guessing", found=faults[part])
    return cells, [s for s in cells if not s.name.endswith("#") and s.null_count() < cells.height]


def _rounded(column: Column) -> pl.Expr:
    """``rounded_number`` where a cell is a number whose digits are gone."""
    value = pl.col(column.name)
    gone = value.str.contains("^-?[0-9]{16,}$") & pl.col(f"{column.name}#")
    if column.kind is Kind.INTEGER:
        gone &= value.cast(pl.Float64, strict=False).abs() >= _EXACT
    return pl.when(gone).then(pl.lit("rounded_number"))


def _date(name: str) -> pl.Expr:
    """A day without its midnight; any other time of day stays, and is then not a date."""
    return pl.col(name).str.replace("^([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]00:00:00$", "$1")


def _look_through(data: bytes) -> dict[str, str]:
    """Inflate every part under a limit; by part, what would be read wrongly."""
    total, faults = 0, dict[str, str]()
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        for part in book.infolist():
            with book.open(part) as stream:
                for text, size in _pieces(stream):
                    total += size
                    if total > min(MAX_INFLATED, max(_SMALL, MAX_RATIO * len(data))):
                        raise ContractError("the workbook inflates to too much", limit=MAX_INFLATED)
                    found = [
                        fault
                        for fault, signs, pattern in _FAULTS
                        if any(sign in text for sign in signs) and re.search(pattern, text)
                    ]
                    if _DTD in found:
                        raise ContractError("the workbook cannot be read safely", found=_DTD)
                    faults |= {part.filename: found[0]} if found else {}
    return faults


def _pieces(part: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """A part in pieces that end where a row does, each with the number of bytes read for it."""
    rest = b""
    while piece := part.read(_PIECE):
        text = rest + piece
        cut = max(text.rfind(b"row>"), len(text) - _PIECE, 0)
        yield text[:cut], len(piece)
        rest = text[cut:]
    yield rest, 0


def _parse(data: bytes, columns: list[str]) -> tuple[pl.DataFrame, str]:
    """The cells of the sheet, and the name of its part."""
    child = [sys.executable, "-I", str(Path(xlsx_child.__file__)), *columns]
    environment = {"POLARS_MAX_THREADS": "1", "RUST_BACKTRACE": "0"}
    done = subprocess.run(child, input=data, capture_output=True, env=environment, check=False)
    if done.returncode != 0:
        reason = _EXITS.get(done.returncode, "not an XLSX workbook, damaged, or it needs too much memory")
        raise ContractError(reason)
    output = memoryview(done.stdout)
    index, cells = int.from_bytes(output[: xlsx_child.INDEX_BYTES]), output[xlsx_child.INDEX_BYTES :]
    with zipfile.ZipFile(io.BytesIO(data)) as book:  # no part has a document type definition
        sheets = ET.fromstring(book.read("xl/workbook.xml")).iterfind(".//{*}sheet")  # noqa: S314
        sheet = dict(list(sheets)[index].attrib)
        links = ET.fromstring(book.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    target = next((e.get("Target", "") for e in links if e.get("Id") in sheet.values()), "")
    return pl.read_ipc_stream(io.BytesIO(cells)), posixpath.normpath(posixpath.join("/xl", target))[1:]
