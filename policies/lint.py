"""What a rule set can get wrong although every line of it is well-formed: gaps, orphans, one person alone.

``lint`` returns findings for people, empty when all is well; the tests and ``fiduciary doctor`` run it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations

from policies.loader import load_policies
from policies.model import PolicyBundle


def lint(bundle: PolicyBundle) -> tuple[str, ...]:
    """Everything suspicious about the rules, one sentence each."""
    checks = (_orphans, _retention, _repeated, _four_eyes, _never, _denied)
    return tuple(finding for check in checks for finding in check(bundle))


def conflicting_roles(roles: Iterable[str], bundle: PolicyBundle | None = None) -> tuple[str, ...]:
    """Those of the roles that one person may not hold together, sorted; empty when all is well.

    Args:
        roles: the roles one person would hold.
        bundle: the rules in force; those shipped with the package by default.
    """
    return (bundle or _shipped()).conflicting_roles(roles)


@cache
def _shipped() -> PolicyBundle:
    return load_policies()


def _orphans(bundle: PolicyBundle) -> Iterator[str]:
    allowing = [rule for rule in bundle.rules if rule.eft == "allow"]
    named = {purpose for rule in allowing for purpose in rule.purposes}
    yield from (f"purpose without a rule: {code}" for code in sorted(set(bundle.purposes) - named))
    used = {rule.role for rule in allowing}
    yield from (f"role without a rule: {role}" for role in sorted(bundle.roles - used))
    given = {rule.permission for rule in allowing}
    yield from (f"permission that nobody has: {name}" for name in sorted(bundle.permissions - given))


def _retention(bundle: PolicyBundle) -> Iterator[str]:
    for name, rule in bundle.retention.items():
        if not rule.covers:
            yield f"retention class not in the data map: {name}"


def _repeated(bundle: PolicyBundle) -> Iterator[str]:
    count = Counter((r.role, r.permission, r.condition, r.eft) for r in bundle.rules)
    yield from (f"two rules where one would do: {k[0]} {k[1]}" for k, n in count.items() if n > 1)


def _four_eyes(bundle: PolicyBundle) -> Iterator[str]:
    for approve, ask in bundle.separation.four_eyes.items():
        rules = [rule for rule in bundle.rules if rule.eft == "allow"]
        for rule in rules:
            if rule.permission == approve and rule.condition != "not_requester":
                yield f"approval without not_requester: {rule.id}"
        approving = {rule.role for rule in rules if rule.permission == approve}
        asking = {rule.role for rule in rules if rule.permission == ask}
        yield from (f"one role asks and approves: {role}" for role in sorted(approving & asking))
        for pair in combinations(sorted(approving | asking), 2):
            crosses = bool(approving & set(pair)) and bool(asking & set(pair))
            if crosses and not bundle.conflicting_roles(pair):
                yield f"roles that ask and approve may be held together: {pair[0]}, {pair[1]}"


def _never(bundle: PolicyBundle) -> Iterator[str]:
    for role, kept in bundle.separation.never.items():
        for permission in kept:
            rules = [r for r in bundle.rules if (r.role, r.permission) == (role, permission)]
            complete = [
                r
                for r in rules
                if r.eft == "deny" and (r.max_class, r.purposes, r.condition) == ("C3", ("*",), "none")
            ]
            if not complete or len(rules) != len(complete):
                yield f"no deny rule keeps {permission} from {role}"


def _denied(bundle: PolicyBundle) -> Iterator[str]:
    shown = {feature for _, feature in bundle.denied.examples}
    yield from (
        f"denied feature without an example: {f}" for f in sorted(set(bundle.denied.features) - shown)
    )
    for text, feature in bundle.denied.examples:
        said = [f.code for f in bundle.denied.said_in(text)] or ["none"]
        if said != [feature]:
            yield f"denied feature example decided otherwise: {text}: {', '.join(said)}"
