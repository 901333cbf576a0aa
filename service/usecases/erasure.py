"""Erasure, step by step. Every step is idempotent, so a killed run goes on where it stopped.

restrict -> suppress -> retain -> rows -> prove -> consents -> payloads -> destroy

``restrict`` comes first: from then on no reader sees the subject. Keys go last, after everything that needs
them. Nothing is called done that did nothing: ``prove`` asks the stores again and reads their bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from policies.model import RetentionRule
from privacy.pseudonym.suppression import suppression_tag
from service.domain.requests import RightsRequest
from service.errors import ConflictError
from service.ports import Deps, Retained
from service.usecases.audience import sealed_documents, storage_pseudonym
from service.usecases.payloads import remove_payloads
from service.usecases.persons import parts

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
    outcomes = []
    for _, rule in sorted(retention.items()):
        until = (at + timedelta(days=rule.keep_days)).date().isoformat() if rule.keep_days else ""
        # PIPL 47(1) delete; PIPL 47(2) keep, store and secure only
        outcomes.append(Outcome(rule.data_class, rule.outcome, rule.law, until, rule.covers))
    return tuple(outcomes)


def format_outcomes(outcomes: tuple[Outcome, ...]) -> str:
    """Canonical JSON of a decision."""
    return json.dumps([asdict(o) for o in outcomes], sort_keys=True, separators=(",", ":"))


def parse_outcomes(text: str) -> tuple[Outcome, ...]:
    """The inverse of ``format_outcomes``."""
    return tuple(Outcome(**{**o, "covers": tuple(o["covers"])}) for o in json.loads(text))


def restrict(request: RightsRequest, deps: Deps) -> Evidence:
    """Take the person out of all processing at once, all merged enrolments. PIPL 47(2), GDPR 18."""
    person = parts(request.subject, deps)
    for part in person:
        deps.vault.restrict(part)
    return {"restricted": len(deps.vault.restricted().intersection(person))}


def suppress(request: RightsRequest, deps: Deps) -> Evidence:
    """Remember, by keyed tag only, who must not come back with the next file."""
    tag_of = partial(suppression_tag, deps.keyring.derive("suppression"))
    person = parts(request.subject, deps)
    tags = {tag for part in person for tag in deps.vault.suppression_tags(part, tag_of)}
    deps.vault.suppress(tuple(tags), until=deps.clock.now() + timedelta(days=SUPPRESSION_DAYS))
    return {"identifiers": len(tags)}


def retain(request: RightsRequest, deps: Deps) -> Evidence:
    """Seal what a law says keep under the retention key, away from every reader. PIPL 47(2)."""
    evidence: Evidence = {}
    for outcome in (o for o in parse_outcomes(request.decision) if o.outcome == "restrict"):
        found = [_collect(part, outcome.covers, deps) for part in parts(request.subject, deps)]
        documents = [document for document, _ in found]
        kept = json.dumps(documents if documents[1:] else documents[0], ensure_ascii=False, sort_keys=True)
        until = datetime.fromisoformat(outcome.until).replace(tzinfo=deps.clock.now().tzinfo)
        what = Retained(request=request.id, data_class=outcome.data_class, until=until, law=outcome.law)
        deps.vault.retain(request.subject, kept.encode(), what)
        evidence[outcome.data_class] = sum(rows for _, rows in found)
    return evidence


def _collect(subject: int, covers: tuple[str, ...], deps: Deps) -> tuple[dict[str, object], int]:
    kept: dict[str, object] = {}
    sealed = sealed_documents(subject, deps)
    rows = 0
    for cover in covers:
        kind, _, name = cover.partition(":")
        if kind == "vault":
            kept[cover] = sealed.get(name)
        elif name in deps.events.tables():
            frame = deps.events.read_subject(name, storage_pseudonym(subject, deps))
            frame = frame.select(c for c in frame.columns if not c.startswith("_"))
            rows += frame.height
            kept[cover] = json.loads(frame.write_json())
    return kept, rows


def rows(request: RightsRequest, deps: Deps) -> Evidence:
    """Rewrite the subject's partitions in every table, derived ones and quarantine included. PIPL 47(1)."""
    targets = [storage_pseudonym(part, deps) for part in parts(request.subject, deps)]
    return {name: deps.events.erase(name, targets) for name in deps.events.tables()}


def payloads(request: RightsRequest, deps: Deps) -> Evidence:
    """Remove what is sealed beside the log for the person; ``destroy`` ends the key of copies. PIPL 47(1)."""
    return {"files": remove_payloads(parts(request.subject, deps), deps)}


def prove(request: RightsRequest, deps: Deps) -> Evidence:
    """Ask again, by another path: decode every file of the event store, search every byte.

    All identifiers are looked for, and before the keys go: afterwards nobody knows what to look for, so a
    search that failed could not be repeated. The vault holds them sealed only, so it is no exception.

    Raises:
        ConflictError: something is left; names the files. Run again when it is gone.
    """
    person = parts(request.subject, deps)
    targets = [storage_pseudonym(part, deps) for part in person]
    sealed = [document for part in person for document in sealed_documents(part, deps).values()]
    named = ((kind, value) for document in sealed for kind, value in document.items() if value)
    values = [str(value) for kind, value in named if kind != "birth_date"]  # many share a day
    left = deps.events.residue(targets)
    scan = deps.scanner.scan([*targets, *values])
    if left or scan.hits:
        raise ConflictError("the subject is still there", files=",".join((*left, *scan.hits)))
    return {"files": scan.files, "bytes": scan.size, "hits": 0, "identifiers": len(values)}


def consents(request: RightsRequest, deps: Deps) -> Evidence:
    """Forget consent records, and of other merged enrolments flags and past requests too."""
    person = parts(request.subject, deps)
    with deps.ops() as tx:
        for part in person[1:]:  # those of the first go when the request is done
            tx.requests.forget(part)
        return {"records": sum(tx.consents.forget(part) for part in person)}


def destroy(request: RightsRequest, deps: Deps) -> Evidence:
    """Destroy the keys and the key epochs that wrapped them, then ask the vault again.

    A subject's links go with it, so the farthest enrolment goes first and the one that asked last: whenever
    the process dies, the next run still finds those that are left.

    Raises:
        ConflictError: the vault still knows the subject.
    """
    person = parts(request.subject, deps)
    # what was said since ``payloads``, where the run was stopped; an earlier one destroyed some keys, perhaps
    remove_payloads(deps.vault.pseudonyms(person)["_subject"].to_list(), deps)
    epochs = [deps.vault.destroy(part) for part in reversed(person)]
    if deps.vault.pseudonyms(person).height or any(sealed_documents(part, deps) for part in person):
        raise ConflictError("the vault still knows the subject")
    return {"epoch": ",".join(epochs), "left": 0}


_IN_ORDER: Final = (restrict, suppress, retain, rows, prove, consents, payloads, destroy)
#: Their names stand in requests that are under way, and in the log.
STEPS: Final = tuple((step.__name__, step) for step in _IN_ORDER)
