"""The certificate of a rights request: what was asked, decided, done and kept, and why; verified offline.

It carries no identifier. ``commitment`` is HMAC-SHA256 of the contact under the receipt key that only the
customer holds, so the customer can show that the certificate is about them and nobody else can.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from audit.canonical import digest
from audit.certificate import build_certificate
from audit.dsse import Statement, format_statement
from service.domain.releases import ReleaseState
from service.domain.requests import Right, RightsRequest
from service.ports import Deps
from service.usecases.access import Act, places
from service.usecases.tags import file_beside

_TYPE: Final = "https://fiduciary.example/certificates/rights/v1"


def certify(request: RightsRequest, act: Act) -> str:
    """Write ``<home>/certificates/<request>.json`` and return its name."""
    deps = act.deps
    evidence = json.loads(request.evidence)
    cited = places(evidence.pop("entries", []), deps)
    predicate = _predicate(request, evidence, deps) | {"entries": [*map(str, cited)], "policy": act.policy}
    decided = hashlib.sha256(request.decision.encode()).hexdigest()
    envelope = deps.audit.attest(format_statement(Statement({"decision": decided}, _TYPE, predicate)))
    (index,) = places([act.record("rights:certify", payload=digest(envelope))], deps)
    data = build_certificate(envelope, cited, index, evidence=deps.audit.evidence([*cited, index]))
    name = f"{request.id}.json"
    file_beside(deps.home / "certificates" / name, data)
    return name


def _predicate(request: RightsRequest, evidence: dict[str, object], deps: Deps) -> dict[str, object]:
    done: dict[str, object] = {
        "request": request.id,
        "right": request.right.value,
        "opened_at": request.opened_at.isoformat(),
        "due_at": request.due_at.isoformat(),
        "done_at": deps.clock.now().isoformat(),
        "decided_by": request.decided_by,
        "decision": json.loads(request.decision or "[]"),
        "commitment": evidence.pop("commitment", ""),
        "steps": evidence,
    }
    return done | (_derived(deps) if request.right is Right.ERASURE else {})


def _derived(deps: Deps) -> dict[str, object]:
    """What was made from the data before: released answers and models, and why they stay."""
    with deps.ops() as tx:
        releases = sum(r.state is ReleaseState.RELEASED for r in tx.releases.all())
        models = [
            {"model": f"{m.name}@{m.version}", "digest": m.digest, "rho": m.rho, "state": m.state.value}
            for m in tx.models.all()
        ]
    return {
        "releases": {"count": releases, "why": "differentially private; doing them again would single out"},
        "models": {"trained_before": models, "why": "trained from differentially private counts only"},
        "outside": "backups of the stores open nothing without the key epoch named above, which is destroyed",
    }
