"""The log in three forms of others, for tools that read no transparency log. Pure, and lazy: entry by entry.

* ``ocsf``: JSON lines, OCSF 1.6.0. Acts on stored data are Datastore Activity (6005), all else API Activity
  (6003); what the schema has no name for is in ``unmapped``.
* ``cef``: ArcSight Common Event Format, one line an entry; ``FiduciaryAt`` has the time in microseconds.
* ``prov``: one W3C PROV-JSON document with a bundle for each entry: an activity, the agent who did it, the
  resource it used and the document whose digest it logged. What was denied used and generated nothing.

Nothing of an entry is left out; only the log itself is evidence.

>>> from datetime import UTC, datetime
>>> entry = Entry(id="1", at=datetime(2026, 1, 2, tzinfo=UTC), type="score:read", actor="user:ann")
>>> next(cef([(Place("example.com/log", 7), entry)], "example.com")).rpartition("|")[0]
'CEF:0|Fiduciary|Fiduciary|1|score:read|score read|1'
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from audit.entry import Entry, format_entry
from audit.evidence import Place

Rows = Iterable[tuple[Place, Entry]]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OTHER: Final = 99
_STORED: Final = {  # acts on stored data, as activities of class 6005
    "profile:read": 1, "score:read": 1, "identity:read": 1,  # Read
    "consent:withdraw": 2, "identity:decide": 2, "identity:undo": 2,  # Update
    "identity:match": 4, "aggregate:run": 4, "aggregate:release": 4, "aggregate:replay": 4,  # Query
    "consent:import": 5, "dataset:ingest": 5, "profile:build": 5, "reference:add": 5, "score:build": 5,
    "dataset:add": 6, "rights:erase": 7, "retention:run": 7,  # Write above; Create, Delete
}  # fmt: skip
_VERBS: Final = {  # all other acts, as activities of class 6003
    "add": 1, "build": 1, "certify": 1, "issue": 1, "open": 1, "request": 1, "train": 1,  # Create
    "classify": 2, "export": 2, "preview": 2, "read": 2, "scan": 2, "trace": 2,  # Read
    "approve": 3, "decide": 3, "reject": 3, "rotate": 3, "retire": 4, "revoke": 4,  # Update, Delete
}  # fmt: skip
_LABELS: Final = {
    "cs1": "purpose", "cs2": "basis", "cs3": "policy", "cs4": "rule", "cs5": "resource", "cs6": "payload",
    "cn1": "index", "cn2": "subjects", "cn3": "rho",
}  # fmt: skip
_VALUE: Final = str.maketrans({"\\": "\\\\", "=": "\\=", "\n": "\\n", "\r": "\\r"})  # CEF extensions
_json: Final = partial(json.dumps, separators=(",", ":"))


def _facts(entry: Entry) -> Any:
    """What the entry says, empty fields left out, as a mapping."""
    return json.loads(format_entry(entry))


def _milliseconds(entry: Entry) -> int:
    return (entry.at - _EPOCH) // timedelta(milliseconds=1)


def _filled(value: Mapping[str, object]) -> dict[str, object]:
    return {name: item for name, item in value.items() if item not in ("", {}, [], ())}


def ocsf(rows: Rows, _name: str) -> Iterator[str]:
    """One event a line."""
    for place, entry in rows:
        rest, (noun, _, verb) = _facts(entry), entry.type.partition(":")
        kind = 6005 if (stored := entry.type in _STORED) else 6003
        activity = _STORED.get(entry.type) or _VERBS.get(verb, _OTHER)
        outcome = 1 if entry.decision == "allow" else 2
        metadata = {
            "version": "1.6.0", "product": {"name": "Fiduciary", "vendor_name": "Fiduciary"},
            "log_name": place.origin, "sequence": place.position, "uid": rest.pop("id"),
            "event_code": rest.pop("type"), "original_time": rest.pop("at"),
            "correlation_uid": str(dict(entry.detail).get("trace", "")),
        }  # fmt: skip
        policy = _filled({"uid": rest.pop("policy", ""), "name": rest.pop("rule", "")})
        authorization = _filled({"decision": rest.pop("decision"), "policy": policy})
        resource = _filled({"uid": rest.pop("resource", "")})
        event = {
            "class_uid": kind, "category_uid": 6, "activity_id": activity, "type_uid": 100 * kind + activity,
            "activity_name": verb if activity == _OTHER else "", "severity_id": outcome, "status_id": outcome,
            "time": _milliseconds(entry), "metadata": _filled(metadata),
            "actor": {"user": {"uid": rest.pop("actor")}, "authorizations": [authorization]},
            "src_endpoint": {"name": "unrecorded"},  # required; the log holds no addresses
            "table": (resource or {"name": noun}) if stored else {},
            "api": {} if stored else {"operation": entry.type},
            "resources": [resource] if resource and not stored else [],
            "unmapped": {name: value for name, value in rest.items() if name != "v"},
        }  # fmt: skip
        yield _json(_filled(event))


def cef(rows: Rows, _name: str) -> Iterator[str]:
    """One line an entry, without a syslog header. Its own header holds nothing that needs an escape."""
    for place, entry in rows:
        facts = _facts(entry) | {"index": place.position}
        labelled = {key: name for key, name in _LABELS.items() if name in facts}
        pairs = {
            "rt": _milliseconds(entry), "FiduciaryAt": facts["at"], "externalId": entry.id,
            "deviceExternalId": place.origin, "suid": entry.actor, "spriv": entry.role, "act": entry.decision,
            **{key: facts[name] for key, name in labelled.items()},
            **{f"{key}Label": name for key, name in labelled.items()},
            "FiduciaryTag": entry.tag, "FiduciaryDetail": entry.detail and _json(dict(entry.detail)),
        }  # fmt: skip
        extension = " ".join(f"{key}={str(value).translate(_VALUE)}" for key, value in _filled(pairs).items())
        head = f"CEF:0|Fiduciary|Fiduciary|1|{entry.type}|{entry.type.replace(':', ' ')}"
        yield f"{head}|{5 if entry.decision == 'deny' else 1}|{extension}"


def prov(rows: Rows, name: str) -> Iterator[str]:
    """The lines of one document; ``name`` is what the logs' origins begin with."""
    spaces = {kind: f"https://{name}/{kind}/" for kind in ("entry", "act", "actor", "resource", "payload")}
    yield f'{{"prefix":{_json(spaces | {"fdc": "https://fiduciary.example/prov#"})},"bundle":{{'
    for number, (place, entry) in enumerate(rows):
        yield f'{"," if number else ""}"entry:{place}":{_json(_described(entry))}'
    yield "}}"


