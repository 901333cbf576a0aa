"""``/v1/pii``: where personal data is in texts and tables that a caller sends; nothing of them is kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from service.api.deps import Acting, Service
from service.usecases.pii import MAX_TEXTS, classify_table, scan_texts

router = APIRouter(tags=["personal data"], prefix="/pii")
_CSV: Final = {"requestBody": {"content": {"text/csv": {"schema": {"type": "string"}}}, "required": True}}


class Texts(BaseModel):
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
def post_scan(body: Texts, service: Service, actor: Acting) -> dict[str, list[dict[str, list[Found]]]]:
    """Spans of each text, in order."""
    found = scan_texts(body.texts, actor=actor, deps=service)
    return {"results": [{"spans": [Found(**span) for span in spans]} for spans in found]}


@router.post("/classify", openapi_extra=_CSV, summary="What the columns of a CSV file are")
async def post_classify(request: Request, service: Service, actor: Acting) -> dict[str, list[dict[str, Any]]]:
    """Type, role, class, confidence and evidence of each column."""
    data = await request.body()
    columns = await run_in_threadpool(classify_table, data, actor=actor, deps=service)
    return {"columns": [asdict(column) for column in columns]}
