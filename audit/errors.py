"""Everything that can go wrong in the log, one class per failure.

AuditError
├── EntryError              an entry that the format cannot carry
└── (the tree grows with the package; keep this drawing true)
"""

from __future__ import annotations

from dataclasses import dataclass


class AuditError(Exception):
    """Base of every error that ``audit`` raises."""


@dataclass(frozen=True)
class EntryError(AuditError, ValueError):
    """An entry, or its bytes, that the format does not admit."""

    field: str

    def __str__(self) -> str:
        return f"audit entry: field {self.field!r} is not admissible"
