"""Open a source file and check what concerns the file as a whole. Errors name file facts, never content.

A symbolic link, a folder, a pipe or a device is no source file: it could be swapped for another between two
looks.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from service.domain.contracts import DatasetContract
from service.errors import ContractError

MAX_BYTES: Final = 2 * 1024**3
_COLUMN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def read_bytes(path: Path, *, limit: int = MAX_BYTES) -> bytes:
    """All bytes of a regular file.

    Raises:
        ContractError: no regular file, empty, or above the limit.
    """
    try:
        file = open(path, "rb", opener=_open_safely)  # noqa: SIM115  Path.open takes no opener; closed below
    except OSError as error:
        raise ContractError(
            "the file cannot be opened, or is a symbolic link", os_error=error.errno or 0
        ) from None
    with file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ContractError("not a regular file")
        if status.st_size > limit:
            raise ContractError("the file is too large: split it", limit=limit)
        data = file.read(limit + 1)
    if not data:
        raise ContractError("the file is empty")
    if len(data) > limit:
        raise ContractError("the file is too large: split it", limit=limit)
    return data


def _open_safely(path: str, flags: int) -> int:
    """Follow no link and wait for no pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


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
