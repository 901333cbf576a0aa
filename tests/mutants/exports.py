"""A table export with a seeded bug."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from service.adapters.sql.export import TableRows
from service.domain.contracts import DatasetContract
from service.errors import ConflictError
from service.ports import Chunk


class Trusting(TableRows):
    """Takes whatever arrives, whatever its totals are."""

    def chunks(self, contract: DatasetContract) -> Iterator[Chunk]:
        """All rows, or some."""
        with suppress(ConflictError):
            yield from super().chunks(contract)
