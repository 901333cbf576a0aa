"""Dataset contracts in force, and the batches that were taken in under them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import polars as pl
from pydantic import TypeAdapter
from sqlalchemy import ScalarSelect, func, select

from service.adapters.sql.statements import SqlTable, insert_new, insert_once, one_row
from service.adapters.sql.tables import BATCH, DATASET, QUARANTINE_RELEASE
from service.domain.batches import IngestCounts
from service.domain.contracts import DatasetContract
from service.errors import ConflictError
from service.ports import BatchRow

_CONTRACT: Final = TypeAdapter(DatasetContract)
_PLAIN: Final = ("id", "dataset", "source", "at", "actor", "table_version")
_COUNTS: Final = ("reasons", "measures")  # JSON objects
_ROWS: Final = 1000  # of one INSERT


class SqlDatasets(SqlTable):
    """``service.ports.tables.DatasetTable``. The version added last is in force; earlier ones stay."""

    def add(self, contract: DatasetContract, document: str, at: datetime) -> None:
        """Put a contract in force; the one in force already changes nothing.

        Raises:
            ConflictError: this version is known with another content, or was superseded.
        """
        current = one_row(self._connection, DATASET, DATASET.c.id == _newest(contract.name))
        if current and (current["version"], current["digest"]) == (contract.version, contract.digest):
            return
        values = {
            "name": contract.name,
            "version": contract.version,
            "digest": contract.digest,
            "contract": _CONTRACT.dump_json(contract).decode(),
            "document": document,
            "added_at": at,
        }
        try:
            insert_once(self._connection, DATASET, values)
        except ConflictError:
            raise ConflictError("this version of the contract is taken", dataset=contract.name) from None

    def get(self, name: str) -> DatasetContract | None:
        """The contract in force, None when there is none."""
        row = one_row(self._connection, DATASET, DATASET.c.id == _newest(name))
        return _CONTRACT.validate_json(row["contract"]) if row else None

    def all(self) -> tuple[DatasetContract, ...]:
        """Contracts in force, by name."""
        newest = select(func.max(DATASET.c.id)).group_by(DATASET.c.name)
        query = select(DATASET.c.contract).where(DATASET.c.id.in_(newest)).order_by(DATASET.c.name)
        return tuple(_CONTRACT.validate_json(text) for text in self._connection.scalars(query))


def _newest(name: str) -> ScalarSelect[int]:
    return select(func.max(DATASET.c.id)).where(DATASET.c.name == name).scalar_subquery()


class SqlBatches(SqlTable):
    """``service.ports.tables.BatchTable``."""

    def get(self, batch_id: str) -> BatchRow | None:
        """The batch, None when it was never taken in."""
        row = one_row(self._connection, BATCH, BATCH.c.id == batch_id)
        return _batch(row) if row else None

    def add(self, row: BatchRow) -> None:
        """Record a batch. Raises ConflictError when its id is taken."""
        values = {name: getattr(row, name) for name in _PLAIN} | asdict(row.counts)
        values["row_count"] = values.pop("rows")
        values |= {name: json.dumps(dict(getattr(row, name)), sort_keys=True) for name in _COUNTS}
        insert_once(self._connection, BATCH, values)

    def release(self, batch_id: str, rows: pl.DataFrame, by: BatchRow) -> None:
        """Mark rejected rows as taken in by another batch. Raises ConflictError when one was before."""
        same = {"batch": batch_id, "by_batch": by.id, "at": by.at, "actor": by.actor}
        for part in rows.select("_row", "rule").iter_slices(_ROWS):
            values = [{**same, "row": row, "rule": rule} for row, rule in part.iter_rows()]
            if insert_new(self._connection, QUARANTINE_RELEASE, values) != part.height:
                raise ConflictError("a row was released before", batch=batch_id)

    def released(self, batch_id: str) -> pl.DataFrame:
        """``_row``, ``rule``, ``by_batch`` of the rows taken in later, by row."""
        table = QUARANTINE_RELEASE.c
        query = select(table.row, table.rule, table.by_batch).where(table.batch == batch_id)
        schema = {"_row": pl.Int64, "rule": pl.String, "by_batch": pl.String}
        rows = self._connection.execute(query.order_by(table.row)).all()
        return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")

    def all(self) -> tuple[BatchRow, ...]:
        """Every batch, oldest first."""
        rows = self._connection.execute(select(BATCH).order_by(BATCH.c.at, BATCH.c.id)).mappings()
        return tuple(_batch(row) for row in rows)


def _batch(row: Mapping[Any, Any]) -> BatchRow:
    counts = IngestCounts(row["row_count"], row["admitted"], row["quarantined"], row["refused"])
    tallies = {name: json.loads(row[name]) for name in _COUNTS}
    return BatchRow(counts=counts, **{name: row[name] for name in _PLAIN}, **tallies)