def _described(entry: Entry) -> Mapping[str, object]:
    facts, act, agent = _facts(entry), _qualified("act", entry.id), _qualified("actor", entry.actor)
    time = facts.pop("at")
    facts |= {"detail": _json(facts["detail"])} if entry.detail else {}
    things = {name: _qualified(name, facts[name]) for name in ("resource", "payload") if name in facts}
    used, made = (things.get(name) if entry.decision == "allow" else None for name in ("resource", "payload"))
    said = {"prov:startTime": time, "prov:endTime": time} | {f"fdc:{k}": value for k, value in facts.items()}
    return _filled({
        "agent": {agent: {"prov:label": entry.actor}},
        "activity": {act: said},
        "entity": {thing: {"prov:label": facts[name]} for name, thing in things.items()},
        "wasAssociatedWith": {"_:who": {"prov:activity": act, "prov:agent": agent}},
        "used": {"_:used": {"prov:activity": act, "prov:entity": used}} if used else {},
        "wasGeneratedBy": {"_:made": {"prov:entity": made, "prov:activity": act}} if made else {},
    })  # fmt: skip


def _qualified(space: str, code: str) -> str:
    """A qualified name; what its local part cannot hold is written as in a URL."""
    return f"{space}:" + re.sub("[^A-Za-z0-9_/@]", lambda found: f"%{ord(found[0]):02X}", code)


FORMATS: Final[Mapping[str, Callable[[Rows, str], Iterator[str]]]] = {"ocsf": ocsf, "cef": cef, "prov": prov}
