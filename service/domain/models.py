"""A scoring model's life: trained, approved by another person, retired. Only an approved one serves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class ModelState(StrEnum):
    """Where a model stands."""

    TRAINED = "trained"
    APPROVED = "approved"
    RETIRED = "retired"


NEXT: Final[dict[ModelState, frozenset[ModelState]]] = {
    ModelState.TRAINED: frozenset({ModelState.APPROVED, ModelState.RETIRED}),
    ModelState.APPROVED: frozenset({ModelState.RETIRED}),
    ModelState.RETIRED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Model:
    """One version of one model.

    Attributes:
        name: such as ``credit``.
        version: 1, 2, ...
        document: canonical JSON of the scorecard.
        digest: ``sha256:`` of the document.
        state: see ``ModelState``.
        trained_by: actor id.
        approved_by: actor id, never the trainer; empty until approved.
        trained_at: UTC.
        purpose: purpose code it may serve.
        rho: privacy loss of its training in micro-rho; 0 for a model trained without noise.
    """

    name: str
    version: int
    document: str
    digest: str
    state: ModelState
    trained_by: str
    approved_by: str
    trained_at: datetime
    purpose: str
    rho: int
