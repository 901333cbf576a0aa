"""Put spoilt text (``mojibake``) of a file back, into a new file, with a report of what was done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from service.adapters.connectors.encodings import decide_encoding, text_of
from service.adapters.connectors.mojibake import is_spoilt, repair
from service.adapters.connectors.source import blocks, open_source
from service.errors import ConflictError, StorageError

_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of a file.

    Attributes:
        lines: in the file.
        repaired: lines in which something was put back.
        runs: stretches of characters that were put back.
        spoilt: lines that are still spoilt: what they were cannot be told for certain.
        first: numbers of the first of them, from 1.
    """

    lines: int
    repaired: int
    runs: int
    spoilt: int
    first: tuple[int, ...]


def repair_file(path: Path, target: Path, *, encoding: str = "") -> Repaired:
    """Write the repaired text as UTF-8; line ends stay as they are.

    Raises:
        ContractError: the file cannot be read, or its encoding is not known.
        ConflictError: there is a target file already.
        StorageError: the target cannot be written.
    """
    with open_source(path) as file:

        def again() -> Iterator[bytes]:
            file.seek(0)
            yield from blocks(file)

        lines = _lines(text_of(again(), decide_encoding(again, encoding)))
        try:
            with target.open("x", encoding="utf-8", newline="") as out:
                return _repair(lines, out)
        except FileExistsError:
            raise ConflictError("the target exists already; nothing is overwritten") from None
        except OSError as error:
            raise StorageError("the target cannot be written", os_error=error.errno or 0) from None


def _repair(lines: Iterator[str], out: TextIO) -> Repaired:
    number = repaired = runs = 0
    spoilt: list[int] = []
    for number, line in enumerate(lines, 1):
        mended, count = repair(line)
        out.write(mended)
        repaired += bool(count)
        runs += count
        if is_spoilt(mended):
            spoilt.append(number)
    return Repaired(number, repaired, runs, len(spoilt), tuple(spoilt[:_LISTED]))


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Lines with their ends."""
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from (f"{line}\n" for line in whole)
    if rest:
        yield rest
