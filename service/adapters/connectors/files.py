"""The file connector: ``.csv``, ``.tsv``, ``.jsonl`` and ``.parquet`` held against a data contract.

Every row of the file ends up in exactly one of two frames: typed, or rejected with a rule (``rows``,
``delimited``, ``jsonl`` list them). What is wrong with the file as a whole raises ContractError and nothing
is taken in. The suffix says the format; content is never sniffed.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from service.adapters.connectors.delimited import read_delimited
from service.adapters.connectors.jsonl import read_jsonl
from service.adapters.connectors.parquet import read_parquet
from service.adapters.connectors.source import read_bytes
from service.domain.contracts import DatasetContract
from service.errors import ContractError


class FileConnector:
    """Implements ``service.ports.Connector`` for files."""

    def read(
        self,
        path: Path,
        contract: DatasetContract,
        batch_id: str,  # noqa: ARG002  other sources log under it
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Read one file.

        Args:
            path: a regular file, no link.
            contract: what the file must hold.
            batch_id: see ``service.domain.batch_ids``.

        Returns:
            Typed frame with ``_row`` (UInt32, from 1, header not counted) and the columns in contract
            order; and the REJECTED frame.

        Raises:
            ContractError: with file facts only.
        """
        match path.suffix.lower():
            case ".csv":
                return read_delimited(read_bytes(path), contract, separator=",")
            case ".tsv":
                return read_delimited(read_bytes(path), contract, separator="\t")
            case ".jsonl":
                return read_jsonl(read_bytes(path), contract)
            case ".parquet":
                return read_parquet(read_bytes(path), contract)
            case _:
                raise ContractError("the suffix is not supported", use=".csv, .tsv, .jsonl or .parquet")
