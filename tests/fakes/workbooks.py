"""Small workbooks made with openpyxl, and workbooks with a part changed by hand."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

Change = Callable[[Worksheet], None]


def make_workbook(
    rows: Iterable[Sequence[object]], *others: Iterable[Sequence[object]], change: Change | None = None
) -> BinaryIO:
    """One sheet of these rows, and a sheet for each of the others; ``change`` works on the first."""
    book = openpyxl.Workbook()
    first = book.active
    assert isinstance(first, Worksheet)
    for sheet, content in [(first, rows), *((book.create_sheet(), other) for other in others)]:
        for row in content:
            sheet.append(list(row))
    if change is not None:
        change(first)
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return file


def patched(book: BinaryIO, part: str, old: bytes, new: bytes) -> BinaryIO:
    """The workbook with some bytes of one part replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(book) as source, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == part:
                assert old in content
                content = content.replace(old, new, 1)
            target.writestr(name, content)
    file.seek(0)
    return file
