"""Erasure with a seeded bug: it looks for the pseudonym only, and calls that a proof."""

from __future__ import annotations

from service.domain.requests import RightsRequest
from service.errors import ConflictError
from service.ports import Deps
from service.usecases.audience import storage_pseudonym
from service.usecases.erasure import Evidence


def prove_by_pseudonym(request: RightsRequest, deps: Deps) -> Evidence:
    """As ``erasure.prove``, but blind to identifiers in the clear."""
    scan = deps.scanner.scan([storage_pseudonym(request.subject, deps)])
    if scan.hits:
        raise ConflictError("the subject is still there", files=",".join(scan.hits))
    return {"files": scan.files, "bytes": scan.size, "hits": 0}
