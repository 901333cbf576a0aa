"""The access copy: everything held about one person, with purposes and recipients. PIPL 45, GDPR 15."""

from __future__ import annotations

import json
from dataclasses import asdict

from service.ports import Deps
from service.usecases.audience import sealed_documents, storage_pseudonym


def access_package(subject: int, *, deps: Deps) -> dict[str, object]:
    """What the service holds, as JSON values; for the person alone, never stored.

    Parts: ``identifiers`` by sealed document, ``rows`` by table, ``consents``, ``purposes`` with lawful
    basis, ``recipients``.
    """
    target = storage_pseudonym(subject, deps)
    identifiers = sealed_documents(subject, deps)
    rows: dict[str, object] = {}
    for name in deps.events.tables():
        if name.startswith("quarantine_"):
            continue
        frame = deps.events.read_subject(name, target)
        if frame.height:
            rows[name] = json.loads(frame.select(c for c in frame.columns if c[0] != "_").write_json())
    with deps.ops() as tx:
        consents = [asdict(c) | {"kind": c.kind.value} for c in tx.consents.of(subject)]
        releases = sum(r.entry >= 0 for r in tx.releases.all())
    for consent in consents:
        consent.pop("subject")
        for field in ("given_at", "valid_until", "withdrawn_at"):
            consent[field] = consent[field].isoformat() if consent[field] else None
    purposes = {  # PIPL 48: the rules of processing, as they are in force
        p.code: {"basis": p.basis, "law": p.law, "title": dict(p.title)}
        for p in deps.policy.bundle.purposes.values()
    }
    recipients = {"outside": [], "noisy_aggregates_released": releases}
    return {
        "identifiers": identifiers,
        "rows": rows,
        "consents": consents,
        "purposes": purposes,
        "recipients": recipients,
    }
