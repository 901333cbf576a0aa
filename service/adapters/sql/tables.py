"""Tables of the operational database. No identifier of a person is in them: subjects are numbers.

Times are UTC (naive ones are refused), money and privacy loss are integers, documents are JSON text. Where a
table holds a domain type, its columns are the fields of that type. Rows are written by Core statements, so
what a table must never hold stands here as a constraint.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final, get_type_hints

from sqlalchemy import BigInteger, CheckConstraint, Index, MetaData, UniqueConstraint
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel

from service.domain.actors import Actor
from service.domain.consents import ConsentRecord
from service.domain.models import Model
from service.domain.releases import Release
from service.domain.requests import RightsRequest
from service.domain.sources import PushRecord, SourceSystem
from service.ports import BudgetLine, Cursor

NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA = MetaData(naming_convention=NAMES)

Serial = Annotated[int | None, Field(default=None, primary_key=True)]
Key = Annotated[str, Field(primary_key=True)]
Big = Annotated[int, Field(sa_type=BigInteger)]
BigKey = Annotated[
    int, Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
]
_PLAIN: Final = (int, bool, str, datetime, datetime | None)


def columns_of(kind: type, **others: object) -> dict[str, Any]:
    """A column for every field of a domain type, text for what is more than text; and these others."""
    own = {name: hint if hint in _PLAIN else str for name, hint in get_type_hints(kind).items()}
    return own | others


class NamedTable(SQLModel):
    """``ApiTokenRow`` describes the rows of the table ``api_token``."""

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805  a class method, as SQLAlchemy calls it
        """The table's name."""
        return re.sub("(?<=[a-z])(?=[A-Z])", "_", cls.__name__.removesuffix("Row")).lower()


class _Table(NamedTable):
    """All tables of this store share one metadata, apart from the vault's."""

    metadata = METADATA


class DatasetRow(_Table, table=True):
    """A version of a dataset contract; the newest row of a name is in force."""

    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Serial
    name: str
    version: str
    digest: str
    contract: str  # JSON of the frozen type
    document: str  # the contract as it was given
    added_at: datetime


class BatchRow(_Table, table=True):
    """A batch that was taken in."""

    __table_args__ = (CheckConstraint("row_count = admitted + quarantined + refused", name="no_row_lost"),)

    id: Key
    dataset: str
    source: str
    row_count: int
    admitted: int
    quarantined: int
    refused: int
    at: datetime
    actor: str
    table_version: int
    reasons: str  # JSON object, reason to count
    measures: str = Field(sa_column_kwargs={"server_default": "{}"})  # JSON object, measure to count


class QuarantineReleaseRow(_Table, table=True):
    """A rejected row that was taken in later, corrected, by another batch."""

    batch: Key
    row: BigKey
    rule: str
    by_batch: str
    at: datetime
    actor: str


class CursorRow(_Table, table=True):
    """How far a source that grows was taken in; ``pending`` is empty when no batch was begun."""

    __annotations__ = columns_of(Cursor, source=Key, dataset=Key)


class ConsentRow(_Table, table=True):
    """One giving of consent."""

    __table_args__ = (UniqueConstraint("subject", "purpose", "kind", "given_at"),)

    __annotations__ = columns_of(
        ConsentRecord, id=Serial, subject=Big, purpose=Annotated[str, Field(index=True)]
    )


class BudgetScopeRow(_Table, table=True):
    """Cap and spending of one scope in micro-rho; more than the cap cannot be stored."""

    __table_args__ = (
        CheckConstraint("spent >= 0", name="not_negative"),
        CheckConstraint("spent <= cap", name="within_cap"),
    )

    __annotations__ = columns_of(BudgetLine, scope=Key, cap=Big, spent=Big)


class BudgetChargeRow(_Table, table=True):
    """One charge; its id can be used once, for ever."""

    __table_args__ = (CheckConstraint("rho > 0", name="positive"),)

    id: Key
    scopes: str  # JSON array, sorted
    rho: Big
    at: datetime


class ReleaseRow(_Table, table=True):
    """A release in its present state."""

    __table_args__ = (
        CheckConstraint("approver <> requester", name="two_people"),
        Index(None, "plan_digest", "data_version"),
    )

    __annotations__ = columns_of(Release, id=Key, rho=Big)


class RightsRequestRow(_Table, table=True):
    """A rights request in its present state."""

    __annotations__ = columns_of(
        RightsRequest, id=Key, subject=Annotated[int, Field(sa_type=BigInteger, index=True)]
    )


class SubjectFlagRow(_Table, table=True):
    """A standing flag such as ``no_automated_decision``."""

    subject: BigKey
    flag: str = Field(primary_key=True, index=True)
    at: datetime


class ModelRow(_Table, table=True):
    """One version of a model."""

    __table_args__ = (CheckConstraint("approved_by <> trained_by", name="two_people"),)

    __annotations__ = columns_of(Model, name=Key, version=Annotated[int, Field(primary_key=True)], rho=Big)


class ActorRow(_Table, table=True):
    """A member of staff or a service."""

    __annotations__ = columns_of(Actor, id=Key, added_at=datetime)  # roles are sorted, separated by spaces


class ApiTokenRow(_Table, table=True):
    """An API token: its digest, never the token."""

    id: Key
    actor: str = Field(foreign_key="actor.id", index=True)
    digest: str
    expires_at: datetime


class SourceSystemRow(_Table, table=True):
    """A system that may push; its secret is derived, not stored."""

    __annotations__ = columns_of(SourceSystem, name=Key, changed_at=datetime)  # lists are sorted, in words


class PushRow(_Table, table=True):
    """The answer to an idempotency key of a source."""

    __annotations__ = columns_of(PushRecord, source=Key, key=Key, created=Big)


class OutboxRow(_Table, table=True):
    """A log entry that was committed with what it is about, and is not known to be in the log yet."""

    seq: Serial
    id: str = Field(unique=True)
    entry: bytes


class AuditEntryRow(_Table, table=True):
    """Where an entry is; made from the logs, and from nothing else."""

    origin: Key
    position: BigKey
    id: str = Field(index=True)
    at: datetime = Field(index=True)
    type: str = Field(index=True)
    actor: str = Field(index=True)
    decision: str
    purpose: str
    resource: str = Field(index=True)


class AuditIndexRow(_Table, table=True):
    """How many entries of a log are indexed; the row of no log is there to be locked."""

    origin: Key
    size: Big


DATASET = METADATA.tables["dataset"]
BATCH = METADATA.tables["batch"]
QUARANTINE_RELEASE = METADATA.tables["quarantine_release"]
CURSOR = METADATA.tables["cursor"]
CONSENT = METADATA.tables["consent"]
BUDGET_SCOPE = METADATA.tables["budget_scope"]
BUDGET_CHARGE = METADATA.tables["budget_charge"]
RELEASE = METADATA.tables["release"]
RIGHTS_REQUEST = METADATA.tables["rights_request"]
SUBJECT_FLAG = METADATA.tables["subject_flag"]
MODEL = METADATA.tables["model"]
ACTOR = METADATA.tables["actor"]
API_TOKEN = METADATA.tables["api_token"]
SOURCE_SYSTEM = METADATA.tables["source_system"]
PUSH = METADATA.tables["push"]
OUTBOX = METADATA.tables["outbox"]
AUDIT_ENTRY = METADATA.tables["audit_entry"]
AUDIT_INDEX = METADATA.tables["audit_index"]
