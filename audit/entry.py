"""What one line of the audit log says: who did what, to which kind of thing, why, and what was decided.

An entry never carries personal data: subjects appear as a count and, at most, as a keyed tag that only the
holder of the subject's key can compute. Free values are limited to short codes and integers.

>>> from datetime import UTC, datetime
>>> e = Entry(id="0" * 32, at=datetime(2026, 1, 2, tzinfo=UTC), type="dataset:ingest", actor="user:ann")
>>> parse_entry(format_entry(e)) == e
True
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from audit.errors import EntryError

VERSION: Final = 1
OPEN: Final = "log:open"  #: entry 0 of a shard that goes on from another: the last checkpoint of that one
CLOSE: Final = "log:close"  #: last entry of such a shard
MAX_BYTES: Final = 65_535  # C2SP tlog-tiles: an entry bundle stores a uint16 length
_TAG: Final = re.compile(r"[a-z]+(_[a-z]+)*:[a-z]+(_[a-z]+)*")
_CODE: Final = re.compile(r"[A-Za-z0-9._:/@+=,\- ]{0,256}")
_TEXT: Final = (
    "id", "type", "actor", "decision", "role", "purpose",
    "basis", "policy", "rule", "resource", "tag", "payload",
)  # fmt: skip
_NUMBERS: Final = ("subjects", "rho")
_LIMIT: Final = 1 << 63  # integers fit in 64 bits, signed

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
        for field, admissible in _checks(self):
            if not admissible:
                raise EntryError(field=field)


def _checks(entry: Entry) -> Iterator[tuple[str, bool]]:
    """Each field, and whether its value is admissible."""
    yield "at", entry.at.utcoffset() == timedelta(0)
    yield "type", _TAG.fullmatch(entry.type) is not None
    yield "decision", entry.decision in {"allow", "deny"}
    yield "id", bool(entry.id)
    yield "actor", bool(entry.actor)
    for name in _TEXT:
        yield name, _CODE.fullmatch(getattr(entry, name)) is not None
    for name in _NUMBERS:
        number = getattr(entry, name)
        yield name, type(number) is int and 0 <= number < _LIMIT
    keys = [key for key, _ in entry.detail]
    yield "detail", keys == sorted(set(keys)) and all(_detail_ok(k, v) for k, v in entry.detail)


def _detail_ok(key: str, value: str | int) -> bool:
    if isinstance(value, str):
        return bool(_CODE.fullmatch(key) and _CODE.fullmatch(value))
    return bool(_CODE.fullmatch(key)) and type(value) is int and -_LIMIT <= value < _LIMIT


def text_of(data: bytes, name: bytes) -> bytes:
    """A text of a canonical entry by its name spelt ``"name":"``, empty for none; faster than to parse all.

    No text holds a quote. Only for names that no detail has.
    """
    at = data.find(name) + len(name)
    return data[at : data.find(b'"', at)] if at >= len(name) else b""


def is_last(data: bytes) -> bool:
    """Whether a canonical entry is the last of its log. Texts hold no quotes; what is before is no detail."""
    return data.partition(b',"actor":')[0].endswith(f'"type":"{CLOSE}"'.encode())


def format_entry(entry: Entry) -> bytes:
    """The bytes hashed into the log: compact JSON, fields in one fixed order, empty ones left out."""
    body: dict[str, object] = {"v": VERSION, "at": entry.at.isoformat(timespec="microseconds")}
    for name in (*_TEXT, *_NUMBERS):
        if value := getattr(entry, name):
            body[name] = value
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
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        field = error.field if isinstance(error, EntryError) else "json"
        raise EntryError(field=field) from error
    if format_entry(entry) != data:
        raise EntryError(field="spelling")
    return entry


def _fast_pattern() -> re.Pattern[bytes]:
    """Grammar of most canonical entries; strings hold no escapes, so it is regular.

    Every repeat is possessive (``+``): nothing to go back to, and a quarter faster.
    Left to ``parse_entry``: leap days, the year 0 and numbers of 19 digits. The one group holds the details
    when there is more than one, whose order a regular expression cannot see.
    """
    code, number = _CODE.pattern.removesuffix("{0,256}"), "[1-9][0-9]{0,17}"
    text = {name: f'(?:,"{name}":"{code}{{1,256}}+")?+' for name in _TEXT}
    text |= {name: f',"{name}":"{code}{{1,256}}+"' for name in ("id", "actor")}
    text["type"] = f',"type":"(?=[^"]{{1,256}}"){_TAG.pattern.replace("(", "(?:")}"'
    text["decision"] = ',"decision":"(?:allow|deny)"'
    numbers = "".join(f'(?:,"{name}":{number})?+' for name in _NUMBERS)
    item = f'"{code}{{0,256}}+":(?:"{code}{{0,256}}+"|0|-?{number})'
    detail = rf"(?:,\"detail\":\{{(?:{item}|({item}(?:,{item})+))\}})?"
    month = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    day = f"(?!0000)[0-9]{{4}}-(?:{month}|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    at = rf"{day}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{{6}}\+00:00"
    fields = "".join(text[name] for name in _TEXT)
    return re.compile(rf'\{{"v":{VERSION},"at":"{at}"{fields}{numbers}{detail}\}}'.encode())


_FAST: Final = _fast_pattern()
_DETAIL_KEY: Final = re.compile(rb'"([^"]*)":(?:-?[0-9]+|"[^"]*"),?')


def check_entry(data: bytes) -> None:
    """Accept exactly what ``parse_entry`` accepts, many times faster. Raises EntryError."""
    match = _FAST.fullmatch(data)
    if match is None or len(data) > MAX_BYTES:
        parse_entry(data)
    elif match.lastindex:
        keys = _DETAIL_KEY.findall(match[1])
        if any(left >= right for left, right in itertools.pairwise(keys)):
            raise EntryError(field="detail")
