"""Is everything in order? Looks at each part and says so; never changes anything, never shows content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from audit.verify import verify_log
from policies.lint import lint
from service.errors import UsageError
from service.ports import Deps, Scanner

#: An identifier of fewer bytes turns up by chance.
_SHORTEST: Final = 6


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
    facts = verify_log(deps.home / "log")
    return True, f"{facts.size} entries, every byte accounted for"


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
