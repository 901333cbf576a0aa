"""``/v1/datasets/{name}/quality`` and ``quarantine``: how good the data is, and the way back in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from service.api.datasets import Batch, batch_view
from service.api.deps import Caller
from service.api.uploads import FILE_BODY, DataFile
from service.usecases.correction import list_quarantine, release
from service.usecases.quality import quality_report

router = APIRouter(tags=["quality"])
BatchId = Annotated[
    str, Query(pattern=r"^([0-9a-f]{16}|[0-9a-f]{64})?$", description="Or its first 16 digits.")
]


@router.get("/datasets/{name}/quality", summary="Data quality per day, without any value")
def get_quality(name: str, caller: Caller) -> list[dict[str, Any]]:
    """Score and its parts per mille, and rows that are not stored by reason."""
    return quality_report(name, **caller)


@router.get("/datasets/{name}/quarantine", summary="Rejected rows by number and rule")
def get_quarantine(
    name: str,
    caller: Caller,
    *,
    batch: BatchId = "",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[dict[str, Any]]:
    """Number, rule, column, tag and state of each row; its values are not kept."""
    rows = list_quarantine(name, **caller, batch=batch)
    return rows.slice(offset, limit).to_dicts()


@router.post(
    "/batches/{batch}/corrections", status_code=201, openapi_extra=FILE_BODY, summary="Release corrected rows"
)
def post_corrections(batch: str, caller: Caller, file: DataFile) -> Batch:
    """Take corrected rows in; ``_source_row`` has their numbers. Idempotent by content."""
    return batch_view(release(batch, file.path, **caller, encoding=file.encoding))
