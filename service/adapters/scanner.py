"""Search every byte below the data directory for strings that must not be there.

A text is looked for as UTF-8, UTF-16 (both orders), hex and base64 at its three alignments; bytes are looked
for raw, in hex and in base64. Spellings shorter than six bytes are left out: they turn up by chance.
"""

from __future__ import annotations

import base64
import mmap
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from service.ports import ByteScan

_SHORTEST: Final = 6


class FileScanner:
    """``service.ports.Scanner`` over a directory."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def scan(self, needles: Sequence[str | bytes]) -> ByteScan:
        """Every file is opened; one that vanishes meanwhile (a log being rotated) is skipped."""
        spellings = {s for needle in needles for s in _spellings(needle) if len(s) >= _SHORTEST}
        files = size = 0
        hits: list[str] = []
        for path in sorted(self._files()):
            try:
                found, length = _contains(path, spellings)
            except FileNotFoundError:
                continue
            files, size = files + 1, size + length
            if found:
                hits.append(path.relative_to(self._home).as_posix())
        return ByteScan(files, size, tuple(hits))

    def _files(self) -> Iterator[Path]:
        for folder, _, names in os.walk(self._home):
            for name in names:
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    yield path


def _contains(path: Path, spellings: set[bytes]) -> tuple[bool, int]:
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        if not length:
            return False, 0
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            return any(view.find(s) >= 0 for s in spellings), length


def _spellings(needle: str | bytes) -> Iterator[bytes]:
    if isinstance(needle, str):
        yield needle.encode("utf-16-le")
        yield needle.encode("utf-16-be")
    raw = needle.encode() if isinstance(needle, str) else needle
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        # the first and last group also carry neighbours, so only whole groups of our own bytes count
        start = 4 if shift else 0
        end = len(text) - 4 if (shift + len(raw)) % 3 else len(text)
        yield text[start:end]
