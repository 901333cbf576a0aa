"""Evidence for people outside: verify it offline, read the log, fetch a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from audit.entry import Entry
from audit.errors import AuditError
from audit.policy import parse_policy
from audit.verify import verify
from service.domain.actors import Actor
from service.errors import TamperedError, UnknownError, UsageError
from service.ports import Deps, EntryFilter
from service.usecases.access import authorise


def verify_evidence(path: Path, *, vkey: str = "", policy: Path | None = None) -> Mapping[str, object]:
    """Check a bundle, a certificate or a log. Needs no database, no network and no secret.

    Raises:
        TamperedError: names the first broken link.
        UsageError: the path is none of the three.
    """
    if not path.exists():
        raise UsageError("there is no such file", path=path.name)
    try:
        facts = verify(path, vkey=parse_policy(policy.read_bytes()) if policy else vkey or None)
    except AuditError as error:
        raise TamperedError("evidence does not verify", link=str(error)) from error
    return asdict(facts)


def read_log(last: int, *, actor: Actor, deps: Deps) -> tuple[tuple[int, Entry], ...]:
    """The newest entries. The reading is an entry itself, durable before anything is shown."""  # PIPL 54
    act = authorise(deps, actor, "audit:read", resource="log")
    act.record(detail=(("last", last),))
    return deps.audit.find(EntryFilter(last=last))


def find_report(name: str, *, actor: Actor, deps: Deps) -> Path:
    """The path of a report bundle. Raises UnknownError."""
    act = authorise(deps, actor, "report:read", resource="report")
    path = next((p for p in (deps.home / "report").glob("*.zip") if p.name == name), None)
    if path is None:
        raise UnknownError("there is no report of that name")
    act.record(resource=f"report/{path.name}")
    return path
