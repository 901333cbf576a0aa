"""Evidence for people outside: verify it offline, compare and fetch reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from audit.bundle import unpack_bundle
from audit.errors import AuditError
from audit.policy import parse_policy
from audit.verify import verify
from service.domain.actors import Actor
from service.errors import TamperedError, UnknownError, UsageError
from service.ports import Deps
from service.reporting.diff import diff
from service.usecases.access import authorise


def verify_evidence(
    path: Path, *, vkey: str = "", policy: Path | None = None, tsa: Path | None = None
) -> Mapping[str, object]:
    """Check a bundle, a certificate or a log. Needs no database, no network and no secret.

    Raises:
        TamperedError: names the first broken link.
        UsageError: the path is none of the three.
    """
    if not path.exists():
        raise UsageError("there is no such file", path=path.name)
    try:
        trust = parse_policy(policy.read_bytes()) if policy else vkey or None
        facts = verify(path, vkey=trust, tsa=tsa.read_bytes() if tsa else b"")
    except AuditError as error:
        raise TamperedError("evidence does not verify", link=str(error)) from error
    return asdict(facts)


def compare_reports(old: Path, new: Path) -> Mapping[str, object]:
    """What changed between two drafts or bundles, whose evidence is not checked. Raises UsageError."""
    try:
        reports = [json.loads(unpack_bundle(path.read_bytes())["report.json"]) for path in (old, new)]
        return diff(*reports)
    except (AuditError, OSError, LookupError, TypeError, ValueError):
        raise UsageError("these are not two reports") from None


def find_report(name: str, *, actor: Actor, deps: Deps) -> Path:
    """The path of a report bundle. Raises UnknownError."""
    act = authorise(deps, actor, "report:read", resource="report")
    path = next((p for p in (deps.home / "report").glob("*.zip") if p.name == name), None)
    if path is None:
        raise UnknownError("there is no report of that name")
    act.record(resource=f"report/{path.name}")
    return path
