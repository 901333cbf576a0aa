"""Is everything in order? Looks at each part and says so; never shows content.

``check_log`` recomputes the log and all that stands beside it; the first thing that is broken is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from audit.errors import AuditError
from audit.verify import verify
from audit.verify_log import LogFacts
from audit.verify_shards import LogsFacts, verify_logs
from policies.lint import lint
from service.errors import TamperedError, UsageError
from service.ports import Deps, Scanner
from service.usecases.payloads import check_payloads
from service.usecases.retention import check_pruned
from service.usecases.tags import PEOPLE, is_about

#: An identifier of fewer bytes turns up by chance.
_SHORTEST: Final = 6
_STALE: Final = 86_400  # seconds
Steps = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """One part, whether it is in order, and a detail for people."""

    part: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Traces:
    """Where identifiers lie in the clear.

    Attributes:
        files: files searched.
        size: their bytes.
        needles: identifiers looked for.
        too_short: lines of identifiers too short to be looked for.
        hits: file to the lines of the identifiers in it; no line where the file cannot be decoded. When
            several lines have one spelling, the first stands for all.
    """

    files: int
    size: int
    needles: int
    too_short: tuple[int, ...]
    hits: dict[str, tuple[int, ...]]

    @property
    def outside(self) -> tuple[str, ...]:
        """Files with hits that are not the vault's."""
        return tuple(name for name in self.hits if not name.startswith("vault."))


def trace(lines: Sequence[str], scanner: Scanner) -> Traces:
    """Search the data directory for identifiers, one a line. Raises UsageError when there is none."""
    values = {number: line.strip() for number, line in enumerate(lines, start=1) if line.strip()}
    long = {number: value for number, value in values.items() if len(value.encode()) >= _SHORTEST}
    if not long:
        raise UsageError("no identifier to look for", shortest_bytes=_SHORTEST)
    scan, numbers = scanner.scan(list(long.values())), tuple(long)
    hits = {name: tuple(numbers[place] for place in scan.found.get(name, ())) for name in scan.hits}
    return Traces(scan.files, scan.size, len(long), tuple(n for n in values if n not in long), hits)


def examine(deps: Deps) -> tuple[Finding, ...]:
    """Examine policies, log, databases, event store and budget."""
    parts: tuple[tuple[str, Callable[[Deps], tuple[bool, str]]], ...] = (
        ("policies", _policies),
        ("audit log", _log),
        ("datasets", _datasets),
        ("event store", _events),
        ("vault", _vault),
        ("budget", _budget),
    )
    return tuple(_examine_one(name, look, deps) for name, look in parts)


def _examine_one(name: str, look: Callable[[Deps], tuple[bool, str]], deps: Deps) -> Finding:
    try:
        ok, detail = look(deps)
    except Exception as error:  # noqa: BLE001 - a doctor reports every failure instead of dying of one
        return Finding(name, ok=False, detail=f"{type(error).__name__}: {error}")
    return Finding(name, ok=ok, detail=detail)


def _policies(deps: Deps) -> tuple[bool, str]:
    findings = lint(deps.policy.bundle)
    return not findings, "; ".join(map(str, findings)) or deps.policy.bundle.digest


def _log(deps: Deps) -> tuple[bool, str]:
    deps.audit.seal()
    facts = verify_logs(deps.home / "log")
    return True, f"{facts.size} entries, every byte accounted for"


def check_log(
    directory: Path, opening: Callable[[], Deps] | None, *, now: datetime, progress: Steps, rebuild: bool
) -> dict[str, object]:
    """Check a log: every byte, and how long its newest entries have waited for a checkpoint.

    Of a service, which ``opening`` opens then, also each row of the index, and what lies beside the log.
    ``rebuild`` makes the index anew first. ``progress`` is told the step, what is done and what there is.

    Raises:
        TamperedError: names what is broken.
    """
    try:
        found = verify(directory, progress=lambda *at: progress("log", *at))
    except (AuditError, FileNotFoundError) as error:
        raise TamperedError("the log does not hold", link=str(error)) from error
    logs = found.logs if isinstance(found, LogsFacts) else [found] if isinstance(found, LogFacts) else []
    since = min((log.unsealed_since for log in logs if log.unsealed), default=now.isoformat())
    facts, waited = asdict(found), int((now - datetime.fromisoformat(since)).total_seconds())
    if waited > _STALE:
        raise TamperedError("the newest entries wait for a checkpoint", seconds=waited)
    if opening is not None:
        deps = opening()
        check_pruned(deps)
        facts |= deps.audit.reconcile(lambda *at: progress("index", *at), rebuild=rebuild)
        any(deps.audit.tagged(is_about(deps.home / PEOPLE, b"", ())))
        facts |= check_payloads(deps)
    return facts | {"unsealed_seconds": waited}


def _datasets(deps: Deps) -> tuple[bool, str]:
    with deps.ops() as tx:
        names = [f"{c.name} {c.version}" for c in tx.datasets.all()]
    return True, ", ".join(names) or "none registered"


def _events(deps: Deps) -> tuple[bool, str]:
    tables = [f"{name}@{deps.events.version(name)}" for name in deps.events.tables()]
    return True, ", ".join(tables) or "empty"


def _vault(deps: Deps) -> tuple[bool, str]:
    people = deps.vault.pseudonyms().height
    restricted, kept = len(deps.vault.restricted()), len(deps.vault.retained())
    return True, f"{people} subjects, {restricted} restricted, {kept} kept by law"


def _budget(deps: Deps) -> tuple[bool, str]:
    with deps.ops() as tx:
        lines = tx.budget.lines()
    over = [line.scope for line in lines if line.spent > line.cap]
    return not over, f"over budget: {over}" if over else f"{len(lines)} scopes, none overspent"
