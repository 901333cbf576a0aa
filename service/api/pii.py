"""``/v1/pii``: where personal data is in texts and tables that a caller sends; nothing of them is kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from service.api.deps import Caller, Sent
from service.usecases.pii import MAX_TEXTS, classify_table, scan_texts

router = APIRouter(tags=["personal data"], prefix="/pii")
#: Formats of a table by media type; any other is read as CSV.
_SUFFIXES: Final = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/vnd.apache.parquet": ".parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
_CONTENT: Final = {kind: {"schema": {"type": "string"}} for kind in _SUFFIXES}
_TABLE: Final = {"requestBody": {"content": _CONTENT, "required": True}}


class Texts(Sent):
    """Texts to read."""

    texts: list[Annotated[str, Field(max_length=100_000)]] = Field(
        max_length=MAX_TEXTS, examples=[["Call Emma Taylor on +44 20 7946 0958."]]
    )


class Found(BaseModel):
    """One finding: half-open offsets in code points."""

    start: int
    end: int
    type: str = Field(examples=["PHONE_NUMBER"])
    score: float
    rule: str


@router.post("/scan", summary="Personal data in texts")
def post_scan(body: Texts, caller: Caller) -> dict[str, list[dict[str, list[Found]]]]:
    """Spans of each text, in order."""
    found = scan_texts(body.texts, **caller)
    return {"results": [{"spans": [Found(**span) for span in spans]} for spans in found]}


@router.post("/classify", openapi_extra=_TABLE, summary="What the columns of a table are")
async def post_classify(request: Request, caller: Caller) -> dict[str, list[dict[str, Any]]]:
    """Type, role, class, confidence and evidence of each column."""
    data = await request.body()
    suffix = _SUFFIXES.get(request.headers.get("content-type", "").partition(";")[0].strip(), ".csv")
    columns = await run_in_threadpool(classify_table, data, **caller, suffix=suffix)
    return {"columns": [asdict(column) for column in columns]}
