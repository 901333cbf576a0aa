"""Workbooks become the rows that they show, or are refused with a reason."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, BinaryIO

import polars as pl
import pytest
from fakes.contracts import COLUMNS, make_contract
from fakes.workbooks import make_workbook, patched
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet

from service.adapters.connectors.xlsx import read_xlsx
from service.errors import ContractError

CONTRACT = make_contract()
HEADER: list[object] = [c.name for c in COLUMNS]
DAY = date(2005, 4, 1)
GOOD: list[object] = ["15400000001", DAY, "phone", 7, "hello"]
SHEET = "xl/worksheets/sheet1.xml"


def refusal(book: BinaryIO) -> ContractError:
    """Why a workbook is refused."""
    with pytest.raises(ContractError) as refused:
        read_xlsx(book, CONTRACT)
    return refused.value


def rules(rejected: pl.DataFrame) -> list[tuple[int, str, str]]:
    """Row, rule and column of every rejected row."""
    return list(rejected.select("_row", "rule", "column").iter_rows())


def test_a_table_becomes_typed_rows() -> None:
    frame, rejected = read_xlsx(make_workbook([HEADER, GOOD, GOOD[::-1]]), CONTRACT)
    assert frame.schema == {
        "_row": pl.UInt32,
        "mobile": pl.String,
        "day": pl.Date,
        "channel": pl.String,
        "amount": pl.Int64,
        "text": pl.String,
    }
    assert frame.rows() == [(1, "15400000001", DAY, "phone", 7, "hello")]
    assert rules(rejected) == [(2, "not_a_date", "day")]


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("mobile", 15400000001, "15400000001"),
        ("mobile", 154000000012345, "154000000012345"),
        ("mobile", "6222021234567890123", "6222021234567890123"),
        ("mobile", "001", "001"),
        ("mobile", " 1 ", " 1 "),
        ("day", datetime(2005, 4, 1), DAY),  # noqa: DTZ001  spreadsheets know no zone
        ("day", "2005-04-01", DAY),
        ("amount", 1.0, 1),
        ("amount", 1e15, 10**15),
        ("amount", -(2**53) + 1, -(2**53) + 1),
        ("amount", "-3", -3),
        ("text", 12, "12"),
        ("text", "<b>&amp; 王芳\nx", "<b>&amp; 王芳\nx"),
        ("text", None, None),
        ("text", "", None),
    ],
)
def test_a_cell_is_the_text_it_stands_for(column: str, cell: object, value: object) -> None:
    row = [cell if name == column else good for name, good in zip(HEADER, GOOD, strict=True)]
    frame, rejected = read_xlsx(make_workbook([HEADER, row, GOOD]), CONTRACT)
    assert rules(rejected) == []
    assert frame[column][0] == value


@pytest.mark.parametrize(
    ("column", "cell", "rule"),
    [
        ("mobile", 6222021234567890123, "rounded_number"),
        ("mobile", 6222021234567890, "rounded_number"),
        ("text", 6222021234567890, "rounded_number"),
        ("amount", 2**53, "rounded_number"),
        ("amount", "9" * 20, "integer_out_of_range"),
        ("amount", 1.5, "not_an_integer"),
        ("amount", "1e3", "not_an_integer"),
        ("amount", None, "missing_value"),
        ("day", datetime(2005, 4, 1, 12, 30), "not_a_date"),  # noqa: DTZ001
        ("day", timedelta(hours=30), "not_a_date"),
        ("day", 38443, "not_a_date"),
        ("channel", "fax", "unknown_category"),
        ("mobile", "1_x0000_", "control_character"),
    ],
)
def test_a_row_that_does_not_fit_is_set_aside(column: str, cell: object, rule: str) -> None:
    row = [cell if name == column else good for name, good in zip(HEADER, GOOD, strict=True)]
    frame, rejected = read_xlsx(make_workbook([HEADER, GOOD, row, GOOD]), CONTRACT)
    assert frame["_row"].to_list() == [1, 3]
    assert rules(rejected) == [(2, rule, column)]


def test_empty_rows_are_counted_but_are_no_rows() -> None:
    frame, rejected = read_xlsx(make_workbook([[], HEADER, GOOD, [], [""] * 5, GOOD]), CONTRACT)
    assert frame["_row"].to_list() == [1, 4]
    assert rules(rejected) == []


def test_dates_of_the_1904_calendar_and_iso_dates_are_the_same_days() -> None:
    def old(sheet: Worksheet) -> None:
        book: Any = sheet.parent
        book.epoch = CALENDAR_MAC_1904

    def iso(sheet: Worksheet) -> None:
        book: Any = sheet.parent
        book.iso_dates = True

    for change in (old, iso):
        frame, _ = read_xlsx(make_workbook([HEADER, GOOD], change=change), CONTRACT)
        assert frame["day"].to_list() == [DAY]


def test_a_formula_is_the_value_stored_with_it() -> None:
    book = patched(make_workbook([HEADER, GOOD]), SHEET, b"<v>7</v>", b"<f>3+4</f><v>7</v>")
    assert read_xlsx(book, CONTRACT)[0]["amount"].to_list() == [7]
    book = patched(
        make_workbook([HEADER, GOOD]), SHEET, b't="n"><v>7</v>', b't="str"><f>"7"&amp;"1"</f><v>71</v>'
    )
    assert read_xlsx(book, CONTRACT)[0]["amount"].to_list() == [71]


def hide(sheet: Worksheet) -> None:
    """Hide the first sheet."""
    sheet.sheet_state = "hidden"


def test_the_one_visible_sheet_with_the_columns_is_read() -> None:
    note: list[list[object]] = [["This file was made on", "2005-04-01"]]
    frame, _ = read_xlsx(make_workbook(note, [HEADER, GOOD], []), CONTRACT)
    assert frame.height == 1
    frame, _ = read_xlsx(make_workbook([HEADER, GOOD, GOOD], [HEADER, GOOD], change=hide), CONTRACT)
    assert frame.height == 1
    assert "several" in refusal(make_workbook([HEADER, GOOD], [HEADER, GOOD])).reason
    assert "no visible" in refusal(make_workbook([HEADER, GOOD], note, change=hide)).reason
    assert "no visible" in refusal(make_workbook([])).reason


@pytest.mark.parametrize(
    "header",
    [[*HEADER, "extra"], HEADER[:-1], [*HEADER, "text"], [*HEADER[:-1], None], ["Mobile", *HEADER[1:]]],
)
def test_other_columns_refuse_the_file(header: list[object]) -> None:
    refusal(make_workbook([header, [*GOOD, "more"]]))


def merge(sheet: Worksheet) -> None:
    """Merge two cells of the first data row."""
    sheet.merge_cells("D2:E2")


def error(sheet: Worksheet) -> None:
    """Put an error value into a column that may be empty."""
    sheet["E2"] = "#N/A"


def formula(sheet: Worksheet) -> None:
    """A formula as a program writes it that cannot compute."""
    sheet["E2"] = "=1+1"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (merge, "merged cells"),
        (error, "an error value in a cell"),
        (formula, "a formula without a stored value"),
    ],
)
@pytest.mark.parametrize("n_rows", [1, 30_000])
def test_what_would_be_read_wrongly_refuses_the_file(
    change: Callable[[Worksheet], None], found: str, n_rows: int
) -> None:
    rows = [HEADER, *[["15400000001", "2005-04-01", "phone", 7, None]] * n_rows]
    assert refusal(make_workbook(rows, change=change)).fields == {"found": found}


def test_other_sheets_may_look_as_they_like() -> None:
    def cover(sheet: Worksheet) -> None:
        sheet.merge_cells("A1:C1")
        sheet["A2"] = "#N/A"

    frame, _ = read_xlsx(make_workbook([["Statements 2005"]], [HEADER, GOOD], change=cover), CONTRACT)
    assert frame.height == 1


@pytest.mark.parametrize(
    "entity", ['<!ENTITY a "AAAA">', '<!ENTITY a SYSTEM "file:///etc/hostname">', '<!ENTITY % a SYSTEM "x">']
)
def test_a_document_type_definition_refuses_the_file(entity: str) -> None:
    book = make_workbook([HEADER, GOOD])
    book = patched(book, SHEET, b"<worksheet", f"<!DOCTYPE x [{entity}]><worksheet".encode())
    book = patched(book, SHEET, b"hello", b"&a;")
    assert refusal(book).fields == {"found": "a document type definition, or not UTF-8"}
    with zipfile.ZipFile(book) as parts:
        content = parts.read(SHEET)
    utf16 = content.decode().encode("utf-16")
    assert "not UTF-8" in str(refusal(patched(book, SHEET, content, utf16)).fields["found"])


def test_macros_and_links_to_other_workbooks_are_not_looked_at() -> None:
    book = io.BytesIO(make_workbook([HEADER, GOOD]).read())
    with zipfile.ZipFile(book, "a") as parts:
        parts.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 not a macro")
        parts.writestr("xl/externalLinks/externalLink1.xml", b"<externalLink/>")
    book.seek(0)
    assert read_xlsx(book, CONTRACT)[0].height == 1


def test_a_far_cell_does_not_take_the_memory_of_the_machine() -> None:
    far = b'<row r="1048576"><c r="XFD1048576" t="n"><v>1</v></c></row></sheetData>'
    assert "memory" in refusal(patched(make_workbook([HEADER, GOOD]), SHEET, b"</sheetData>", far)).reason


def test_a_long_text_that_many_cells_share_does_not_either() -> None:
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(3, 30_000))
    strings = f"<sst><si><t>{'a' * 10**6}</t></si></sst>"
    book = patched(make_workbook([HEADER, GOOD]), SHEET, b"</sheetData>", f"{cells}</sheetData>".encode())
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    more = f'<Relationship Id="rId99" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
    book = io.BytesIO(patched(book, "xl/_rels/workbook.xml.rels", b"</Relationships>", more.encode()).read())
    with zipfile.ZipFile(book, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/sharedStrings.xml", strings)
    book.seek(0)
    assert "memory" in refusal(book).reason


def test_a_bomb_is_refused_before_it_is_parsed() -> None:
    book = io.BytesIO(make_workbook([HEADER, GOOD]).read())
    with zipfile.ZipFile(book, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/media/image1.png", bytes(2**25))
    book.seek(0)
    assert "inflates" in refusal(book).reason


def test_a_part_that_lies_about_its_size_is_refused() -> None:
    data = bytearray(make_workbook([HEADER, GOOD]).read())
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        size = book.getinfo(SHEET).file_size.to_bytes(4, "little")
    assert size in data
    refusal(io.BytesIO(bytes(data.replace(size, (10).to_bytes(4, "little")))))


def test_what_is_no_workbook_is_refused() -> None:
    whole = make_workbook([HEADER, GOOD]).read()
    encrypted = bytearray(whole)
    at = encrypted.rfind(b"PK\x01\x02")
    encrypted[at + 8] |= 1
    cases = [
        b"",
        b"PK",
        b"a,b\n1,2\n",
        whole[: len(whole) // 2],
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    ]
    for case in [*cases, bytes(encrypted)]:
        refusal(io.BytesIO(case))
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as parts:
        parts.writestr("x", "y")
    empty.seek(0)
    refusal(empty)
