"""What one line of the audit log says: who did what, to which kind of thing, why, and what was decided.

An entry never carries personal data: subjects appear as a count and, at most, as a keyed tag that only the
holder of the subject's key can compute. Free values are limited to short codes and integers.

>>> from datetime import UTC, datetime
>>> e = Entry(id="0" * 32, at=datetime(2026, 1, 2, tzinfo=UTC), type="dataset:ingest", actor="user:ann")
>>> parse_entry(format_entry(e)) == e
True
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from audit.errors import EntryError

VERSION: Final = 1
MAX_BYTES: Final = 65_535  # C2SP tlog-tiles: an entry bundle stores a uint16 length
_TAG: Final = re.compile(r"[a-z]+(_[a-z]+)*:[a-z]+(_[a-z]+)*")
_CODE: Final = re.compile(r"[A-Za-z0-9._:/@+=,\- ]{0,256}")
_TEXT: Final = (
    "id", "type", "actor", "decision", "role", "purpose", "basis", "policy", "rule", "resource", "tag", "payload",
)  # fmt: skip
_NUMBERS: Final = ("subjects", "rho")

Detail = tuple[tuple[str, "str | int"], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One audited act.

    Attributes:
        id: 128 random bits in hex, chosen by the producer.
        at: instant in UTC, microseconds.
        type: ``noun:verb`` such as ``consent:withdraw``.
        actor: pseudonymous staff or service id, such as ``user:ann``.
        decision: what policy said.
        role: the role that the decision was made under.
        purpose: code of the processing purpose.
        basis: lawful basis code.
        policy: ``sha256:`` digest of the policy bundle in force.
        rule: id of the policy rule that matched.
        resource: resource type and id, such as ``dataset/statements``.
        tag: keyed per-subject tag in hex, empty for none.
        payload: ``sha256:`` digest of a document kept elsewhere.
        subjects: number of data subjects touched.
        rho: privacy loss charged, in micro-rho (zCDP).
        detail: further short codes and integers, sorted by key.
    """

    id: str
    at: datetime
    type: str
    actor: str
    decision: Literal["allow", "deny"] = "allow"
    role: str = ""
    purpose: str = ""
    basis: str = ""
    policy: str = ""
    rule: str = ""
    resource: str = ""
    tag: str = ""
    payload: str = ""
    subjects: int = 0
    rho: int = 0
    detail: Detail = ()

    def __post_init__(self) -> None:
        """Refuse what the format cannot carry. Raises EntryError naming the field, never its value."""
        if self.at.utcoffset() is None or self.at.utcoffset() != UTC.utcoffset(None):
            raise EntryError(field="at")
        if not _TAG.fullmatch(self.type):
            raise EntryError(field="type")
        if self.decision not in {"allow", "deny"}:
            raise EntryError(field="decision")
        for name in _TEXT:
            if not _CODE.fullmatch(getattr(self, name)):
                raise EntryError(field=name)
        if min(self.subjects, self.rho) < 0:
            raise EntryError(field="subjects" if self.subjects < 0 else "rho")
        keys = [key for key, _ in self.detail]
        if keys != sorted(set(keys)) or not all(_detail_ok(k, v) for k, v in self.detail):
            raise EntryError(field="detail")


def _detail_ok(key: str, value: str | int) -> bool:
    if not _CODE.fullmatch(key) or isinstance(value, bool):
        return False
    return isinstance(value, int) or bool(_CODE.fullmatch(value))


def format_entry(entry: Entry) -> bytes:
    """The bytes that are hashed into the log: compact JSON, fields in one fixed order, empty ones left out."""
    body: dict[str, object] = {"v": VERSION, "at": entry.at.isoformat(timespec="microseconds")}
    for name in _TEXT:
        if value := getattr(entry, name):
            body[name] = value
    for name in _NUMBERS:
        if number := getattr(entry, name):
            body[name] = number
    if entry.detail:
        body["detail"] = dict(entry.detail)
    data = json.dumps(body, separators=(",", ":"), ensure_ascii=True).encode()
    if len(data) > MAX_BYTES:
        raise EntryError(field="detail")
    return data


def parse_entry(data: bytes) -> Entry:
    """The exact inverse of ``format_entry``; any other spelling is refused. Raises EntryError."""
    try:
        body = json.loads(data)
        if body.pop("v") != VERSION:
            raise EntryError(field="v")
        at = datetime.fromisoformat(body.pop("at"))
        detail = tuple(sorted(body.pop("detail", {}).items()))
        entry = Entry(at=at, detail=detail, **body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EntryError(field="json") from error
    if format_entry(entry) != data:
        raise EntryError(field="spelling")
    return entry
