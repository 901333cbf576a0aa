"""A table of another system's database that grows and is taken in range by range."""

from __future__ import annotations

from typing import Protocol

from service.domain.contracts import DatasetContract
from service.ports.runtime import Source


class Export(Protocol):
    """A table in the order of a watermark: a column that only grows from one new row to the next."""

    @property
    def name(self) -> str:
        """Names the table among all sources; no address, no secret."""

    def newest(self, after: str, contract: DatasetContract) -> str:
        """The last position behind ``after`` (empty: the start) that is to be read up to; empty for none.

        Raises:
            ContractError: the table is not what the contract says.
            ConflictError: ``after`` is a position in a table whose columns were others.
            StorageError: the database is not available.
        """

    def rows(self, after: str, upto: str) -> Source:
        """The rows behind ``after`` up to ``upto``."""
