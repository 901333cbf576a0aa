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
    EntryFilter,
    ReportSigner,
    Scanner,
    Source,
)
from service.ports.stores import Committed, EventStore, Retained, Stage, Vault
from service.ports.tables import BatchRow, BudgetLine, Cursor, CursorTable, Ops, OpsTransaction

__all__ = [
    "AuditTrail",
    "BatchRow",
    "BudgetLine",
    "ByteScan",
    "Chunk",
    "Clock",
    "Committed",
    "Connector",
    "Courier",
    "Cursor",
    "CursorTable",
    "Deps",
    "EntryFilter",
    "EventStore",
    "Ops",
    "OpsTransaction",
    "ReportSigner",
    "Retained",
    "Scanner",
    "Source",
    "Stage",
    "Vault",
]
