"""Errors that a person meets: one class per failure, fields instead of prose, no personal data.

FiduciaryError                      code, exit code, HTTP status
├── UsageError                      the request is malformed                     2 / 422
│   ├── ContractError               a data contract or a file against it
│   │   ├── DriftError              a column is of another class than the contract says
│   │   └── QualityError            a batch is below the quality that the contract asks for
│   └── UnknownError                a name that does not exist                       404
├── ConflictError                   not possible in the present state            1 / 409
├── UnauthenticatedError            no token, an unknown or an expired one       3 / 401
├── DeniedError                     policy, consent or identity says no          3 / 403
├── TooManyError                    too many refusals of one sender              1 / 429
├── BudgetExceededError             the privacy budget does not allow it         4 / 409
├── AuditUnavailableError           the log cannot append: nothing is done       5 / 503
├── TamperedError                   evidence does not verify                     5 / 409
└── StorageError                    disk full, store unreachable                 1 / 503
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class FiduciaryError(Exception):
    """The service failed.

    Base class of all others. ``fields`` are safe to show and to log: codes, names of things, numbers.
    """

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 1
    status: ClassVar[int] = 500

    def __init__(self, reason: str, **fields: str | int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fields: Mapping[str, str | int] = fields

    def __str__(self) -> str:
        """The reason with its fields, for people."""
        extra = ", ".join(f"{k}={v}" for k, v in self.fields.items())
        return f"{self.reason} ({extra})" if extra else self.reason


class UsageError(FiduciaryError):
    """The request itself is malformed; sending it again unchanged will fail again."""

    code, exit_code, status = "usage", 2, 422


class ContractError(UsageError):
    """A data contract, or a file held against it, is wrong."""

    code = "contract"


class DriftError(ContractError):
    """A column of a batch is of another class than the contract says; the whole batch is in quarantine."""

    code = "drift"


class QualityError(ContractError):
    """A batch is below the quality that the contract asks for; no row of it was stored."""

    code = "quality"


class UnknownError(UsageError):
    """A dataset, purpose, request or model of that name does not exist."""

    code, status = "unknown", 404


class ConflictError(FiduciaryError):
    """The thing exists but its state does not allow this."""

    code, exit_code, status = "conflict", 1, 409


class UnauthenticatedError(FiduciaryError):
    """No token, or one that is unknown, revoked or expired."""

    code, exit_code, status = "unauthenticated", 3, 401


class DeniedError(FiduciaryError):
    """Policy, consent or an unverified identity says no."""

    code, exit_code, status = "denied", 3, 403


class TooManyError(FiduciaryError):
    """Too many requests of this sender were refused; this one was refused too, and counted."""

    code, exit_code, status = "too_many", 1, 429


class BudgetExceededError(FiduciaryError):
    """The privacy budget of a scope does not cover the request. Nothing was charged."""

    code, exit_code, status = "budget", 4, 409


class AuditUnavailableError(FiduciaryError):
    """The audit log cannot append, so the effect did not happen."""

    code, exit_code, status = "audit", 5, 503


class TamperedError(FiduciaryError):
    """A log, bundle or certificate does not verify."""

    code, exit_code, status = "tampered", 5, 409


class StorageError(FiduciaryError):
    """Disk full or a store unreachable; the state before the call still holds."""

    code, exit_code, status = "storage", 1, 503
