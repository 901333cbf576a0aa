"""Tables of the vault: subjects and their wrapped keys, blind indexes, sealed documents, what a law keeps.

No plain identifier is in any column. A destroyed subject keeps its number, so that no number is given twice,
and the id of the epoch that died with its keys; nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from sqlalchemy import BigInteger, CheckConstraint, Index, MetaData, UniqueConstraint
from sqlmodel import Field

from service.adapters.sql.tables import NAMES, BigKey, Key, NamedTable, columns_of
from service.domain.links import Link
from service.ports import Retained

METADATA = MetaData(naming_convention=NAMES)
BytesKey = Annotated[bytes, Field(primary_key=True)]
Owner = Annotated[int, Field(sa_type=BigInteger, foreign_key="subject.number")]
OwnerIndexed = Annotated[int, Field(sa_type=BigInteger, foreign_key="subject.number", index=True)]

ACTIVE: Final = "active"
RESTRICTED: Final = "restricted"
DESTROYED: Final = "destroyed"


class _Table(NamedTable):
    """All tables of the vault share one metadata, apart from the operational database's."""

    metadata = METADATA


class KeyEpochRow(_Table, table=True):
    """The one epoch in force; whoever changes keys locks this row."""

    __table_args__ = (CheckConstraint("slot = 1", name="one_row"),)

    slot: BigKey = 1
    epoch: str


class SubjectRow(_Table, table=True):
    """A data subject: wrapped ``sid`` and data key, or only the trace that both are gone."""

    __table_args__ = (
        CheckConstraint("state IN ('active', 'restricted', 'destroyed')", name="state"),
        CheckConstraint("(state = 'destroyed') = (wrapped IS NULL)", name="destroyed_has_no_key"),
    )

    number: BigKey
    state: str
    epoch: str  # the epoch that wraps the keys; for a destroyed subject the one that was destroyed with it
    wrapped: bytes | None


class BlindIndexRow(_Table, table=True):
    """From a keyed tag of an identifier to its subject."""

    __table_args__ = (Index(None, "subject", "id_type"),)

    id_type: Key
    tag: BytesKey
    subject: Owner


class SealedRow(_Table, table=True):
    """A document under the subject's own key."""

    subject: int = Field(sa_type=BigInteger, primary_key=True, foreign_key="subject.number")
    data_class: Key
    schema_version: int
    box: bytes


class SuppressionRow(_Table, table=True):
    """A keyed tag of an identifier of an erased person."""

    tag: BytesKey
    until: datetime


class RetainedRow(_Table, table=True):
    """A document a law says keep, under the retention key; it does not name the subject."""

    __annotations__ = columns_of(Retained, request=Key, data_class=Key, box=bytes)


class SubjectLinkRow(_Table, table=True):
    """Two enrolments and what was decided about their being one person; see ``service.domain.links``."""

    __table_args__ = (
        CheckConstraint("a <> b", name="two"),
        CheckConstraint("state <> 'merged' OR dpia <> ''", name="assessed"),
        UniqueConstraint("a", "b"),
    )

    __annotations__ = columns_of(Link, id=Key, a=Owner, b=OwnerIndexed)


KEY_EPOCH: Final = METADATA.tables["key_epoch"]
SUBJECT: Final = METADATA.tables["subject"]
BLIND_INDEX: Final = METADATA.tables["blind_index"]
SEALED: Final = METADATA.tables["sealed"]
SUPPRESSION: Final = METADATA.tables["suppression"]
RETAINED: Final = METADATA.tables["retained"]
SUBJECT_LINK: Final = METADATA.tables["subject_link"]
