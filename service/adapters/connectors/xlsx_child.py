"""Parse a workbook in a process of its own, with limits.

The parser is native code. A small file, say with one cell in the last corner of a sheet, can make it ask for
any amount of memory, and that ends the process it runs in.

Started as a file, not as a module, so that nothing of the service is loaded. The workbook comes on standard
input, the names of the wanted columns as arguments; without any, every filled sheet is wanted. The position
of the sheet and an Arrow stream go to standard output: every cell as text, the header in the first row, and,
where a text has 16 digits or more, a second half of columns that says which cells are numbers. The exit code
says what is wrong.
"""

from __future__ import annotations

import resource
import sys
from typing import Final

import fastexcel
import polars as pl

MAX_BYTES: Final = 4 * 1024**3
MAX_SECONDS: Final = 600
INDEX_BYTES: Final = 4
NO_SHEET: Final = 3
MANY_SHEETS: Final = 4


def main() -> int:
    """Read, choose the sheet, write."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the rows
    book = fastexcel.read_excel(sys.stdin.buffer.read())
    wanted = set(sys.argv[1:])
    found: list[tuple[int, pl.DataFrame]] = []
    for index in range(len(book.sheet_names)):
        sheet = book.load_sheet(index, header_row=None, dtypes="string")
        if sheet.visible != "visible" or not sheet.height:
            continue
        frame = pl.DataFrame(sheet)
        if not wanted or wanted & set(frame.row(0)):
            found.append((index, frame))
    if len(found) != 1:
        return MANY_SHEETS if found else NO_SHEET
    index, frame = found[0]
    long = frame.select(pl.any_horizontal(pl.all().str.contains("^-?[0-9]{16,}$").any())).item()
    if long:
        numbers = pl.DataFrame(book.load_sheet(index, header_row=None, dtypes="boolean"))
        frame = pl.concat([frame, numbers.select(pl.all().is_not_null().name.suffix("#"))], how="horizontal")
    sys.stdout.buffer.write(index.to_bytes(INDEX_BYTES))
    frame.write_ipc_stream(sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
