"""Everything the use cases need from outside, as Protocols. Adapters implement them; wiring composes them.

Nothing else is abstract. All times are UTC. Every method may raise ``service.errors.StorageError``.
"""

from service.ports.runtime import (
    AuditTrail,
    ByteScan,
    Chunk,
    Clock,
    Connector,
    Courier,
    Deps,
    ReportSigner,
    Scanner,
    Source,
)
from service.ports.stores import Committed, EventStore, Retained, Stage, Vault
from service.ports.tables import (
    BatchRow,
    BatchTable,
    BudgetLedger,
    BudgetLine,
    ConsentTable,
    Cursor,
    CursorTable,
    DatasetTable,
    ModelTable,
    Ops,
    OpsTransaction,
    ReleaseTable,
    RequestTable,
    SourceTable,
    UserTable,
)

__all__ = [
    "AuditTrail",
    "BatchRow",
    "BatchTable",
    "BudgetLedger",
    "BudgetLine",
    "ByteScan",
    "Chunk",
    "Clock",
    "Committed",
    "Connector",
    "ConsentTable",
    "Cursor",
    "CursorTable",
    "Courier",
    "DatasetTable",
    "Deps",
    "EventStore",
    "ModelTable",
    "Ops",
    "OpsTransaction",
    "ReleaseTable",
    "ReportSigner",
    "RequestTable",
    "Retained",
    "Scanner",
    "Source",
    "Stage",
    "SourceTable",
    "UserTable",
    "Vault",
]
