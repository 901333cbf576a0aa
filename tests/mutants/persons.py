"""One view per customer with a seeded bug."""

from __future__ import annotations

import polars as pl

from service.domain.contracts import DatasetContract


def keeps_stored_counts(
    rows: pl.LazyFrame, contract: DatasetContract | None, aliases: pl.DataFrame
) -> pl.LazyFrame:
    """Gives the person's pseudonym to all rows, but bounds each enrolment on its own."""
    joined = rows.join(aliases.lazy(), on="_sp", how="left")
    return joined.with_columns(pl.coalesce("_person", "_sp").alias("_sp")).drop("_person", "_rank")
