"""Strict readers of the forms that the log is exported in: each gives the entries back, or refuses.

The OCSF reader holds an event against the published schema (``ocsf-1.6.0.json``): no attribute that it does
not have, none missing that it requires, types, enumerations and "at least one of" rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from prov.model import ProvActivity, ProvAgent, ProvBundle, ProvDocument, ProvEntity

from audit.entry import Entry, parse_entry
from audit.evidence import Place, parse_place

SCHEMA: Final = json.loads(
    (Path(__file__).parents[1] / "conformance/audit/testdata/ocsf-1.6.0.json").read_text(encoding="utf-8")
)
_PAIR: Final = re.compile(r"([A-Za-z0-9]+)=((?:[^\\=\n\r]|\\[\\=nr])*?)(?= [A-Za-z0-9]+=|\Z)")
_HEADER: Final = re.compile(r"CEF:0((?:\|(?:[^|\\\n\r]|\\[\\|])*){6})\|")
_ESCAPE: Final = {"n": "\n", "r": "\r"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rebuilt(facts: Mapping[str, Any]) -> Entry:
    """The entry with these facts; ``parse_entry`` refuses what is not the whole truth."""
    order = ("v", "at", "id", "type", "actor", "decision", "role", "purpose", "basis", "policy", "rule")
    names = (*order, "resource", "tag", "payload", "subjects", "rho", "detail")
    assert set(facts) <= set(names)
    body = {"v": 1} | {name: facts[name] for name in names if name in facts}
    return parse_entry(json.dumps(body, separators=(",", ":")).encode())


def parse_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """Header fields behind the version, and the extension. Raises ValueError."""
    head = _HEADER.match(line)
    if head is None:
        raise ValueError("header")
    fields = [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\)\|", head[1])[1:]]
    pairs: dict[str, str] = {}
    at = head.end()
    while at < len(line):
        found = _PAIR.match(line, at)
        if found is None or found[1] in pairs:
            raise ValueError(f"extension at {at}")
        pairs[found[1]] = re.sub(r"\\(.)", lambda escape: _ESCAPE.get(escape[1], escape[1]), found[2])
        at = found.end() + 1  # the space
    return fields, pairs


def entry_of_cef(line: str, name: str) -> tuple[Place, Entry]:
    """Place and entry of a line."""
    (vendor, product, version, kind, title, severity), pairs = parse_cef(line)
    assert (vendor, product, version, title) == ("Fiduciary", "Fiduciary", "1", kind.replace(":", " "))
    for key in [key for key in pairs if key.endswith("Label")]:
        pairs[pairs.pop(key)] = pairs.pop(key.removesuffix("Label"))
    known = {
        "at": "FiduciaryAt", "id": "externalId", "actor": "suid", "role": "spriv", "decision": "act",
        "tag": "FiduciaryTag", "detail": "FiduciaryDetail",
    }  # fmt: skip
    facts: dict[str, Any] = {name: pairs.pop(key) for name, key in known.items() if key in pairs}
    place = Place(pairs.pop("deviceExternalId"), int(pairs.pop("index")))
    assert place.origin.startswith(name)
    milliseconds = int(pairs.pop("rt"))
    facts |= (
        pairs | {"type": kind} | {name: int(pairs[name]) for name in ("subjects", "rho") if name in pairs}
    )
    facts |= {"detail": json.loads(facts["detail"])} if "detail" in facts else {}
    entry = rebuilt(facts)
    assert severity == ("5" if entry.decision == "deny" else "1")
    assert (
        timedelta(0) <= entry.at - (_EPOCH + timedelta(milliseconds=milliseconds)) < timedelta(milliseconds=1)
    )
    return place, entry


def check_ocsf(event: Mapping[str, Any]) -> str:
    """Hold an event against the schema; the name of its class. Raises AssertionError."""
    (name,) = (name for name, kind in SCHEMA["classes"].items() if kind["uid"] == event["class_uid"])
    _check_object(event, SCHEMA["classes"][name], name)
    assert event["type_uid"] == 100 * event["class_uid"] + event["activity_id"]
    assert event["category_uid"] == event["class_uid"] // 1000
    assert ("activity_name" in event) == (event["activity_id"] == 99)
    return str(name)


def _check_object(value: Mapping[str, Any], kind: Mapping[str, Any], where: str) -> None:
    attributes = kind["attributes"]
    assert set(value) <= set(attributes), where
    required = {name for name, item in attributes.items() if item["requirement"] == "required"}
    assert required <= set(value), where
    assert not kind.get("at_least_one") or set(kind["at_least_one"]) & set(value), where
    for name, item in value.items():
        expected = attributes[name]
        assert isinstance(item, list) == expected.get("array", False), f"{where}.{name}"
        for each in item if isinstance(item, list) else [item]:
            _check_value(each, expected, f"{where}.{name}")


def _check_value(value: object, expected: Mapping[str, Any], where: str) -> None:
    kind = expected["type"]
    if kind in SCHEMA["objects"]:
        assert isinstance(value, dict), where
        _check_object(value, SCHEMA["objects"][kind], where)
    elif kind in {"integer_t", "long_t", "timestamp_t"}:
        assert type(value) is int, where
        assert not expected.get("enum") or str(value) in expected["enum"], where
    elif kind == "object":
        assert isinstance(value, dict), where
        assert value, where
    else:
        assert kind in {"string_t", "resource_uid_t", "username_t"}, where
        assert isinstance(value, str), where
        assert value, where


def entry_of_ocsf(line: str, name: str) -> tuple[Place, Entry]:
    """Place and entry of an event."""
    event = json.loads(line)
    stored = check_ocsf(event) == "datastore_activity"
    metadata, actor = event["metadata"], event["actor"]
    assert metadata["version"] == "1.6.0"
    assert metadata["log_name"].startswith(name)
    (authorization,) = actor["authorizations"]
    policy = authorization.get("policy", {})
    resource = event["table"] if stored else next(iter(event.get("resources", [])), {})
    facts = {
        "at": metadata["original_time"], "id": metadata["uid"], "type": metadata["event_code"],
        "actor": actor["user"]["uid"], "decision": authorization["decision"], "policy": policy.get("uid", ""),
        "rule": policy.get("name", ""), "resource": resource.get("uid", ""),
    }  # fmt: skip
    rest = event.get("unmapped", {})
    assert not set(rest) & set(facts)
    entry = rebuilt({name: value for name, value in facts.items() if value} | rest)
    assert (
        timedelta(0)
        <= entry.at - (_EPOCH + timedelta(milliseconds=event["time"]))
        < timedelta(milliseconds=1)
    )
    assert event["status_id"] == event["severity_id"] == (1 if entry.decision == "allow" else 2)
    assert stored or event["api"]["operation"] == entry.type
    assert metadata.get("correlation_uid", "") == str(dict(entry.detail).get("trace", ""))
    return Place(metadata["log_name"], int(metadata["sequence"])), entry


def entries_of_prov(text: str, name: str) -> list[tuple[Place, Entry]]:
    """Places and entries of a document, read by the library ``prov``."""
    document = ProvDocument.deserialize(content=text, format="json")
    assert not document.get_records()
    return [_entry_of_bundle(bundle, name) for bundle in document.bundles]


def _entry_of_bundle(bundle: ProvBundle, owner: str) -> tuple[Place, Entry]:
    (activity,) = (record for record in bundle.get_records() if isinstance(record, ProvActivity))
    (agent,) = bundle.get_records(ProvAgent)
    facts: dict[str, Any] = {}
    for name, value in activity.extra_attributes:
        assert name.namespace.uri == "https://fiduciary.example/prov#"
        facts[name.localpart] = value
    facts |= {"detail": json.loads(facts["detail"])} if "detail" in facts else {}
    start = activity.get_startTime()
    assert start is not None
    entry = rebuilt({**facts, "at": start.isoformat(timespec="microseconds")})
    assert activity.get_endTime() == entry.at
    assert _ids(activity, agent) == [("act", entry.id), ("actor", entry.actor)]
    things = [("resource", entry.resource), ("payload", entry.payload)]
    assert _ids(*bundle.get_records(ProvEntity)) == [thing for thing in things if thing[1]]
    relations = {
        str(r.get_type()): [str(v) for _, v in r.formal_attributes if v] for r in bundle.get_records()
    }
    act, who = str(activity.identifier), str(agent.identifier)
    entities = {
        str(e.identifier).partition(":")[0]: str(e.identifier) for e in bundle.get_records(ProvEntity)
    }
    allowed = entry.decision == "allow"
    assert relations["prov:Association"] == [act, who]
    assert relations.get("prov:Usage") == (
        [act, entities["resource"]] if entry.resource and allowed else None
    )
    made = [entities["payload"], act] if entry.payload and allowed else None
    assert relations.get("prov:Generation") == made
    assert bundle.identifier is not None
    assert bundle.identifier.uri == f"https://{owner}/entry/{bundle.identifier.localpart}"
    return parse_place(bundle.identifier.localpart), entry


def _ids(*records: Any) -> list[tuple[str, str]]:
    found = [str(record.identifier).partition(":") for record in records]
    assert all(re.fullmatch("(?:[A-Za-z0-9_/@]|%[0-9A-F]{2})+", local) for _, _, local in found)  # PN_LOCAL
    return [(space, unquote(local)) for space, _, local in found]
