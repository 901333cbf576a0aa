"""The file connector: ``.csv``, ``.tsv``, ``.jsonl``, ``.parquet`` and ``.xlsx`` held against a contract.

Every row of the file ends up in exactly one of two frames: typed, or rejected with a rule (``rows``,
``delimited``, ``jsonl``, ``xlsx`` list them). What is wrong with the file as a whole raises ContractError and
nothing is taken in. The suffix says the format; content is never sniffed. ``encodings`` decides the encoding
of text. A file is read twice, in blocks: once for its digest and encoding, once for its rows.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from service.adapters.connectors.delimited import read_delimited
from service.adapters.connectors.encodings import decide_encoding, text_of
from service.adapters.connectors.jsonl import read_jsonl
from service.adapters.connectors.parquet import read_parquet
from service.adapters.connectors.source import BLOCK, blocks, open_source
from service.adapters.connectors.table import read_table
from service.adapters.connectors.xlsx import read_xlsx
from service.domain.contracts import DatasetContract
from service.errors import ConflictError, ContractError
from service.ports import Chunk

_TEXT: Final = frozenset({".csv", ".tsv", ".jsonl"})
_TYPED: Final = frozenset({".parquet", ".xlsx"})


class FileConnector:
    """Implements ``service.ports.Connector`` for files; text is read in blocks of so many bytes."""

    def __init__(self, block: int = BLOCK) -> None:
        self._block = block

    def open(self, path: Path, *, encoding: str = "") -> FileSource:
        """Look through a file once. Raises ContractError."""
        return FileSource(path, encoding, self._block)

    def lines(self, text: str, contract: DatasetContract) -> Iterator[Chunk]:
        """Rows of JSON lines that are in memory already. Raises ContractError."""
        for typed, rejected in read_jsonl([text], contract):
            yield Chunk(typed, rejected, 1.0)

    def table(self, data: bytes, suffix: str = ".csv") -> pl.DataFrame:
        """A whole file in memory, every column as String. Raises ContractError."""
        return read_table(data, suffix)


class FileSource:
    """Implements ``service.ports.Source`` for one file: a regular one, no link.

    Args:
        path: the suffix says the format.
        encoding: of a text file; empty to let ``encodings`` decide.
        block: bytes of text in a chunk, about.

    Raises:
        ContractError: with facts of the file only.
    """

    def __init__(self, path: Path, encoding: str = "", block: int = BLOCK) -> None:
        self._path, self._suffix = path, path.suffix.lower()
        if self._suffix not in _TEXT | _TYPED:
            raise ContractError("the suffix is not supported", use=", ".join(sorted(_TEXT | _TYPED)))
        if encoding and self._suffix not in _TEXT:
            raise ContractError("only text files have an encoding to name", use=", ".join(sorted(_TEXT)))
        self.digest, self._block = "", block
        self._encoding = decide_encoding(self._blocks, encoding) if self._suffix in _TEXT else ""
        if not self.digest:
            deque(self._blocks(), maxlen=0)

    @property
    def facts(self) -> tuple[tuple[str, str | int], ...]:
        """The encoding of a text file."""
        return (("encoding", self._encoding),) if self._encoding else ()

    def chunks(self, contract: DatasetContract) -> Iterator[Chunk]:
        """All rows. Raises ContractError, and ConflictError when the file is not the one looked through."""
        if self._suffix in _TEXT:
            yield from self._text(contract)
            return
        with open_source(self._path) as file:
            if self._suffix == ".xlsx":
                yield Chunk(*read_xlsx(file, contract), done=1.0)
            else:
                yield from read_parquet(file, contract)
        deque(self._blocks(), maxlen=0)

    def _text(self, contract: DatasetContract) -> Iterator[Chunk]:
        size = self._path.stat().st_size or 1
        texts = text_of(self._blocks(), self._encoding)
        if self._suffix == ".jsonl":
            frames = read_jsonl(texts, contract)
        else:
            frames = read_delimited(texts, contract, separator="," if self._suffix == ".csv" else "\t")
        for typed, rejected in frames:
            yield Chunk(typed, rejected, min(self._read / size, 1.0))

    def _blocks(self) -> Iterator[bytes]:
        """The bytes; the first to come to their end sets the digest, the others are held to it."""
        digest, self._read = hashlib.sha256(), 0
        with open_source(self._path) as file:
            for block in blocks(file, self._block):
                digest.update(block)
                self._read += len(block)
                yield block
        if self.digest and self.digest != digest.hexdigest():
            raise ConflictError("the file changed while it was read")
        self.digest = digest.hexdigest()
