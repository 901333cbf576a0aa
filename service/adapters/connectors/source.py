"""Open a source file and check what concerns the file as a whole. Errors name file facts, never content.

A symbolic link, a folder, a pipe or a device is no source file: it could be swapped for another between two
looks.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from service.domain.contracts import DatasetContract
from service.errors import ContractError

MAX_BYTES: Final = 64 * 1024**3
BLOCK: Final = 8 * 1024**2
_COLUMN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def open_source(path: Path, *, limit: int = MAX_BYTES) -> BinaryIO:
    """A regular file, opened for reading.

    Raises:
        ContractError: no regular file, empty, or above the limit.
    """
    try:
        file = open(path, "rb", opener=_open_safely)  # noqa: SIM115  Path.open takes no opener; the caller closes
    except OSError as error:
        raise ContractError(
            "the file cannot be opened, or is a symbolic link", os_error=error.errno or 0
        ) from None
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and 0 < status.st_size <= limit:
        return file
    file.close()
    if not stat.S_ISREG(status.st_mode):
        raise ContractError("not a regular file")
    if not status.st_size:
        raise ContractError("the file is empty")
    raise ContractError("the file is too large: split it", limit=limit)


def read_bytes(path: Path, *, limit: int) -> bytes:
    """All bytes of a small file. Raises as ``open_source`` does."""
    with open_source(path, limit=limit) as file:
        return file.read(limit)


def blocks(file: BinaryIO, size: int = BLOCK) -> Iterator[bytes]:
    """The bytes from here to the end, in blocks. Raises ContractError."""
    try:
        while block := file.read(size):
            yield block
    except OSError as error:
        raise ContractError("the file cannot be read", os_error=error.errno or 0) from None


def _open_safely(path: str, flags: int) -> int:
    """Follow no link and wait for no pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def line_blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    """The lines of a text that comes in blocks, in lists of about a block each.

    Raises:
        ContractError: a line is longer than two blocks: no row is.
    """
    rest = ""
    for text in texts:
        rest += text
        cut = rest.rfind("\n") + 1
        if cut:
            yield text_lines(rest[:cut])
            rest = rest[cut:]
        elif len(rest) > 2 * BLOCK:
            raise ContractError("a line is too long for a row", limit=2 * BLOCK)
    if rest:
        yield text_lines(rest)


def text_lines(text: str) -> list[str]:
    """Lines ended by LF or CRLF; what follows the last line end is a line only if there is something.

    Not ``str.splitlines``: that also breaks at U+2028 and its like, which a field may hold.
    """
    lines = text.split("\n")
    if not lines[-1]:
        del lines[-1]
    return [line.removesuffix("\r") for line in lines] if "\r" in text else lines


def check_columns(found: Sequence[str], contract: DatasetContract) -> None:
    """Compare the columns of a file with the contract; the order does not matter.

    A file without a header line would show its first row as column names. So a name is repeated in the
    error only if it looks like one and other columns are known; else its position stands for it.

    Raises:
        ContractError: an unknown, missing or repeated column.
    """
    known = {c.name for c in contract.columns}
    if not known & set(found):
        raise ContractError("no column of the contract is there: is the header missing?", columns=len(found))
    for position, name in enumerate(found, start=1):
        if name not in known:
            shown = name if _COLUMN.fullmatch(name) else "?"
            raise ContractError("the contract does not know a column", column=shown, position=position)
        if name in found[: position - 1]:
            raise ContractError("a column comes twice", column=name, position=position)
    for column in contract.columns:
        if column.name not in found:
            raise ContractError("a column is missing", column=column.name)
