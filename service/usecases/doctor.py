"""Is everything in order? Looks at each part and says so; never changes anything, never shows content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audit.verify import verify_log
from policies.lint import lint
from service.ports import Deps


@dataclass(frozen=True, slots=True)
class Finding:
    """One part, whether it is in order, and a detail for people."""

    part: str
    ok: bool
    detail: str


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
