"""Search every byte below the data directory for strings that must not be there.

A text is looked for as UTF-8, UTF-16 (both orders), hex and base64 at its three alignments, also with all but
its digits left out, and backwards; bytes are looked for raw, in hex and in base64. Spellings shorter than six
bytes are left out: they turn up by chance. Parquet files are searched twice, as they are and decoded (strings
and binaries), because compression hides bytes; one that cannot be decoded may hold anything and is a hit.
"""

from __future__ import annotations

import base64
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from service.adapters.events.residue import flat_columns
from service.adapters.patterns import SHORTEST, Patterns
from service.ports import ByteScan

#: Fewer digits, and a shorter text backwards, turn up by chance (dates, amounts, common words).
_TELLING: Final = 9


class FileScanner:
    """``service.ports.Scanner`` over a directory."""

    def __init__(self, home: Path, progress: Callable[[str, int], None] | None = None) -> None:
        """``progress`` is told the file and how many per cent of the bytes are behind it."""
        self._home = home
        self._progress = progress

    def scan(self, needles: Sequence[str | bytes]) -> ByteScan:
        """Every file is opened; one that vanishes meanwhile (a log being rotated) is skipped."""
        patterns = Patterns(_numbered(needles))
        files = size = 0
        found: dict[str, tuple[int, ...]] = {}
        paths = sorted(self._files())
        for number, path in enumerate(paths):
            name = path.relative_to(self._home).as_posix()
            if self._progress:
                self._progress(name, 100 * number // len(paths))
            try:
                numbers, length = _look(path, patterns)
            except FileNotFoundError:
                continue
            files, size = files + 1, size + length
            if numbers is None or numbers:
                found[name] = tuple(sorted(numbers or ()))
        return ByteScan(files, size, tuple(found), found)

    def _files(self) -> Iterator[Path]:
        for folder, _, names in os.walk(self._home):
            for name in names:
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    yield path


def _look(path: Path, patterns: Patterns) -> tuple[set[int] | None, int]:
    """Numbers of the needles in a file (None: it cannot be read as what it is), and its size."""
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        if not length:
            return set(), 0
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            numbers = patterns.found(view)
    if path.suffix == ".parquet":
        try:
            frame = pl.read_parquet(path, hive_partitioning=False, glob=False)
        except (pl.exceptions.PolarsError, OSError):
            if not path.exists():
                raise FileNotFoundError from None
            return numbers or None, length
        for column in flat_columns(frame):
            numbers |= patterns.found(_text(column))
    return numbers, length


def _text(column: pl.Series) -> bytes:
    """The distinct values of a column of strings or binaries, one a line; nothing for other columns."""
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if not isinstance(column.dtype, pl.String | pl.Binary):
        return b""
    return b"\n".join(column.cast(pl.Binary).drop_nulls().unique().to_list())


def _numbered(needles: Sequence[str | bytes]) -> dict[bytes, int]:
    """Every spelling, to the place of the first needle that has it."""
    numbers: dict[bytes, int] = {}
    for number, needle in enumerate(needles):
        for spelling in _spellings(needle):
            if len(spelling) >= SHORTEST:
                numbers.setdefault(spelling, number)
    return numbers


def _spellings(needle: str | bytes) -> Iterator[bytes]:
    if isinstance(needle, bytes):
        yield from _encodings(needle)
        return
    for form in _forms(needle):
        yield form.encode("utf-16-le")
        yield form.encode("utf-16-be")
        yield from _encodings(form.encode())


def _forms(text: str) -> set[str]:
    """The text, its digits, and each backwards."""
    digits = "".join(c for c in text if c.isdecimal())
    forms = {text, digits} if len(digits) >= _TELLING else {text}
    return forms | {form[::-1] for form in forms if form.isascii() and len(form) >= _TELLING}


def _encodings(raw: bytes) -> Iterator[bytes]:
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        # the first and last group also carry neighbours, so only whole groups of our own bytes count
        start = 4 if shift else 0
        end = len(text) - 4 if (shift + len(raw)) % 3 else len(text)
        yield text[start:end]
