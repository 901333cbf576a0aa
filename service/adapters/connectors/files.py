"""The file connector: ``.csv``, ``.tsv``, ``.jsonl`` and ``.parquet`` held against a data contract.

Every row of the file ends up in exactly one of two frames: typed, or rejected with a rule (``rows``,
``delimited``, ``jsonl`` list them). What is wrong with the file as a whole raises ContractError and nothing
is taken in. The suffix says the format; content is never sniffed. ``encodings`` decides the encoding of text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from service.adapters.connectors.delimited import read_delimited
from service.adapters.connectors.encodings import decode_text
from service.adapters.connectors.jsonl import read_jsonl
from service.adapters.connectors.parquet import read_parquet
from service.adapters.connectors.source import read_bytes
from service.domain.contracts import DatasetContract
from service.errors import ContractError

_TEXT: Final = frozenset({".csv", ".tsv", ".jsonl"})


class FileConnector:
    """Implements ``service.ports.Connector`` for files."""

    def encoding_of(self, path: Path, named: str = "") -> str:
        """The encoding of a text file, ``named`` or decided; empty for a format that states its own."""
        if path.suffix.lower() in _TEXT:
            return decode_text(read_bytes(path), named).encoding
        if named:
            raise ContractError("only text files have an encoding to name", use=", ".join(sorted(_TEXT)))
        return ""

    def read(
        self,
        path: Path,
        contract: DatasetContract,
        batch_id: str,  # noqa: ARG002  other sources log under it
        *,
        encoding: str = "",
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Read one file.

        Args:
            path: a regular file, no link.
            contract: what the file must hold.
            batch_id: see ``service.domain.batch_ids``.
            encoding: of a text file; empty to let ``encodings`` decide.

        Returns:
            Typed frame with ``_row`` (UInt32, from 1, header not counted) and the columns in contract
            order; and the REJECTED frame.

        Raises:
            ContractError: with file facts only.
        """
        match path.suffix.lower():
            case ".csv":
                return read_delimited(read_bytes(path), contract, separator=",", encoding=encoding)
            case ".tsv":
                return read_delimited(read_bytes(path), contract, separator="\t", encoding=encoding)
            case ".jsonl":
                return read_jsonl(read_bytes(path), contract, encoding=encoding)
            case ".parquet":
                return read_parquet(read_bytes(path), contract)
            case _:
                raise ContractError("the suffix is not supported", use=".csv, .tsv, .jsonl or .parquet")
