"""Small valid values of the operational types; every argument can be replaced."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fakes.clock import START

from service.domain.batches import IngestCounts
from service.domain.consents import ConsentKind, ConsentRecord
from service.domain.contracts import Column, DatasetContract, Kind, Role
from service.domain.models import Model, ModelState
from service.domain.releases import Release, ReleaseState
from service.domain.requests import RequestState, Right, RightsRequest
from service.ports import BatchRow


def a_contract(**changes: Any) -> DatasetContract:
    """Two columns, one of each interesting kind."""
    values: dict[str, Any] = {
        "name": "statements",
        "version": "1.0.0",
        "title": "Statements 对账单",
        "columns": (
            Column("card_no", Role.SUBJECT_ID, Kind.STRING, "C2", id_type="bank_card", links=True),
            Column("bill_cents", Role.MEASURE, Kind.INTEGER, "C2", lower=-5, upper=10, unit="TWD-cent"),
            Column("education", Role.CATEGORY, Kind.STRING, "C1", keys=("a", "b"), required=False),
        ),
        "purposes": ("regulatory_reporting", "credit_scoring"),
        "retention_class": "aml_record",
        "creates_subjects": False,
        "row_per_subject": False,
        "digest": "sha256:aa",
    }
    return DatasetContract(**(values | changes))


def a_batch(**changes: Any) -> BatchRow:
    """A batch of ten rows."""
    values: dict[str, Any] = {
        "id": "b" * 64,
        "dataset": "statements",
        "source": "statements.csv",
        "counts": IngestCounts(rows=10, admitted=7, quarantined=2, refused=1),
        "at": START,
        "actor": "user:sam",
        "table_version": 3,
        "reasons": {"unknown_subject": 2, "no_consent": 1},
    }
    return BatchRow(**(values | changes))


def a_consent(subject: int = 1, **changes: Any) -> ConsentRecord:
    """A standing plain consent."""
    values: dict[str, Any] = {
        "subject": subject,
        "purpose": "value_segmentation",
        "kind": ConsentKind.PLAIN,
        "given_at": START,
        "valid_until": START + timedelta(days=365),
        "withdrawn_at": None,
        "notice": "v1",
    }
    return ConsentRecord(**(values | changes))


def a_release(**changes: Any) -> Release:
    """A release that was just requested."""
    values: dict[str, Any] = {
        "id": "1" * 32,
        "plan": '{"dataset":"statements"}',
        "plan_digest": "sha256:bb",
        "purpose": "regulatory_reporting",
        "requester": "user:ann",
        "approver": "",
        "rho": 20_200,
        "state": ReleaseState.REQUESTED,
        "created_at": START,
    }
    return Release(**(values | changes))


def a_request(**changes: Any) -> RightsRequest:
    """A rights request that was just opened."""
    values: dict[str, Any] = {
        "id": "2" * 32,
        "right": Right.ERASURE,
        "subject": 7,
        "state": RequestState.OPENED,
        "opened_at": START,
        "due_at": START + timedelta(days=21),
        "code_tag": "ab" * 16,
        "code_expires_at": START + timedelta(days=2),
    }
    return RightsRequest(**(values | changes))


def a_model(**changes: Any) -> Model:
    """A model that was just trained."""
    values: dict[str, Any] = {
        "name": "credit",
        "version": 1,
        "document": "{}",
        "digest": "sha256:cc",
        "state": ModelState.TRAINED,
        "trained_by": "user:mo",
        "approved_by": "",
        "trained_at": START,
        "purpose": "credit_scoring",
        "rho": 0,
    }
    return Model(**(values | changes))
