"""The access copy: everything held about one person, with purposes and recipients. PIPL 45, GDPR 15."""

from __future__ import annotations

import json
from dataclasses import asdict

import polars as pl

from service.ports import Deps
from service.usecases.audience import sealed_documents, storage_pseudonym
from service.usecases.payloads import find_payload
from service.usecases.persons import parts
from service.usecases.tracing import accesses


def access_package(subject: int, *, deps: Deps) -> dict[str, object]:
    """What the service holds, as JSON values; for the person alone, never stored.

    Parts: ``identifiers`` by sealed document (where enrolments were merged, of the one that asked, and of the
    others under a name of their own), ``rows`` by table, ``consents``, ``purposes`` with lawful basis,
    ``recipients``, ``uses`` with what was ``sealed`` away, such as a statement.
    """
    person = parts(subject, deps)
    identifiers = [sealed_documents(part, deps) for part in person]
    targets = [storage_pseudonym(part, deps) for part in person]
    rows: dict[str, object] = {}
    for name in (name for name in deps.events.tables() if not name.startswith("quarantine_")):
        frame = pl.concat([deps.events.read_subject(name, target) for target in targets])
        if frame.height:
            rows[name] = json.loads(frame.select(c for c in frame.columns if c[0] != "_").write_json())
    with deps.ops() as tx:
        records = [record for part in person for record in tx.consents.of(part)]
        releases = sum(bool(r.entry) for r in tx.releases.all())
    consents = [asdict(record) | {"kind": record.kind.value} for record in records]
    for consent in consents:
        consent.pop("subject")
        for field in ("given_at", "valid_until", "withdrawn_at"):
            consent[field] = consent[field].isoformat() if consent[field] else None
    purposes = {  # PIPL 48: the rules of processing, as they are in force
        p.code: {"basis": p.basis, "law": p.law, "title": dict(p.title)}
        for p in deps.policy.bundle.purposes.values()
    }
    uses = [  # PIPL 45(1), GDPR 15(1): roles, not names, of those who used it
        {"at": e.at.isoformat(), "act": e.type, "purpose": e.purpose, "role": e.role, "decision": e.decision}
        | find_payload(e, person, deps)
        for _, e in accesses(targets, deps).entries
    ]
    recipients = {"outside": [], "noisy_aggregates_released": releases}
    return {
        "identifiers": identifiers[0],
        **({"identifiers_of_merged_enrolments": identifiers[1:]} if identifiers[1:] else {}),
        "rows": rows,
        "consents": consents,
        "purposes": purposes,
        "recipients": recipients,
        "uses": uses,
    }
