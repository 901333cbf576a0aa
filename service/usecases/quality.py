"""Data quality: the gate that a batch passes before its commit, and the report per dataset and day.

The report has counts, shares and rule names; no value of any row can be in it, because none is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import reduce
from itertools import groupby
from operator import add
from typing import Final

from service.domain.actors import Actor
from service.domain.contracts import DatasetContract
from service.domain.quality import Quality, assess
from service.errors import QualityError, UnknownError
from service.ports import BatchRow, Deps, OpsTransaction
from service.usecases.access import authorise

#: Source of a batch that holds corrected rows: they count where they were rejected first.
CORRECTION: Final = "quarantine/"
BELOW: Final = "below_quality"


def check_quality(contract: DatasetContract, quality: Quality) -> None:
    """The gate.

    Raises:
        QualityError: the score is below the contract's ``minimumQuality``.
    """
    if quality.score < contract.minimum_quality:
        raise QualityError(
            "the batch is below the quality that its contract asks for",
            minimum=contract.minimum_quality,
            rows=quality.rows,
            **quality.parts,
        )


def quality_report(dataset: str, *, actor: Actor, deps: Deps) -> list[dict[str, object]]:
    """Quality per dataset and day (UTC), in that order.

    Args:
        dataset: empty for all of them.
        actor: needs ``dataset:ingest``.
        deps: the service.

    Returns:
        Per day: ``dataset``, ``day``, ``batches``, ``rows``, ``score``, ``completeness``, ``validity``,
        ``consistency`` and ``reasons``, rows by rule that are not stored.

    Raises:
        DeniedError: the actor may not see it.
        UnknownError: no such dataset.
    """
    with deps.ops() as tx:
        wanted = [contract.name for contract in tx.datasets.all() if dataset in {"", contract.name}]
        batches = [row for row in tx.batches.all() if row.dataset in wanted]
        found = [(row, *_open(row, tx)) for row in batches if not row.source.startswith(CORRECTION)]
    named = f"dataset/{dataset}" if wanted and dataset else ""
    authorise(deps, actor, "dataset:ingest", resource=named)
    if not wanted and dataset:
        raise UnknownError("no such dataset")
    return list(_days(found))


def _open(row: BatchRow, tx: OpsTransaction) -> tuple[Quality, Counter[str]]:
    """What a batch is worth now that some of its rejected rows may be stored, and its reasons."""
    released = tx.batches.released(row.id)
    reasons = Counter(row.reasons)
    reasons.subtract(dict(released["rule"].value_counts().iter_rows()))
    sound = 0 if row.counts.refused else reasons[BELOW]  # in quarantine because of others
    rejected = row.counts.quarantined - released.height - sound
    return assess(row.counts.rows, rejected, reasons, row.measures), +reasons


def _days(found: list[tuple[BatchRow, Quality, Counter[str]]]) -> Iterator[dict[str, object]]:
    def place(item: tuple[BatchRow, Quality, Counter[str]]) -> tuple[str, str]:
        return item[0].dataset, item[0].at.date().isoformat()

    for (dataset, day), group in groupby(sorted(found, key=place), key=place):
        items = list(group)
        whole = reduce(add, (quality for _, quality, _ in items))
        reasons = reduce(add, (reasons for _, _, reasons in items))
        yield {
            "dataset": dataset,
            "day": day,
            "batches": len(items),
            "rows": whole.rows,
            **whole.parts,
            "reasons": dict(sorted(reasons.items())),
        }
