"""Everything the use cases need from outside, as Protocols. Adapters implement them; wiring composes them.

Nothing else is abstract. All times are UTC. Every method may raise ``service.errors.StorageError``.
"""

from service.ports.runtime import (
    AuditTrail,
    ByteScan,
    Clock,
    Connector,
    Courier,
    Deps,
    ReportSigner,
    Scanner,
)
from service.ports.stores import EventStore, Retained, Vault
from service.ports.tables import (
    BatchRow,
    BatchTable,
    BudgetLedger,
    BudgetLine,
    ConsentTable,
    DatasetTable,
    ModelTable,
    Ops,
    OpsTransaction,
    ReleaseTable,
    RequestTable,
    UserTable,
)

__all__ = [
    "AuditTrail",
    "BatchRow",
    "BatchTable",
    "BudgetLedger",
    "BudgetLine",
    "ByteScan",
    "Clock",
    "Connector",
    "ConsentTable",
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
    "UserTable",
    "Vault",
]
