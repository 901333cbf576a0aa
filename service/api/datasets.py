"""``/v1/datasets`` and ``/v1/consents``: the one way in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, SecretStr

from service.api.deps import Caller, Sending, Sent, Service
from service.api.uploads import FILE_BODY, CsvFile, DataFile
from service.ports import BatchRow
from service.usecases.consent import import_consents, withdraw
from service.usecases.datasets import add_dataset
from service.usecases.ingest import ingest
from service.usecases.push import Push, push
from service.wiring import parse_contract_text

router = APIRouter(tags=["ingest"])
_CONTENT: Final = {"application/yaml": {"schema": {"type": "string"}}}
_YAML: Final = {"requestBody": {"content": _CONTENT, "required": True}}


class Dataset(BaseModel):
    """A registered dataset."""

    name: str = Field(examples=["statements"])
    version: str = Field(examples=["1.0.0"])
    columns: int = Field(examples=[5])
    digest: str


class Batch(BaseModel):
    """What became of a file: rows = admitted + quarantined + refused."""

    id: str
    dataset: str = Field(examples=["statements"])
    rows: int = Field(examples=[180000])
    admitted: int = Field(examples=[179991])
    quarantined: int = Field(examples=[9])
    refused: int = Field(examples=[0])
    reasons: dict[str, int] = Field(examples=[{"unknown_subject": 9}])


class Withdrawal(Sent):
    """A withdrawal of consent by one identifier of the person."""

    id_type: str = Field(examples=["email"])
    value: SecretStr
    purpose: str = Field(examples=["value_segmentation"])


@router.post(
    "/datasets",
    status_code=201,
    openapi_extra=_YAML,
    summary="Register a dataset by its contract (YAML body)",
)
async def post_dataset(request: Request, caller: Caller) -> Dataset:
    """Register a dataset; the same contract again changes nothing."""
    text = (await request.body()).decode("utf-8", errors="replace")
    contract, document = parse_contract_text(text)
    added = await run_in_threadpool(add_dataset, contract, document, **caller)
    return Dataset(name=added.name, version=added.version, columns=len(added.columns), digest=added.digest)


@router.post("/datasets/{name}/batches", status_code=201, openapi_extra=FILE_BODY, summary="Ingest a file")
def post_batch(name: str, service: Service, sender: Sending, file: DataFile) -> Batch:
    """Take a file in, from a person by token or a source system by signature (RFC 9421).

    Idempotent by content: the same file twice changes nothing.
    """
    if isinstance(sender, Push):
        row = push(sender, file.path, file.sha256, name, deps=service, encoding=file.encoding)
    else:
        row = ingest(file.path, name, **sender, encoding=file.encoding)
    return batch_view(row)


def batch_view(row: BatchRow) -> Batch:
    """A batch as the caller sees it."""
    return Batch(id=row.id, dataset=row.dataset, **asdict(row.counts), reasons=dict(row.reasons))


@router.post("/consents/batches", status_code=201, openapi_extra=FILE_BODY, summary="Import consent records")
def post_consents(caller: Caller, file: CsvFile) -> dict[str, object]:
    """Import consent records from CSV; records seen before are not repeated."""
    return asdict(import_consents(file.path, **caller, encoding=file.encoding))


@router.post("/consents/withdrawals", summary="Withdraw a consent, effective at once")
def post_withdrawal(body: Withdrawal, caller: Caller) -> dict[str, int]:
    """Withdraw a person's consent to one purpose."""
    secret = body.value.get_secret_value()
    return {"withdrawn": withdraw(body.id_type, secret, body.purpose, **caller)}
