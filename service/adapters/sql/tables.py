"""Tables of the operational database. No identifier of a person is in them: subjects are numbers.

Times are UTC (naive ones are refused), money and privacy loss are integers, documents are JSON text. Rows are
written by Core statements, so what a table must never hold stands here as a constraint.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, MetaData, UniqueConstraint
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel

NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA = MetaData(naming_convention=NAMES)


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

    id: int | None = Field(default=None, primary_key=True)
    name: str
    version: str
    digest: str
    contract: str  # JSON of the frozen type
    document: str  # the contract as it was given
    added_at: datetime


class BatchRow(_Table, table=True):
    """A batch that was taken in."""

    __table_args__ = (CheckConstraint("row_count = admitted + quarantined + refused", name="no_row_lost"),)

    id: str = Field(primary_key=True)
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

    batch: str = Field(primary_key=True)
    row: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    rule: str
    by_batch: str
    at: datetime
    actor: str


class CursorRow(_Table, table=True):
    """How far a source that grows was taken in; ``pending`` is empty when no batch was begun."""

    source: str = Field(primary_key=True)
    dataset: str = Field(primary_key=True)
    done: str
    pending: str


class ConsentRow(_Table, table=True):
    """One giving of consent."""

    __table_args__ = (UniqueConstraint("subject", "purpose", "kind", "given_at"),)

    id: int | None = Field(default=None, primary_key=True)
    subject: int = Field(sa_type=BigInteger)
    purpose: str = Field(index=True)
    kind: str
    given_at: datetime
    valid_until: datetime | None
    withdrawn_at: datetime | None
    notice: str


class BudgetScopeRow(_Table, table=True):
    """Cap and spending of one scope in micro-rho; more than the cap cannot be stored."""

    __table_args__ = (
        CheckConstraint("spent >= 0", name="not_negative"),
        CheckConstraint("spent <= cap", name="within_cap"),
    )

    scope: str = Field(primary_key=True)
    cap: int = Field(sa_type=BigInteger)
    spent: int = Field(sa_type=BigInteger)


class BudgetChargeRow(_Table, table=True):
    """One charge; its id can be used once, for ever."""

    __table_args__ = (CheckConstraint("rho > 0", name="positive"),)

    id: str = Field(primary_key=True)
    scopes: str  # JSON array, sorted
    rho: int = Field(sa_type=BigInteger)
    at: datetime


class ReleaseRow(_Table, table=True):
    """A release in its present state."""

    __table_args__ = (
        CheckConstraint("approver <> requester", name="two_people"),
        Index(None, "plan_digest", "data_version"),
    )

    id: str = Field(primary_key=True)
    plan: str
    plan_digest: str
    purpose: str
    requester: str
    approver: str
    rho: int = Field(sa_type=BigInteger)
    state: str
    created_at: datetime
    data_version: str
    answer: str
    entry: int = Field(sa_type=BigInteger)


class RightsRequestRow(_Table, table=True):
    """A rights request in its present state."""

    id: str = Field(primary_key=True)
    right: str
    subject: int = Field(sa_type=BigInteger, index=True)
    state: str
    opened_at: datetime
    due_at: datetime
    code_tag: str
    code_expires_at: datetime | None
    attempts: int
    decided_by: str
    decision: str
    steps: str
    evidence: str
    certificate: str


class SubjectFlagRow(_Table, table=True):
    """A standing flag such as ``no_automated_decision``."""

    subject: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    flag: str = Field(primary_key=True, index=True)
    at: datetime


class ModelRow(_Table, table=True):
    """One version of a model."""

    __table_args__ = (CheckConstraint("approved_by <> trained_by", name="two_people"),)

    name: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    document: str
    digest: str
    state: str
    trained_by: str
    approved_by: str
    trained_at: datetime
    purpose: str
    rho: int = Field(sa_type=BigInteger)


class ActorRow(_Table, table=True):
    """A member of staff or a service."""

    id: str = Field(primary_key=True)
    roles: str  # sorted, separated by spaces
    added_at: datetime


class ApiTokenRow(_Table, table=True):
    """An API token: its digest, never the token."""

    id: str = Field(primary_key=True)
    actor: str = Field(sa_column=Column(ForeignKey("actor.id"), index=True, nullable=False))
    digest: str
    expires_at: datetime


class SourceSystemRow(_Table, table=True):
    """A system that may push; its secret is derived, not stored."""

    name: str = Field(primary_key=True)
    version: int
    datasets: str  # sorted, separated by spaces
    purposes: str  # sorted, separated by spaces
    revoked: bool
    changed_at: datetime


class PushRow(_Table, table=True):
    """The answer to an idempotency key of a source."""

    source: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request: str
    batch: str
    created: int = Field(sa_type=BigInteger)


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
