"""Small contracts and admitted batches for tests of the event store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

import polars as pl

from service.domain.batches import REJECTED, AdmittedBatch
from service.domain.buckets import bucket_expr
from service.domain.contracts import Column, DatasetContract, Kind, Role

Row = tuple[int, date, int]  # subject, day, amount
BUCKETS = 4


def ledger_contract(*, row_per_subject: bool = False, unique_by: tuple[str, ...] = ()) -> DatasetContract:
    """``ledger``: a day, an amount and a channel per row; many rows per subject, or one."""
    return DatasetContract(
        name="ledger",
        version="1.0.0",
        title="Ledger",
        columns=(
            Column("card_no", Role.SUBJECT_ID, Kind.STRING, "C2", "bank_card", links=True),
            Column("booked_on", Role.EVENT_TIME, Kind.DATE, "C2", required=False),
            Column("cents", Role.MEASURE, Kind.INTEGER, "C2", lower=0, upper=10**6, unit="CNY-cent"),
        ),
        purposes=("contract_performance",),
        retention_class="aml_record",
        creates_subjects=False,
        row_per_subject=row_per_subject,
        unique_by=unique_by,
        digest="sha256:ledger",
    )


def pseudonym(subject: int) -> bytes:
    """A fixed 16-byte stand-in for the storage pseudonym of a subject number."""
    return hashlib.blake2s(subject.to_bytes(8, "big"), digest_size=16).digest()


def admitted(
    name: str,
    rows: Sequence[Row],
    *,
    contract: DatasetContract | None = None,
    rejected: Sequence[int | None] = (),
    buckets: int = BUCKETS,
) -> AdmittedBatch:
    """An admitted batch; ``rejected`` gives the subject, or None, of each rejected row."""
    frame = pl.DataFrame(
        {
            "_row": range(1, len(rows) + 1),
            "_subject": [subject for subject, _, _ in rows],
            "_sp": [pseudonym(subject) for subject, _, _ in rows],
            "booked_on": [day for _, day, _ in rows],
            "cents": [cents for _, _, cents in rows],
        },
        schema={
            "_row": pl.UInt32,
            "_subject": pl.Int64,
            "_sp": pl.Binary,
            "booked_on": pl.Date,
            "cents": pl.Int64,
        },
    ).with_columns(bucket_expr(buckets))
    refused = pl.DataFrame(
        {
            "_row": range(1, len(rejected) + 1),
            "rule": ["unknown_subject"] * len(rejected),
            "column": ["card_no"] * len(rejected),
            "_sp": [None if subject is None else pseudonym(subject) for subject in rejected],
            "row_tag": ["00"] * len(rejected),
        },
        schema=REJECTED,
    )
    batch_id = hashlib.sha256(name.encode()).hexdigest()
    return AdmittedBatch(batch_id, contract or ledger_contract(), frame, refused, 0)


def live(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    """Live rows of ``ledger`` as a sorted list, without the batch they came in."""
    rows = frame.select("_sp", "booked_on", "cents", "_n", "_bucket").rows()
    return sorted(rows, key=repr)


def expected(rows: Sequence[Row], buckets: int = BUCKETS) -> list[tuple[object, ...]]:
    """What ``live`` must give for these rows: totals counted one by one."""
    out: list[tuple[object, ...]] = []
    for subject, day, cents in rows:
        same = [r for r in rows if r[0] == subject and (r[1].year, r[1].month) == (day.year, day.month)]
        sp = pseudonym(subject)
        out.append((sp, day, cents, len(same), int.from_bytes(sp[:4], "little") % buckets))
    return sorted(out, key=repr)
