"""Erasure, step by step. Every step is idempotent, so a killed run goes on where it stopped.

restrict -> suppress -> retain -> rows -> prove -> consents -> destroy

``restrict`` comes first: from then on no reader sees the subject. Keys go last, after everything that needs
them. Nothing is called done that did nothing: ``prove`` asks the stores again and reads their bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from policies.model import RetentionRule
from privacy.pseudonym.suppression import suppression_tag
from service.domain.requests import RightsRequest
from service.errors import ConflictError
from service.ports import Deps, Retained

SUPPRESSION_DAYS: Final = 3650
Evidence = dict[str, "str | int"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens to one class of data, and under which law.

    Attributes:
        data_class: key of ``policies/retention.yaml``.
        outcome: ``delete``, or ``restrict``: sealed away, readable to nobody in the service's work.
        law: citation.
        until: ISO date of the end of the retention duty, empty for ``delete``.
        covers: the tables and sealed documents concerned.
    """

    data_class: str
    outcome: str
    law: str
    until: str
    covers: tuple[str, ...]


def plan_erasure(retention: Mapping[str, RetentionRule], at: datetime) -> tuple[Outcome, ...]:
    """Decide class by class: the strongest rule wins, and only a statutory duty keeps anything."""
    return tuple(
        Outcome(
            data_class=rule.data_class,
            outcome=rule.outcome,  # PIPL 47(1) delete; PIPL 47(2) keep, store and secure only
            law=rule.law,
            until=(at + timedelta(days=rule.keep_days)).date().isoformat() if rule.keep_days else "",
            covers=rule.covers,
        )
        for _, rule in sorted(retention.items())
    )


def format_outcomes(outcomes: tuple[Outcome, ...]) -> str:
    """Canonical JSON of a decision."""
    return json.dumps([asdict(o) for o in outcomes], sort_keys=True, separators=(",", ":"))


def parse_outcomes(text: str) -> tuple[Outcome, ...]:
    """The inverse of ``format_outcomes``."""
    return tuple(Outcome(**{**o, "covers": tuple(o["covers"])}) for o in json.loads(text))


def restrict(request: RightsRequest, deps: Deps) -> Evidence:
    """Take the subject out of all processing at once. PIPL 47(2), GDPR 18."""
    deps.vault.restrict(request.subject)
    return {"restricted": int(request.subject in deps.vault.restricted())}


def suppress(request: RightsRequest, deps: Deps) -> Evidence:
    """Remember, by keyed tag only, who must not come back with the next file."""
    key = deps.keyring.derive("suppression")
    tags = deps.vault.suppression_tags(request.subject, lambda kind, value: suppression_tag(key, kind, value))
    deps.vault.suppress(tags, until=deps.clock.now() + timedelta(days=SUPPRESSION_DAYS))
    return {"identifiers": len(tags)}


def retain(request: RightsRequest, deps: Deps) -> Evidence:
    """Seal what a law says keep under the retention key, away from every reader. PIPL 47(2)."""
    evidence: Evidence = {}
    for outcome in parse_outcomes(request.decision):
        if outcome.outcome != "restrict":
            continue
        kept, rows = _collect(request.subject, outcome.covers, deps)
        until = datetime.fromisoformat(outcome.until).replace(tzinfo=deps.clock.now().tzinfo)
        what = Retained(request=request.id, data_class=outcome.data_class, until=until, law=outcome.law)
        deps.vault.retain(request.subject, kept, what)
        evidence[outcome.data_class] = rows
    return evidence


def _collect(subject: int, covers: tuple[str, ...], deps: Deps) -> tuple[bytes, int]:
    kept: dict[str, object] = {}
    rows = 0
    for cover in covers:
        kind, _, name = cover.partition(":")
        if kind == "vault":
            document = deps.vault.open(subject, name)
            kept[cover] = json.loads(document) if document else None
        elif name in deps.events.tables():
            frame = deps.events.read_subject(name, pseudonym(subject, deps))
            frame = frame.select(c for c in frame.columns if not c.startswith("_"))
            rows += frame.height
            kept[cover] = json.loads(frame.write_json())
    return json.dumps(kept, ensure_ascii=False, sort_keys=True).encode(), rows


def rows(request: RightsRequest, deps: Deps) -> Evidence:
    """Rewrite the subject's partitions in every table, derived ones and quarantine included. PIPL 47(1)."""
    target = pseudonym(request.subject, deps)
    return {name: deps.events.erase(name, [target]) for name in deps.events.tables()}


def prove(request: RightsRequest, deps: Deps) -> Evidence:
    """Ask again, by another path: decode every file of the event store, scan every byte outside the vault.

    Raises:
        ConflictError: something is left; names the files.
    """
    target = pseudonym(request.subject, deps)
    left = deps.events.residue([target])
    scan = deps.scanner.scan([target])
    outside = tuple(h for h in scan.hits if not h.startswith("vault."))
    if left or outside:
        raise ConflictError("the subject is still there", files=",".join((*left, *outside)))
    return {"files": scan.files, "bytes": scan.size, "hits": 0}


def consents(request: RightsRequest, deps: Deps) -> Evidence:
    """Forget consent records and standing flags of the subject."""
    with deps.ops() as tx:
        return {"records": tx.consents.forget(request.subject)}


def destroy(request: RightsRequest, deps: Deps) -> Evidence:
    """Destroy the keys and the key epoch that wrapped them, then search every byte for the subject.

    The needles live in memory only; after a crash they are gone, and ``bytes`` 0 says that the search of
    this step did not run again (the one of ``prove`` did).
    """
    needles = _needles(request.subject, deps)
    epoch = deps.vault.destroy(request.subject)
    scan = deps.scanner.scan(needles) if needles else None
    if scan and scan.hits:
        raise ConflictError("the subject is still there", files=",".join(scan.hits))
    return {"epoch": epoch, "files": scan.files if scan else 0, "bytes": scan.size if scan else 0, "hits": 0}


def _needles(subject: int, deps: Deps) -> list[str | bytes]:
    found: list[str | bytes] = []
    for rule in deps.policy.bundle.retention.values():
        for cover in rule.covers:
            kind, _, name = cover.partition(":")
            document = deps.vault.open(subject, name) if kind == "vault" else None
            found.extend(str(v) for v in json.loads(document).values() if v) if document else None
    if deps.vault.pseudonyms([subject]).height:
        found.append(pseudonym(subject, deps))
    return found


def pseudonym(subject: int, deps: Deps) -> bytes:
    """The storage pseudonym of a living subject."""
    frame = deps.vault.pseudonyms([subject])
    if frame.is_empty():
        raise ConflictError("the subject's keys are destroyed already")
    return bytes(frame.item(0, "_sp"))


STEPS: Final[tuple[tuple[str, Callable[[RightsRequest, Deps], Evidence]], ...]] = (
    ("restrict", restrict),
    ("suppress", suppress),
    ("retain", retain),
    ("rows", rows),
    ("prove", prove),
    ("consents", consents),
    ("destroy", destroy),
)
